"""The sentence for people: what a saga waits for, since when, what happens next and when; or how it ended."""

import pytest

from saga.core.explain import explain
from saga.definition.graph import Definition
from saga.testing.inputs import Said, cancel, failed, fence, pause, refused, retry, skip, started, succeeded, tick, undone
from saga.testing.scenario import given
from tests.unit.core_shapes import FENCED, ONE, SIDE_BY_SIDE, TWO, WITH_PIVOT, Placed, shape, step

BEGUN = started(Placed())
NOON = "2025-01-01 12:00:00 UTC"
ASKED = f"works has been asked for a since {NOON} (attempt 1 of 3)"
NEXT = "without an answer by 2025-01-01 12:00:10 UTC it is asked again after a pause"
TABLE = [
    (ONE, (), f"Running: {ASKED}; {NEXT}."),
    (
        TWO,
        (failed("a", code="busy", retry_after="1m"),),
        f"Running: a is sent again at 2025-01-01 12:01:00 UTC as attempt 2 of 3 to works, which has not answered since {NOON} (busy).",
    ),
    (SIDE_BY_SIDE, (), f"Running: {ASKED}; {NEXT}; {ASKED} (b); {NEXT}.".replace(f"{ASKED} (b)", ASKED.replace("for a", "for b"))),
    (
        SIDE_BY_SIDE,
        (succeeded("a"), cancel(reason="a wish")),
        f"Undoing because it was cancelled at {NOON} by ada (a wish): {ASKED.replace('for a', 'for b')}; "
        "without an answer by 2025-01-01 12:00:10 UTC it counts as in doubt and is undone.",
    ),
    (
        TWO,
        (succeeded("a"), refused("b")),
        f"Undoing because b was refused at {NOON}: works has been asked for the undo of a since {NOON} (attempt 1); "
        "without an answer by 2025-01-01 12:00:20 UTC it is asked again after a pause.",
    ),
    (
        TWO,
        (succeeded("a"), refused("b"), failed("a", undo=True, retry_after="1m")),
        f"Undoing because b was refused at {NOON}: the undo of a is sent again at 2025-01-01 12:01:00 UTC as attempt 2 to works, "
        f"which has not answered since {NOON} (down).",
    ),
    (
        TWO,
        (succeeded("a"), refused("b"), refused("a", undo=True, code="gone")),
        f"Parked while undoing because b was refused at {NOON}: a person must retry or skip the undo of a, or answer for it (gone).",
    ),
    (
        ONE,
        (pause(reason="fire"),),
        f"Paused at {NOON} by ada (fire), and nothing is sent until it is resumed: {ASKED}; "
        "without an answer in time it is asked again after a pause.",
    ),
    (ONE, (succeeded("a"),), f"Completed at {NOON}: every step is done."),
    (
        TWO,
        (succeeded("a"), refused("b"), undone("a")),
        f"Compensated at {NOON}, because b was refused at {NOON}: it failed, and what was done is undone.",
    ),
    (
        TWO,
        (succeeded("a"), refused("b"), refused("a", undo=True), skip("a")),
        f"Compensated at {NOON}, because b was refused at {NOON}: it failed, and what was done is undone; a person answers for a.",
    ),
    (
        TWO,
        (cancel(reason="a wish"), succeeded("a"), undone("a")),
        f"Cancelled at {NOON}: it was cancelled by ada (a wish), and what was done is undone.",
    ),
]


@pytest.mark.parametrize(("definition", "history", "sentence"), TABLE)
def test_the_sentence_says_what_is_awaited_since_when_and_what_comes_next(
    definition: Definition, history: tuple[Said, ...], sentence: str
) -> None:
    assert explain(given(definition, BEGUN, *history).state) == sentence


BAD = shape(step("a", build=lambda placed: None))  # noqa: ARG005
PARTS = [
    (ONE, (tick(), tick(), tick(), tick()), "(attempt 3 of 3)", "the saga turns back and is undone"),
    (FENCED, (succeeded("a"), tick(), tick(), tick(), tick(), tick()), "because n was not answered", "asked for the fence of n"),
    (ONE, (tick(), tick(after="31d")), "Parked: a person must retry a or put it in doubt", "a is no more sent by itself to works"),
    (
        WITH_PIVOT,
        (succeeded("a"), tick(after="16m")),
        "Parked: a person may fence p or answer for it, while p is sent again at",
        "no-answer",
    ),
    (WITH_PIVOT, (succeeded("a"), succeeded("p"), refused("r")), "a person must retry or skip r, which is refused (no)", "Parked"),
    (WITH_PIVOT, (succeeded("a"), succeeded("p"), tick(after="16m")), "a person may skip r or answer for it, while r is sent again", ""),
    (
        WITH_PIVOT,
        (succeeded("a"), tick(after="16m"), fence("p")),
        "a person may answer for p, while p is sent again",
        "works has been asked for the fence of p",
    ),
    (BAD, (), "a person must retry a once its code is mended, or cancel the saga (", "Parked"),
    (ONE, (tick(), tick(after="31d"), retry("a", even_if_forgotten=True)), "Running: works has been asked for a", "attempt 2 of 4"),
]


@pytest.mark.parametrize(("definition", "history", "one", "other"), PARTS)
def test_the_sentence_says_who_must_do_what(definition: Definition, history: tuple[Said, ...], one: str, other: str) -> None:
    sentence = explain(given(definition, BEGUN, *history).state)
    assert one in sentence
    assert other in sentence
    assert sentence.endswith(".")
