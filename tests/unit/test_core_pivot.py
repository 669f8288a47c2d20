"""Design 4.6: the pivot, and success that comes late."""

import pytest

from saga.core.inputs import Ignored
from saga.testing.inputs import (
    Said,
    cancel,
    failed,
    nothing_to_undo,
    refused,
    retry,
    skip,
    started,
    succeeded,
    tick,
    undone,
)
from saga.testing.scenario import (
    ReplyIgnored,
    SagaCompensated,
    SagaCompleted,
    SagaReopened,
    StepFailed,
    StepIssued,
    StepRefused,
    StepResent,
    StepSucceeded,
    TurnedBack,
    UndoIssued,
    UndoParked,
    UndoRefused,
    UndoSkipped,
    UndoSucceeded,
    given,
)
from tests.unit.core_shapes import FENCED, ONE, SIDE_BY_SIDE, TWO, WITH_PIVOT, Done, Placed

BEGUN = started(Placed())
ROUND = (tick(), tick())
IN_DOUBT = (*ROUND, *ROUND, tick())
AT_PIVOT = (BEGUN, succeeded("a"))


def test_a_refused_pivot_turns_back() -> None:  # V13
    given(WITH_PIVOT, *AT_PIVOT).when(refused("p")).then(StepRefused("p"), TurnedBack(cause="refused", step="p"), UndoIssued("a"))


def test_an_unanswered_pivot_is_never_doubted_but_resent_and_counts_as_parked() -> None:  # S8
    story = given(WITH_PIVOT, *AT_PIVOT)
    for attempt in range(1, 7):
        story = story.when(tick()).then(StepFailed("p", attempt=attempt)).when(tick()).then(StepResent("p"))
    story = story.when(tick(after="16m")).then(StepFailed("p", parked=True))
    assert story.status == "parked"
    story = story.when(tick()).then(StepResent("p"))
    assert [command.step for command in story.sent] == ["p"]
    story.when(succeeded("p")).then(StepSucceeded("p", late=False), StepIssued("r"))


@pytest.mark.parametrize("moment", [(), (failed("p"),), (tick(after="16m"),)])
def test_while_the_pivot_is_issued_nobody_turns_the_saga_back_or_skips(moment: tuple[Said, ...]) -> None:  # S4
    story = given(WITH_PIVOT, *AT_PIVOT, *moment)
    story.when(cancel()).then_refused("pivot-in-flight")
    story.when(skip("p")).then_refused("cannot-skip")
    story.when(skip("a")).then_refused("cannot-skip")


def test_no_undo_is_issued_once_the_pivot_succeeded() -> None:  # I7
    story = given(WITH_PIVOT, *AT_PIVOT, succeeded("p"))
    story.when(cancel()).then_refused("pivot-passed")
    assert story.when(refused("r")).sent == ()
    assert story.when(refused("a")).sent == ()


def test_a_late_success_while_the_undo_is_not_issued_is_to_be_undone() -> None:  # S1
    story = given(SIDE_BY_SIDE, BEGUN, failed("b"), cancel()).when(succeeded("b")).then(StepSucceeded("b", late=True))
    story.when(refused("a")).then(StepRefused("a"), UndoIssued("b", body=b'{"note":"done","order_id":"1042","step":"b"}'))


def test_a_success_after_a_refusal_is_undone_in_a_live_saga() -> None:  # V3, V4
    story = given(TWO, BEGUN, succeeded("a"), refused("b")).when(succeeded("b"))
    story.then(StepSucceeded("b", late=True), UndoIssued("b", generation=0))
    assert story.state.step("a").undo == "undoing"


def test_a_success_after_a_refusal_reopens_an_ended_saga() -> None:  # V3
    story = given(ONE, BEGUN, refused("a")).when(succeeded("a"))
    story.then(StepSucceeded("a", late=True), SagaReopened(step="a"), UndoIssued("a", generation=0))
    story.when(undone("a")).then(UndoSucceeded("a"), SagaCompensated)


def test_a_late_success_while_the_undo_is_unanswered_is_judged_on_its_answer() -> None:  # V4
    story = given(ONE, BEGUN, *IN_DOUBT).when(succeeded("a")).then(StepSucceeded("a", late=True))
    story.when(undone("a")).then(UndoSucceeded("a", effect=True), SagaCompensated)
    story = story.when(nothing_to_undo("a")).then(UndoSucceeded("a", effect=False), UndoIssued("a", generation=1))
    story.when(undone("a")).then(UndoSucceeded("a", generation=1), SagaCompensated)


