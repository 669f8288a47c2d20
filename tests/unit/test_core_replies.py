"""Which replies count at all: whose they are, what type they have, copies and contradictions."""

from dataclasses import replace

import pytest

from saga.core.inputs import UNUSABLE, Ignored
from saga.messages import FAILED_TYPE, IN_PROGRESS_TYPE, NOTHING_TO_UNDO_TYPE, REFUSED_TYPE, UNDONE_TYPE, Outcome
from saga.testing.inputs import Said, nothing_to_undo, refused, reply_to, retry, skip, started, succeeded, tick, undone
from saga.testing.scenario import (
    BuildFailed,
    ReplyIgnored,
    SagaCompensated,
    SagaCompleted,
    StepFailed,
    StepProgressed,
    StepRefused,
    StepSucceeded,
    Story,
    TurnedBack,
    given,
)
from tests.unit.core_shapes import FENCED, ONE, TWO, WITH_PIVOT, Done, No, Placed, after_pivot, pivot, shape, step

BEGUN = started(Placed())
IN_DOUBT = (tick(), tick(), tick(), tick(), tick())
DONE = Done.message_type


def do_of(story: Story, step: str) -> str:
    return story.state.step(step).sending.command_id


def undo_of(story: Story, step: str) -> str:
    return story.state.step(step).undo_sending.command_id


def test_a_reply_to_no_command_of_the_saga_is_unusable() -> None:
    given(ONE, BEGUN).when(reply_to("no-such-id", "works", DONE)).then_nothing(Ignored.UNKNOWN_COMMAND)


def test_a_reply_counts_only_from_the_participant_that_was_asked() -> None:  # A10
    story = given(ONE, BEGUN)
    story.when(reply_to(do_of(story, "a"), "thief", DONE)).then_nothing(Ignored.WRONG_PARTICIPANT)


@pytest.mark.parametrize(
    ("message_type", "outcome"),
    [
        ("com.example.works.Unheard.v1", None),
        ("com.example.works.Unheard.v1", Outcome.SUCCEEDED),
        (DONE, Outcome.REFUSED),
        (DONE, Outcome.FAILED),
        (No.message_type, Outcome.SUCCEEDED),
        (UNDONE_TYPE, None),
        (UNDONE_TYPE, Outcome.SUCCEEDED),
        (NOTHING_TO_UNDO_TYPE, None),
        (REFUSED_TYPE, Outcome.SUCCEEDED),
    ],
)
def test_a_type_that_the_command_does_not_have_or_that_contradicts_its_outcome_is_unusable(
    message_type: str, outcome: Outcome | None
) -> None:
    story = given(ONE, BEGUN)
    story.when(reply_to(do_of(story, "a"), "works", message_type, outcome=outcome)).then_nothing(Ignored.UNEXPECTED_TYPE)


def test_a_body_that_is_not_what_its_type_says_is_unusable() -> None:  # P14
    story = given(ONE, BEGUN)
    story.when(reply_to(do_of(story, "a"), "works", DONE, body=b'{"note":7}')).then_nothing(Ignored.INVALID_BODY)


def test_unusable_records_are_told_from_the_normal_ones() -> None:
    assert {ignored.value for ignored in UNUSABLE} == {"unknown-command", "wrong-participant", "unexpected-type", "invalid-body"}


def test_without_an_outcome_the_type_tells_it() -> None:
    story = given(ONE, BEGUN)
    assert story.when(reply_to(do_of(story, "a"), "works", DONE)).status == "completed"
    story.when(reply_to(do_of(story, "a"), "works", No.message_type)).then(StepRefused("a", code="refused"), TurnedBack, SagaCompensated)
    story.when(reply_to(do_of(story, "a"), "works", FAILED_TYPE)).then(StepFailed("a", code="failed"))
    story.when(reply_to(do_of(story, "a"), "works", IN_PROGRESS_TYPE)).then(StepProgressed("a"))


def test_a_reply_to_the_do_is_none_to_its_undo_and_the_other_way_round() -> None:  # K13
    story = given(ONE, BEGUN, *IN_DOUBT)
    story.when(reply_to(undo_of(story, "a"), "works", DONE)).then_nothing(Ignored.UNEXPECTED_TYPE)
    story.when(reply_to(do_of(story, "a"), "works", UNDONE_TYPE)).then_nothing(Ignored.UNEXPECTED_TYPE)


