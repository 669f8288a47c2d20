"""Design 4.8: what operators may do, and when not."""

from dataclasses import replace

import pytest

from saga.core.inputs import Ignored
from saga.testing.inputs import Said, cancel, failed, nothing_to_undo, refused, retry, skip, started, succeeded, tick, undone
from saga.testing.scenario import (
    BuildFailed,
    SagaCancelled,
    SagaCompensated,
    SagaCompleted,
    StepDoubted,
    StepFailed,
    StepIssued,
    StepResent,
    StepSkipped,
    StepSucceeded,
    TurnedBack,
    UndoIssued,
    UndoParked,
    UndoResent,
    UndoSkipped,
    UndoSucceeded,
    given,
)
from tests.unit.core_shapes import FENCED, ONE, SIDE_BY_SIDE, TWO, WITH_PIVOT, Placed, after_pivot, pivot, shape, step

BEGUN = started(Placed())
ROUND = (tick(), tick())
IN_DOUBT = (*ROUND, *ROUND, tick())
AFTER_PIVOT = (BEGUN, succeeded("a"), succeeded("p"))
FORGOTTEN = "31d"


def broken(placed: Placed, **_: object) -> None:
    raise ValueError(placed.order_id)


def test_cancel_before_the_pivot_turns_back_and_ends_cancelled() -> None:  # S4
    story = given(TWO, BEGUN, succeeded("a"), failed("b")).when(cancel(actor="eve", reason="too slow"))
    story.then(TurnedBack(cause="cancelled", actor="eve", reason="too slow"), StepDoubted("b"), UndoIssued("b"))
    story.when(nothing_to_undo("b"), undone("a")).then(UndoSucceeded("a"), SagaCancelled)


def test_cancel_while_turning_back_is_so_already() -> None:  # A10
    story = given(TWO, BEGUN, succeeded("a"), refused("b")).when(cancel()).then_nothing(Ignored.ALREADY_SO)
    assert story.when(undone("a")).status == "compensated"


def test_cancel_of_an_ended_saga_is_refused() -> None:  # S4
    given(ONE, BEGUN, succeeded("a")).when(cancel()).then_refused("ended")
    given(ONE, BEGUN, refused("a")).when(cancel()).then_refused("ended")


def test_cancel_of_a_saga_parked_before_the_pivot_turns_it_back() -> None:  # A10
    parked = shape(step("a"), step("b", takes=("a",), build=broken))
    story = given(parked, BEGUN, succeeded("a"))
    assert story.status == "parked"
    story.when(cancel()).then(TurnedBack(cause="cancelled"), UndoIssued("a"))


def test_cancel_while_the_pivot_could_not_be_built_turns_back() -> None:
    unbuilt = shape(step("a"), pivot("p", takes=("a",), build=broken))
    given(unbuilt, BEGUN, succeeded("a")).when(cancel()).then(TurnedBack, UndoIssued("a"))


def test_the_same_request_twice_changes_nothing() -> None:  # I17
    story = given(TWO, BEGUN, succeeded("a"), cancel(input_id="x1"))
    story.when(cancel(input_id="x1")).then_nothing(Ignored.DUPLICATE)
    story.when(skip("a", input_id="x1")).then_nothing(Ignored.DUPLICATE)
    story.when(refused("b"), undone("a"), cancel(input_id="x1")).then_nothing(Ignored.DUPLICATE)


def test_an_act_on_another_version_than_the_person_saw_is_refused() -> None:  # S4
    story = given(ONE, BEGUN)
    story.when(cancel(expected_version=story.state.version - 1)).then_refused("version-changed")
    assert story.when(cancel(expected_version=story.state.version)).decided.events


def test_a_refused_request_may_be_made_again() -> None:
    given(ONE, BEGUN).when(skip("a", input_id="x1")).then_refused("cannot-skip").when(cancel(input_id="x1")).then(TurnedBack)


def test_retry_by_hand_resets_the_budget_but_never_the_attempt_number() -> None:  # V11
    story = given(ONE, BEGUN, *ROUND, *ROUND).when(retry("a", actor="eve")).then(StepResent("a", attempt=4, actor="eve"))
    story = story.when(failed("a", attempt=1)).then_nothing(Ignored.STALE_ATTEMPT)
    story = story.when(tick()).then(StepFailed("a", attempt=4)).when(tick()).then(StepResent("a", attempt=5))
    story.when(*ROUND).when(tick()).then(StepDoubted("a"), TurnedBack, UndoIssued("a"))


