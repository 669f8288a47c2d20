"""Design 4.3 and 7: the status, the row, and which commands are still wanted."""

from dataclasses import asdict
from datetime import timedelta
from uuid import UUID

import pytest

from saga.core import events as e
from saga.core.effects import command_of, sends
from saga.core.evolve import fold
from saga.core.project import row_of, step_status, waits_for
from saga.core.state import StepId, next_due
from saga.testing.inputs import Said, cancel, failed, refused, skip, started, succeeded, tick, undone
from saga.testing.scenario import NOON, Story, given
from tests.unit.core_shapes import FENCED, ONE, SIDE_BY_SIDE, TWO, WITH_PIVOT, Placed, shape, step

BEGUN = started(Placed())
IN_DOUBT = (tick(), tick(), tick(), tick(), tick())
SAGA = UUID(int=1)


@pytest.mark.parametrize(
    ("history", "status"),
    [
        ((), "running"),
        ((succeeded("a"), succeeded("b")), "completed"),
        ((succeeded("a"), refused("b")), "compensating"),
        ((succeeded("a"), refused("b"), refused("a", undo=True)), "parked"),
        ((succeeded("a"), refused("b"), undone("a")), "compensated"),
        ((succeeded("a"), cancel(), refused("b"), undone("a")), "cancelled"),
        ((succeeded("a"), refused("b"), refused("a", undo=True), skip("a")), "compensated"),
        ((tick(), tick(after="31d")), "parked"),
    ],
)
def test_the_status_is_a_function_of_the_fold(history: tuple[Said, ...], status: str) -> None:
    story = given(TWO, BEGUN, *history)
    assert story.status == row_of(SAGA, story.state).status == status


def test_a_step_shows_the_words_of_the_glossary() -> None:
    story = given(TWO, BEGUN)
    words = [_word(story, "a"), _word(story.when(failed("a")), "a"), _word(story.when(succeeded("a")), "a")]
    story = story.when(succeeded("a"))
    words += [_word(story.when(refused("b")), "b"), _word(story.when(refused("b")), "a"), _word(story.when(refused("b"), undone("a")), "a")]
    assert words == ["issued", "retrying", "succeeded", "refused", "undoing", "undone"]
    doubtful = given(SIDE_BY_SIDE, BEGUN, failed("a"), cancel())
    assert _word(doubtful, "a") == "in doubt"


def test_a_failed_build_that_was_turned_back_shows_as_skipped() -> None:  # A11
    bad = shape(step("a", build=lambda placed: None), step("b"))  # noqa: ARG005
    assert _word(given(bad, BEGUN), "a") == "pending"
    assert _word(given(bad, BEGUN, refused("b")), "a") == "skipped"


def test_the_row_says_what_is_waited_for_and_when_the_next_deadline_is() -> None:
    row = row_of(SAGA, given(WITH_PIVOT, BEGUN).state)
    assert (row.definition, row.key, row.version, row.ended, row.due_at) == ("tiny", "1042", 2, False, NOON + timedelta(seconds=10))
    assert row.waits_for == "the answer to a from works (attempt 1)"
    assert (row.started_at, row.last_progress, row.ended_at, row.parked_steps) == (NOON, NOON, None, ())


def test_the_row_of_an_ended_saga_has_no_due_time_and_waits_for_nothing() -> None:
    story = given(ONE, BEGUN, tick(), succeeded("a"))
    row = row_of(SAGA, story.state)
    assert (row.ended, row.due_at, row.waits_for, row.ended_at) == (True, None, "", story.now)


def test_the_row_names_the_steps_that_need_a_person_and_why_it_turned_back() -> None:
    row = row_of(SAGA, given(TWO, BEGUN, succeeded("a"), refused("b"), refused("a", undo=True, code="gone")).state)
    assert row.parked_steps == ("a",)
    assert row.waits_for == "a person: the undo of a is parked (gone) (turned back: refused at b)"
    assert waits_for(given(FENCED, BEGUN, succeeded("a"), *IN_DOUBT).state).startswith("the fence of n from works (attempt 1)")


def test_the_due_time_is_the_earliest_of_the_whole_fold() -> None:
    story = given(SIDE_BY_SIDE, BEGUN, tick(after="5s"), failed("b", retry_after="1h"))
    assert next_due(story.state) == NOON + timedelta(seconds=10)
    assert next_due(story.when(succeeded("a")).state) == NOON + timedelta(seconds=5, hours=1)


def test_events_that_send_are_the_issued_and_the_resent() -> None:
    sending = {kind.__name__ for kind in e.EVENT_TYPES if kind.__name__.endswith(("Issued", "Resent"))}
    story = given(TWO, BEGUN, tick(), tick(), succeeded("a"), tick(), cancel(), tick(), tick())
    assert {type(event).__name__ for event in story.events if sends(event)} == sending


def test_a_command_names_the_saga_and_carries_the_recorded_body() -> None:
    (command,) = given(ONE, BEGUN).sent
    known = {"participant": "works", "type": "com.example.works.Work.v1", "undoes": "", "attempt": 1, "answer_within_ms": 10_000}
    known |= {"tenant": "default", "definition": "tiny", "step": "a", "partition_key": "1042", "issued_at": NOON}
    known |= {"body": b'{"notes":[],"order_id":"1042","step":"a"}', "traceparent": "", "tracestate": ""}
    assert asdict(command).items() >= known.items()


@pytest.mark.parametrize(
    ("history", "then"),
    [
        ((), succeeded("a")),
        ((), refused("a")),
        ((), cancel()),
        ((), tick()),
        (IN_DOUBT, undone("a")),
        (IN_DOUBT, refused("a", undo=True)),
        ((*IN_DOUBT, tick(after="16m"), tick()), skip("a")),
        (IN_DOUBT, tick()),
    ],
)
def test_an_old_pointer_never_revives_what_is_over(history: tuple[Said, ...], then: Said) -> None:  # K4, S3
    story = given(ONE, BEGUN, *history)
    pointers = [event for event in story.events if sends(event)]
    assert command_of(story.state, pointers[-1]) is not None
    assert command_of(story.when(then).state, pointers[-1]) is None


def test_a_pointer_is_read_in_the_fold_that_includes_it() -> None:
    story = given(TWO, BEGUN, tick(), tick())
    wanted = [command_of(story.state, event) for event in story.events]
    assert [command.attempt for command in wanted if command] == [2]
    assert command_of(fold(story.events[:2]), story.events[1]) is not None


def _word(story: Story, name: str) -> str:
    return step_status(story.state, story.state.steps[StepId(name)])


def test_what_is_waited_for_says_that_an_attempt_has_ended() -> None:
    assert waits_for(given(ONE, BEGUN, failed("a")).state) == "the answer to a from works (sent again after a pause)"
