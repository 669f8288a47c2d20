"""Defects that a release by itself does not show: the next one decides otherwise, or cannot begin beside the last."""

from collections.abc import Sequence

from tests.planted.planted import Edit, Planted, found_by_tests

_EVENTS, _CORPUS = "saga/core/events.py", "tests/upgrade/test_corpus.py"
_BETWEEN = "\n\n\n@named_value\n"
_TABLES = "tests/integration/test_services_tables.py"


def _remembered(name: str, story: str, *edits: Edit) -> Planted:
    return found_by_tests(name, story, "upgrade", f"{_CORPUS}::test_every_recorded_history_folds_and_decides_as_it_did", *edits)


UPGRADED: Sequence[Planted] = (
    _remembered(
        "command ids of the next release differ",
        "a payment that is under way during the upgrade is asked for under another id, and taken twice",
        Edit("saga/core/identity.py", "5b0c-9a53-5a2f6d1c7e11", "5b0c-9a53-5a2f6d1c7e12"),
    ),
    _remembered(
        "default of a stored field changed",
        "events do not hold what is at its default, so every stored one says something else from now on",
        Edit(
            _EVENTS,
            f"    attempt: int = 1{_BETWEEN}class StepResent",
            f"    attempt: int = 2{_BETWEEN}class StepResent",
        ),
    ),
    _remembered(
        "stored field read under a new name",
        "`resending` of an old UndoParked is not found, and what is still sent again counts as given up",
        Edit(
            "saga/core/upcast.py",
            "for name, read in _READERS[kind.__name__] if name in body",
            'for name, read in _READERS[kind.__name__] if name in body and name != "resending"',
        ),
    ),
    _remembered(
        "waits of the next release differ",
        "two replicas of two releases compute two times for one retry: the row's due time is no longer the fold's",
        Edit("saga/core/backoff.py", "first_ms * 2 ** min(used - 1, 30)", "first_ms * 2 ** min(used, 30)"),
    ),
    _remembered(
        "patience of the next release differs",
        "a quarter of an hour becomes ten minutes: what one replica parks the other goes on with",
        Edit("saga/core/forward.py", "PARK_AFTER: Final = timedelta(minutes=15)", "PARK_AFTER: Final = timedelta(minutes=10)"),
    ),
    found_by_tests(
        "participant's SQL at every start",
        "an instance that begins beside others locks their tables for a moment, and one of them dies in the deadlock",
        "upgrade",
        f"{_TABLES}::test_an_instance_begins_beside_one_at_work_without_waiting_for_its_tables",
        Edit(
            "saga/sdk/barrier/database.py",
            "if (digest := hashlib.sha256(text.encode()).digest()) not in known:",
            "if digest := hashlib.sha256(text.encode()).digest():",
        ),
    ),
    found_by_tests(
        "deadlock of tables kills the participant",
        "the first start on tables that others work on ends the process instead of trying again",
        "upgrade",
        f"{_TABLES}::test_tables_that_others_hold_are_waited_for_and_nobody_dies_of_it",
        Edit("saga/sdk/barrier/database.py", "except (*_REFUSALS, *_AWAY, *_HELD, ValueError)", "except (*_REFUSALS, *_AWAY, ValueError)"),
    ),
)