def test_a_success_after_nothing_to_undo_asks_once_more_with_the_reply_and_reopens_only_an_ended_saga() -> None:  # S1
    ended = given(ONE, BEGUN, *IN_DOUBT, nothing_to_undo("a")).when(succeeded("a", Done(note="late")))
    ended.then(StepSucceeded("a", late=True), SagaReopened, UndoIssued("a", generation=1))
    assert ended.sent[0].body == b'{"note":"late","order_id":"1042","step":"a"}'
    live = given(TWO, BEGUN, succeeded("a"), *IN_DOUBT, nothing_to_undo("b"))
    live.when(succeeded("b")).then(StepSucceeded("b", late=True), UndoIssued("b", generation=1))


def test_nothing_to_undo_for_a_known_success_asks_once_more_and_then_a_person() -> None:  # V4
    story = given(TWO, BEGUN, succeeded("a"), refused("b"))
    story = story.when(nothing_to_undo("a")).then(UndoSucceeded("a", effect=False), UndoIssued("a", generation=1))
    story = story.when(nothing_to_undo("a"))
    story.then(UndoSucceeded("a", effect=False, generation=1), UndoParked("a", cause="the participant contradicts itself"))
    assert story.status == "parked"
    story.when(skip("a")).then(UndoSkipped("a"), SagaCompensated(skipped=("undo of a",)))


def test_after_a_retry_by_hand_the_next_nothing_to_undo_parks_again() -> None:  # V4
    story = given(TWO, BEGUN, succeeded("a"), refused("b"), nothing_to_undo("a"), nothing_to_undo("a"))
    story = story.when(retry("a")).then(UndoIssued("a", generation=2))
    story.when(nothing_to_undo("a")).then(UndoSucceeded("a"), UndoParked("a"))


def test_a_copy_of_an_answer_that_parked_the_undo_changes_nothing() -> None:  # K13
    twice = given(TWO, BEGUN, succeeded("a"), refused("b"), nothing_to_undo("a"), nothing_to_undo("a"))
    twice.when(nothing_to_undo("a")).then_nothing(Ignored.DUPLICATE)
    twice.when(nothing_to_undo("a", generation=0)).then_nothing(Ignored.DUPLICATE)
    refusal = given(TWO, BEGUN, succeeded("a"), refused("b"), refused("a", undo=True))
    refusal.when(refused("a", undo=True)).then_nothing(Ignored.DUPLICATE)


def test_a_success_after_its_effect_was_undone_is_absorbed() -> None:
    story = given(ONE, BEGUN, *IN_DOUBT, undone("a")).when(succeeded("a")).then_nothing(Ignored.ABSORBED)
    assert story.status == "compensated"
    live = given(TWO, BEGUN, succeeded("a"), *IN_DOUBT, undone("b"))
    live.when(succeeded("b")).then(ReplyIgnored("b", outcome="succeeded")).when(succeeded("b")).then_nothing(Ignored.DUPLICATE)


def test_a_success_after_a_person_skipped_the_undo_is_absorbed() -> None:  # A7, V1
    story = given(ONE, BEGUN, *IN_DOUBT, refused("a", undo=True), skip("a"))
    story.when(succeeded("a")).then_nothing(Ignored.ABSORBED)
    live = given(TWO, BEGUN, succeeded("a"), *IN_DOUBT, refused("b", undo=True), skip("b"))
    live.when(succeeded("b")).then(ReplyIgnored("b", outcome="succeeded"))


def test_a_late_undo_answer_after_a_person_skipped_it_is_absorbed() -> None:  # A7
    story = given(TWO, BEGUN, succeeded("a"), *IN_DOUBT, tick(after="16m"), skip("b"))
    story.when(undone("b")).then(ReplyIgnored("b", outcome="succeeded"))


def test_a_copy_of_the_refusal_a_person_skipped_over_changes_nothing() -> None:  # K13
    story = given(TWO, BEGUN, succeeded("a"), *IN_DOUBT, refused("b", undo=True), skip("b"))
    story.when(refused("b", undo=True)).then_nothing(Ignored.DUPLICATE)