def test_a_fence_takes_general_replies_only() -> None:
    story = given(FENCED, BEGUN, succeeded("a"), *IN_DOUBT)
    story.when(reply_to(undo_of(story, "n"), "works", DONE)).then_nothing(Ignored.UNEXPECTED_TYPE)


@pytest.mark.parametrize("copied", [succeeded("a"), refused("b"), undone("a")])
def test_a_copy_changes_nothing(copied: Said) -> None:  # K1, K13
    given(TWO, BEGUN, succeeded("a"), refused("b"), undone("a")).when(copied).then_nothing()


def test_copies_of_everything_in_any_order_leave_an_ended_saga_as_it_is() -> None:  # K1
    story = given(WITH_PIVOT, BEGUN, succeeded("a"), succeeded("p"), succeeded("r"))
    assert story.when(succeeded("r"), succeeded("a"), succeeded("p"), BEGUN, tick(after="1d")).events == story.events


def test_a_contradiction_of_a_live_saga_is_recorded_once_per_command_and_outcome() -> None:
    story = given(TWO, BEGUN, succeeded("a")).when(refused("a")).then(ReplyIgnored("a", outcome="refused"))
    story.when(refused("a")).then_nothing(Ignored.DUPLICATE)
    assert story.status == "running"


def test_a_contradiction_of_an_ended_saga_is_counted_and_not_recorded() -> None:
    given(ONE, BEGUN, succeeded("a")).when(refused("a")).then_nothing(Ignored.CONTRADICTION)


UNDONE, NOTHING, REFUSED = undone("b"), nothing_to_undo("b"), refused("b", undo=True)


@pytest.mark.parametrize(
    ("first", "second"),
    [(UNDONE, NOTHING), (UNDONE, REFUSED), (NOTHING, UNDONE), (NOTHING, REFUSED), (REFUSED, UNDONE), (REFUSED, NOTHING)],
)
def test_another_answer_to_an_answered_undo_is_a_contradiction(first: Said, second: Said) -> None:  # A15
    story = given(TWO, BEGUN, succeeded("a"), *IN_DOUBT, first)
    story.when(second).then(ReplyIgnored("b", cause="another answer to an undo that was answered")).when(second).then_nothing()


@pytest.mark.parametrize("answer", [UNDONE, NOTHING, REFUSED])
def test_the_answer_to_an_undo_counts_between_two_attempts_as_well(answer: Said) -> None:  # K13
    story = given(TWO, BEGUN, succeeded("a"), *IN_DOUBT, tick()).when(answer)
    assert story.state.step("b").undo_open is False
    assert not ReplyIgnored.fits(story.decided.events[0])


@pytest.mark.parametrize("answer", [UNDONE, NOTHING, REFUSED])
def test_an_answer_to_an_undo_that_a_person_skipped_is_recorded_once(answer: Said) -> None:  # A7
    story = given(TWO, BEGUN, succeeded("a"), *IN_DOUBT, tick(after="16m"), skip("b"))
    story.when(answer).then(ReplyIgnored("b", cause="a person answered for its effect")).when(answer).then_nothing(Ignored.DUPLICATE)


def test_a_success_that_a_failed_build_was_meant_to_repeat_is_accepted() -> None:
    broken = shape(step("a"), pivot("p", takes=("a",)), after_pivot("r", takes=("p",), build=lambda placed, **_: len(placed.order_id)))
    story = given(WITH_PIVOT, BEGUN, succeeded("a"), succeeded("p"), refused("r"))
    story = replace(story, definition=broken).when(retry("r")).then(BuildFailed("r"))
    story.when(succeeded("r")).then(StepSucceeded("r", generation=0), SagaCompleted)


def test_the_first_answer_of_two_attempts_wins_and_the_second_is_a_copy() -> None:  # S5
    story = given(TWO, BEGUN, tick(), tick()).when(succeeded("a", attempt=2))
    assert StepSucceeded.fits(story.decided.events[0])
    story.when(succeeded("a", attempt=1)).then_nothing(Ignored.DUPLICATE)
