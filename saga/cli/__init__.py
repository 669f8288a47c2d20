"""The `saga` command: run a replica, look at sagas, act on them, check definitions.

    saga dev | demo | serve | migrate | replay    processes and the database
    saga list | show | events | explain | watch   look; `saga ready`: can work be done
    saga start | cancel | retry | skip | ...      act
    saga dead-letters list | show | redrive | discard,  held list | retry
    saga keys add | list | rotate | revoke        who may use REST
    saga audit list | verify                      who did what, and whether somebody changed that
    saga check | diagram | inspect metrics        definitions and telemetry; no database needed

    app (commands) ─> asked (options as dataclasses) ─> doors (what it opens: the desk, a replica, replay, the demo)
                                      answers (exit codes, one line for a fault)   shown (tables for people, JSON for machines)

Exit codes: 0 done; 1 the answer is no, or differs (an act refused, `replay --check` found differences, a definition has faults, the
demonstration's check failed); 2 wrong usage or settings; 3 Postgres or Kafka cannot be reached; 4 there is no such saga; 70 a bug of ours;
141 whoever read the output went away before its end (as in `saga list | head`): neither yes nor no.

`--json` prints one JSON document on stdout with the same fields as REST; faults go to stderr, as JSON too. `demo --json` prints its
document as the last line. Settings are the SAGA_* variables; options override them.

Questions and acts go to the database, or over REST to a replica where SAGA_URL (or --url) says so, with the key of SAGA_API_KEY or
SAGA_API_KEY_FILE: the same Protocol `Operations` behind both doors, so the same answers, exit codes and texts (tests/unit/test_parity.py).

Why acts can speak to the database and not only to the REST of a replica: an operator needs them most when replicas are down. They go
through the same `decide` and the same append with an expected version, so a replica that works on the saga at the same time only
conflicts. What follows from an act is sent by a replica. A definition that is not loaded here (SAGA_DEFINITIONS) makes the act held.

Why bounds on text here too: a reason or a name goes into an event for ever, by whichever door. What REST refuses (nothing, too much, half a
surrogate pair) is wrong usage here, before anything is connected (words).

Why imports inside functions: `saga --help`, completion and a mistyped option must answer at once; Postgres, Kafka and web libraries
take most of a second to load and are loaded by the command that needs them.
"""


def main() -> None:
    """The entry point of the `saga` script and of `python -m saga`. Ends the process with one of the exit codes above."""
    from saga.cli.app import app  # noqa: PLC0415 - importing this room costs nothing, see above

    app()