def test_a_late_undo_waits_for_its_own_dependents_and_not_for_ancestors_already_issued() -> None:  # A9
    story = given(TWO, BEGUN, succeeded("a"), *IN_DOUBT, nothing_to_undo("b")).when(succeeded("b"))
    assert story.state.step("a").undo == "undoing"
    story = story.when(undone("a")).then(UndoSucceeded("a"))
    story.when(undone("b", generation=1)).then(UndoSucceeded("b", generation=1), SagaCompensated)


def test_the_pivot_that_succeeds_after_its_refusal_is_for_a_person_alone() -> None:  # V8
    live = given(WITH_PIVOT, *AT_PIVOT, refused("p")).when(succeeded("p"))
    live.then(StepSucceeded("p", late=True), UndoParked("p"))
    ended = given(WITH_PIVOT, *AT_PIVOT, refused("p"), undone("a")).when(succeeded("p"))
    ended.then(StepSucceeded("p", late=True), SagaReopened(step="p"), UndoParked("p"))
    assert ended.status == "parked"
    ended.when(retry("p")).then_refused("no-undo")
    ended.when(succeeded("p")).then_nothing(Ignored.DUPLICATE)
    ended.when(skip("p")).then(UndoSkipped("p"), SagaCompensated(skipped=("undo of p",)))


def test_a_step_after_the_pivot_that_succeeds_after_its_refusal_is_accepted() -> None:  # V8
    story = given(WITH_PIVOT, *AT_PIVOT, succeeded("p"), refused("r")).when(succeeded("r"))
    story.then(StepSucceeded("r", late=True), SagaCompleted)


def test_the_success_of_a_former_generation_after_the_pivot_is_recorded_and_changes_nothing() -> None:  # V8, A12
    story = given(WITH_PIVOT, *AT_PIVOT, succeeded("p"), refused("r"), retry("r"))
    story.when(succeeded("r", generation=0)).then(ReplyIgnored("r", generation=0)).when(succeeded("r", generation=0)).then_nothing()


def test_a_success_after_a_step_was_skipped_by_hand_is_recorded() -> None:  # A13
    story = given(WITH_PIVOT, *AT_PIVOT, succeeded("p"), refused("r"), skip("r"))
    assert story.status == "completed"
    story.when(succeeded("r")).then_nothing(Ignored.CONTRADICTION)


def test_a_step_without_undo_that_succeeds_late_needs_no_fence_any_more() -> None:  # V9
    story = given(FENCED, BEGUN, succeeded("a"), *IN_DOUBT).when(succeeded("n")).then(StepSucceeded("n", late=True))
    story.when(refused("n", code="done", undo=True)).then(UndoRefused("n"), UndoIssued("a"))


def test_a_step_without_undo_that_succeeds_after_its_refusal_is_recorded_while_the_saga_lives() -> None:
    live = given(FENCED, BEGUN, succeeded("a"), refused("n")).when(succeeded("n"))
    live.then(StepSucceeded("n", late=True)).when(undone("a")).then(UndoSucceeded("a"), SagaCompensated)
    ended = given(FENCED, BEGUN, succeeded("a"), refused("n"), undone("a"))
    ended.when(succeeded("n")).then_nothing(Ignored.ABSORBED)


def test_a_fence_that_says_never_of_a_known_success_is_settled_all_the_same() -> None:
    story = given(FENCED, BEGUN, succeeded("a"), *IN_DOUBT, succeeded("n")).when(nothing_to_undo("n"))
    story.then(UndoSucceeded("n", effect=False), UndoIssued("a"))


def test_a_success_after_the_fence_said_done_is_expected() -> None:
    given(FENCED, BEGUN, succeeded("a"), *IN_DOUBT, refused("n", undo=True)).when(succeeded("n")).then_nothing(Ignored.EXPECTED)


def test_a_success_after_its_fence_said_never_is_a_contradiction() -> None:
    given(FENCED, BEGUN, succeeded("a"), *IN_DOUBT, nothing_to_undo("n")).when(succeeded("n")).then(ReplyIgnored("n"))


@pytest.mark.parametrize("answer", [nothing_to_undo("b", generation=0), undone("b", generation=0)])
def test_an_answer_to_a_former_undo_settles_nothing(answer: Said) -> None:  # A15
    story = given(TWO, BEGUN, succeeded("a"), *IN_DOUBT, nothing_to_undo("b"), succeeded("b")).when(answer)
    assert story.state.step("b").undo == "undoing"