def test_retry_by_hand_unparks_a_step_after_the_pivot() -> None:
    story = given(WITH_PIVOT, *AFTER_PIVOT, tick(after="16m"))
    assert story.status == "parked"
    story = story.when(retry("r")).then(StepResent("r", attempt=2))
    assert story.status == "running"
    assert story.when(tick()).status == "running"


def test_retry_of_a_refused_step_after_the_pivot_is_a_new_generation() -> None:
    story = given(WITH_PIVOT, *AFTER_PIVOT, refused("r")).when(retry("r")).then(StepIssued("r", generation=1))
    assert story.state.step("r").sending.command_id != story.events[-3].command_id
    story.when(succeeded("r")).then(StepSucceeded("r", generation=1), SagaCompleted)


@pytest.mark.parametrize(
    ("history", "step_name"),
    [((succeeded("a"),), "a"), ((succeeded("a"), refused("b")), "b"), ((refused("a"),), "a"), ((), "b"), ((), "zz")],
)
def test_retry_of_a_do_that_is_answered_or_not_issued_is_refused(history: tuple[Said, ...], step_name: str) -> None:  # V6
    assert given(TWO, BEGUN, *history).when(retry(step_name)).refused is not None


def test_an_answered_or_skipped_step_after_the_pivot_is_neither_retried_nor_skipped_again() -> None:
    wide = shape(pivot("p"), after_pivot("r", takes=("p",)), after_pivot("s", takes=("p",)))
    story = given(wide, BEGUN, succeeded("p"), tick(after="16m"), succeeded("r"))
    story.when(retry("r")).then_refused("nothing-to-retry")
    story.when(skip("r")).then_refused("cannot-skip")
    skipped = given(wide, BEGUN, succeeded("p"), tick(after="16m"), skip("s"))
    skipped.when(retry("s")).then_refused("nothing-to-retry")
    skipped.when(skip("s")).then_refused("cannot-skip")


def test_after_turning_back_retry_acts_on_undos_only() -> None:  # V6
    story = given(SIDE_BY_SIDE, BEGUN, refused("a"))
    story.when(retry("b")).then_refused("nothing-to-retry")
    story.when(retry("a")).then_refused("nothing-to-retry")
    undoing = story.when(tick(after="10s"))
    undoing.when(retry("b")).then(UndoResent("b", attempt=2, actor="ada"))


def test_retry_of_an_undo_keeps_its_generation_unless_it_is_settled_without_effect() -> None:
    open_ = given(ONE, BEGUN, *IN_DOUBT, tick(after="16m"))
    assert open_.status == "parked"
    assert open_.when(retry("a")).then(UndoResent("a", generation=0, attempt=2)).status == "compensating"
    given(ONE, BEGUN, *IN_DOUBT, refused("a", undo=True)).when(retry("a")).then(UndoIssued("a", generation=1, attempt=1))


def test_an_undo_that_was_undone_or_skipped_is_not_retried() -> None:
    story = given(TWO, BEGUN, succeeded("a"), *IN_DOUBT)
    story.when(undone("b"), retry("b")).then_refused("nothing-to-retry")
    story.when(refused("b", undo=True), skip("b"), retry("b")).then_refused("nothing-to-retry")


@pytest.mark.parametrize("history", [(), (succeeded("a"),), (succeeded("a"), failed("b")), (succeeded("a"), *IN_DOUBT)])
def test_nothing_before_the_pivot_can_be_skipped_but_a_parked_undo(history: tuple[Said, ...]) -> None:  # V5
    story = given(TWO, BEGUN, *history)
    for name in story.state.steps:
        story.when(skip(name.step)).then_refused("cannot-skip")


def test_skip_settles_a_parked_undo() -> None:  # S7
    story = given(ONE, BEGUN, *IN_DOUBT, tick(after="16m")).when(skip("a"))
    story.then(UndoSkipped("a", actor="ada"), SagaCompensated(skipped=("undo of a",)))
    assert story.sent == ()


@pytest.mark.parametrize("stuck", [refused("r"), tick(after="16m")])
def test_skip_goes_on_without_a_stuck_step_after_the_pivot(stuck: Said) -> None:
    story = given(WITH_PIVOT, *AFTER_PIVOT, stuck).when(skip("r"))
    story.then(StepSkipped("r", cause="operator"), SagaCompleted(skipped=("r",)))


def test_a_step_after_the_pivot_that_is_not_stuck_cannot_be_skipped() -> None:
    given(WITH_PIVOT, *AFTER_PIVOT).when(skip("r")).then_refused("cannot-skip")
    given(WITH_PIVOT, *AFTER_PIVOT, refused("r")).when(skip("p")).then_refused("cannot-skip")


