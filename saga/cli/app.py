"""The typer application: every command, and what `saga --help` says."""

import typer

from saga.cli import audit, conformance, definitions, deployment, keys, published, records, replica, sagas, secured, starting, watch

EPILOG = (
    "Exit codes: 0 done, 1 the answer is no or differs, 2 wrong usage or settings, 3 Postgres or Kafka cannot be reached, "
    "4 no such saga, 70 a bug, 141 whoever read the output went away. Settings: the SAGA_* variables, see docs/settings.md."
)

app = typer.Typer(
    name="saga",
    help="An event-sourced saga coordinator: run it, look at sagas, act on them.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
replica.add_to(app)
starting.add_to(app)
sagas.add_to(app)
watch.add_to(app)
published.add_to(app)
records.add_to(app)
definitions.add_to(app)
keys.add_to(app)
audit.add_to(app)
deployment.add_to(app)
secured.add_to(app)
conformance.add_to(app)