def test_a_step_whose_reply_others_need_cannot_be_skipped_and_they_are_named() -> None:
    chain = (pivot("p"), after_pivot("r", takes=("p",)))
    needing = shape(*chain, after_pivot("s", takes=("r",)))
    story = given(needing, BEGUN, succeeded("p"), refused("r")).when(skip("r")).then_refused("reply-needed")
    assert "s" in story.refused.detail
    content = shape(*chain, after_pivot("s", takes=("r",), optional=("r",)))
    given(content, BEGUN, succeeded("p"), refused("r")).when(skip("r")).then(StepSkipped("r"), StepIssued("s"))


def test_a_command_that_participants_may_have_forgotten_waits_for_a_persons_word() -> None:  # S10
    story = given(ONE, BEGUN, tick()).when(tick(after=FORGOTTEN)).then(StepFailed("a", code="forgotten", retry_at=None, parked=True))
    assert story.status == "parked"
    story.when(tick(after="10m")).then_nothing(Ignored.NOTHING_DUE)
    story.when(retry("a")).then_refused("forgotten")
    story.when(retry("a", even_if_forgotten=True)).then(StepResent("a", attempt=2))


def test_an_undo_that_participants_may_have_forgotten_waits_for_a_persons_word() -> None:  # S10
    story = given(ONE, BEGUN, *IN_DOUBT, tick()).when(tick(after=FORGOTTEN)).then(UndoParked("a", cause="forgotten", resending=False))
    story.when(tick(after="10m")).then_nothing(Ignored.NOTHING_DUE)
    story.when(retry("a")).then_refused("forgotten")
    story.when(retry("a", even_if_forgotten=True)).then(UndoResent("a", generation=0))


@pytest.mark.parametrize("answer", [undone("a"), nothing_to_undo("a"), refused("a", undo=True)])
def test_a_forgotten_undo_is_settled_by_its_answer_after_all(answer: Said) -> None:
    story = given(ONE, BEGUN, *IN_DOUBT, tick(), tick(after=FORGOTTEN)).when(answer)
    assert story.state.step("a").undo_open is False
    assert story.decided.events


def test_a_fence_can_be_retried_and_skipped_like_an_undo() -> None:
    story = given(FENCED, BEGUN, succeeded("a"), *IN_DOUBT, tick(after="16m"))
    story.when(retry("n")).then(UndoResent("n"))
    story.when(skip("n")).then(UndoSkipped("n"), UndoIssued("a"))


def test_retry_builds_a_failed_step_again_with_mended_code() -> None:
    bad = shape(step("a", build=broken))
    story = given(bad, BEGUN)
    story.when(retry("a")).then(BuildFailed("a", actor="ada"))
    replace(story, definition=ONE).when(retry("a")).then(StepIssued("a", generation=0, actor="ada"))


def test_retry_asks_a_mended_when_again() -> None:
    bad = shape(step("a", when=lambda placed: broken(placed) is None))
    story = given(bad, BEGUN)
    mended = replace(story, definition=shape(step("a", when=lambda placed: placed.gift)))
    mended.when(retry("a")).then(StepSkipped("a", cause="when", actor="ada"), SagaCompleted(skipped=()))


def test_retry_builds_a_parked_undo_again_with_mended_code() -> None:
    begun = given(SIDE_BY_SIDE, BEGUN, succeeded("a"))
    bad = shape(step("a", undo=broken), step("b"))
    story = replace(begun, definition=bad).when(refused("b"))
    assert story.status == "parked"
    replace(story, definition=SIDE_BY_SIDE).when(retry("a")).then(UndoIssued("a", generation=0, actor="ada"))


def test_skip_settles_a_step_after_the_pivot_that_could_not_be_built() -> None:
    bad = shape(pivot("p"), after_pivot("r", takes=("p",), build=broken))
    given(bad, BEGUN, succeeded("p")).when(skip("r")).then(StepSkipped("r", command_id=""), SagaCompleted(skipped=("r",)))


def test_an_undo_is_not_tried_anew_while_a_pivot_that_happened_after_all_is_unsettled() -> None:  # I7, V8
    story = given(WITH_PIVOT, BEGUN, succeeded("a"), refused("p"), refused("a", undo=True), succeeded("p"))
    story.when(retry("a")).then_refused("pivot-happened")
    story.when(skip("p"), retry("a")).then(UndoIssued("a", generation=1))
