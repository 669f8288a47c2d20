"""Design 4.5: turning back, the order of undos, fences, undos that are not answered or refused."""

from dataclasses import replace

import pytest

from saga.core.inputs import Ignored
from saga.messages import FENCE_TYPE
from saga.testing.inputs import cancel, failed, in_progress, nothing_to_undo, refused, skip, started, succeeded, tick, undone
from saga.testing.scenario import (
    SagaCancelled,
    SagaCompensated,
    StepDoubted,
    StepRefused,
    StepSucceeded,
    TurnedBack,
    UndoFailed,
    UndoIssued,
    UndoParked,
    UndoProgressed,
    UndoRefused,
    UndoResent,
    UndoSkipped,
    UndoSucceeded,
    given,
)
from tests.unit.core_shapes import DIAMOND, DO_RETRY, FENCED, ONE, SHOP, SIDE_BY_SIDE, TWO, Done, Placed, shape, step

BEGUN = started(Placed())
ROUND = (tick(), tick())
IN_DOUBT = (*ROUND, *ROUND, tick())


def test_steps_that_were_never_issued_are_left_out_and_the_saga_ends_compensated() -> None:
    story = given(TWO, BEGUN).when(refused("a")).then(StepRefused("a"), TurnedBack(cause="refused"), SagaCompensated(skipped=()))
    assert story.status == "compensated"


def test_nothing_is_undone_until_the_last_issued_step_is_answered() -> None:  # S6
    story = given(SIDE_BY_SIDE, BEGUN).when(refused("a")).then(StepRefused("a"), TurnedBack)
    assert story.status == "compensating"
    story.when(succeeded("b")).then(StepSucceeded("b", late=True), UndoIssued("b"))
    story.when(refused("b")).then(StepRefused("b"), SagaCompensated)


def test_an_issued_step_keeps_its_attempt_until_the_deadline_and_gets_no_other() -> None:
    story = given(SIDE_BY_SIDE, BEGUN, refused("a"))
    story = story.when(tick(after="10s")).then(StepDoubted("b", cause="no-answer"), UndoIssued("b"))
    assert [(command.step, command.undoes != "") for command in story.sent] == [("b", True)]


def test_failed_for_the_current_attempt_puts_the_step_in_doubt_at_once() -> None:  # A3
    given(SIDE_BY_SIDE, BEGUN, refused("a")).when(failed("b")).then(StepDoubted("b", cause="down"), UndoIssued("b"))


def test_in_progress_no_longer_moves_the_deadline_once_the_saga_turned_back() -> None:  # A14
    given(SIDE_BY_SIDE, BEGUN, refused("a")).when(in_progress("b")).then_nothing()


def test_a_step_between_two_attempts_is_in_doubt_at_once() -> None:
    story = given(SIDE_BY_SIDE, BEGUN, failed("b"))
    story.when(refused("a")).then(StepRefused("a"), TurnedBack, StepDoubted("b", cause="turned-back"), UndoIssued("b"))


def test_an_attempt_that_runs_out_turns_back_before_another_begins_in_the_same_tick() -> None:
    brittle = shape(step("a"), step("b", retry=replace(DO_RETRY, attempts=1)))
    story = given(brittle, BEGUN, failed("a", retry_after="10s")).when(tick(after="10s"))
    story.then(StepDoubted("b"), TurnedBack, StepDoubted("a"), UndoIssued("b"), UndoIssued("a"))


def test_the_undo_gets_the_command_and_the_reply_or_none_while_nobody_knows() -> None:
    known = given(SIDE_BY_SIDE, BEGUN, succeeded("a", Done(note="blue"))).when(refused("b"))
    assert known.sent[0].body == b'{"note":"blue","order_id":"1042","step":"a"}'
    assert known.sent[0].undoes == known.state.step("a").sending.command_id
    assert given(ONE, BEGUN, *IN_DOUBT).sent[0].body == b'{"order_id":"1042","step":"a"}'


def test_undos_follow_the_graph_backwards_and_independent_ones_go_side_by_side() -> None:
    story = given(DIAMOND, BEGUN, succeeded("a"), succeeded("b"), succeeded("c")).when(refused("d"))
    story = story.when(undone("b")).then(UndoSucceeded("b", effect=True))
    story = story.when(undone("c")).then(UndoSucceeded("c"), UndoIssued("a"))
    story.when(undone("a")).then(UndoSucceeded("a"), SagaCompensated)


def test_side_by_side_undos_are_issued_in_one_decision() -> None:
    story = given(DIAMOND, BEGUN, succeeded("a"), succeeded("b"), succeeded("c")).when(refused("d"))
    story.then(StepRefused("d"), TurnedBack, UndoIssued("c"), UndoIssued("b"))


def test_the_order_holds_through_skipped_steps_and_steps_without_undo() -> None:
    through = shape(
        step("a"),
        step("s", after=("a",), when=lambda placed: placed.gift),
        step("n", after=("s",), undo=False),
        step("z", after=("n",)),
        step("end", after=("z",)),
    )
    story = given(through, BEGUN, succeeded("a"), succeeded("n"), succeeded("z"))
    story = story.when(refused("end")).then(StepRefused, TurnedBack, UndoIssued("z"))
    story.when(undone("z")).then(UndoSucceeded("z"), UndoIssued("a"))


def test_refused_and_skipped_steps_are_not_undone() -> None:
    some = shape(step("a"), step("s", when=lambda placed: placed.gift), step("b", takes=("a",)))
    given(some, BEGUN, succeeded("a"), refused("b")).when(undone("a")).then(UndoSucceeded("a"), SagaCompensated)


def test_nothing_to_undo_settles_the_undo_of_a_step_in_doubt() -> None:  # S2
    given(ONE, BEGUN, *IN_DOUBT).when(nothing_to_undo("a")).then(UndoSucceeded("a", effect=False), SagaCompensated)


def test_a_refusal_before_the_undo_was_issued_says_that_nothing_is_to_be_undone() -> None:  # A1
    story = given(SIDE_BY_SIDE, BEGUN, failed("b"), cancel()).when(refused("b")).then(StepRefused("b"))
    story.when(refused("a")).then(StepRefused("a"), SagaCancelled)


def test_a_late_refusal_after_the_undo_was_issued_is_expected_and_changes_nothing() -> None:  # A2, S3
    story = given(ONE, BEGUN, *IN_DOUBT).when(refused("a", code="undone-before-done")).then_nothing(Ignored.EXPECTED)
    assert story.status == "compensating"
    given(SIDE_BY_SIDE, BEGUN, succeeded("a"), refused("b")).when(refused("a", code="undone")).then_nothing(Ignored.EXPECTED)


def test_a_success_of_the_do_does_not_settle_its_undo() -> None:  # S1
    story = given(ONE, BEGUN, *IN_DOUBT).when(succeeded("a")).then(StepSucceeded("a", late=True))
    story.when(undone("a")).then(UndoSucceeded("a", effect=True), SagaCompensated)


def test_a_step_without_undo_in_doubt_gets_a_fence_in_its_place_in_the_order() -> None:  # V9
    story = given(FENCED, BEGUN, succeeded("a"), *IN_DOUBT).then(StepDoubted("n"), TurnedBack, UndoIssued("n", kind="fence"))
    do = story.state.step("n").sending
    (fence,) = story.sent
    assert (fence.type, fence.body, fence.undoes) == (FENCE_TYPE, b"{}", do.command_id)
    story.when(nothing_to_undo("n")).then(UndoSucceeded("n", effect=False), UndoIssued("a", kind="undo"))
    story.when(refused("n", code="done", undo=True)).then(UndoRefused("n"), UndoIssued("a"))


def test_a_step_without_undo_that_succeeded_or_was_refused_needs_no_fence() -> None:
    story = given(FENCED, BEGUN, succeeded("a"), succeeded("n"), refused("c"))
    assert [command.step for command in story.sent] == ["a"]
    assert [command.step for command in given(FENCED, BEGUN, succeeded("a"), refused("n")).sent] == ["a"]


def test_an_undo_that_fails_is_sent_again_for_ever() -> None:  # S7
    story = given(ONE, BEGUN, *IN_DOUBT)
    for attempt in range(1, 9):
        story = story.when(failed("a", undo=True)).then(UndoFailed("a", attempt=attempt, code="down"))
        story = story.when(tick()).then(UndoResent("a", attempt=attempt + 1))
    story.when(undone("a")).then(UndoSucceeded("a"), SagaCompensated)


def test_an_undo_unanswered_for_a_quarter_of_an_hour_is_parked_and_still_sent_again() -> None:  # S7
    story = given(ONE, BEGUN, *IN_DOUBT).when(tick(after="15m")).then(UndoFailed("a"), UndoParked("a", resending=True))
    assert story.status == "parked"
    story = story.when(tick()).then(UndoResent("a"))
    story = story.when(tick()).then(UndoFailed("a"))
    assert story.status == "parked"
    assert story.when(undone("a")).status == "compensated"


def test_in_progress_moves_the_deadline_of_an_undo() -> None:
    story = given(ONE, BEGUN, *IN_DOUBT).when(tick(after="19s"))
    story = story.when(in_progress("a", undo=True)).then(UndoProgressed("a", attempt=1))
    story.when(tick(after="19s")).then_nothing(Ignored.NOTHING_DUE)


def test_a_refused_undo_parks_at_once_and_holds_back_its_ancestors_alone() -> None:
    story = given(DIAMOND, BEGUN, succeeded("a"), succeeded("b"), succeeded("c"), refused("d"))
    story = story.when(refused("b", undo=True, code="gone")).then(UndoRefused("b", code="gone"))
    assert story.status == "parked"
    story = story.when(undone("c")).then(UndoSucceeded("c"))
    story.when(skip("b")).then(UndoSkipped("b", actor="ada", reason="because"), UndoIssued("a"))


def test_an_undo_that_a_person_skipped_is_listed_at_the_end() -> None:
    story = given(ONE, BEGUN, *IN_DOUBT, refused("a", undo=True)).when(skip("a"))
    story.then(UndoSkipped("a"), SagaCompensated(skipped=("undo of a",)))


def test_the_end_tells_a_wish_from_a_failure() -> None:
    story = given(TWO, BEGUN, succeeded("a"), cancel()).when(refused("b")).then(StepRefused("b"), UndoIssued("a"))
    story.when(undone("a")).then(UndoSucceeded("a"), SagaCancelled)


@pytest.mark.parametrize("copy", [undone("b"), nothing_to_undo("b"), refused("b", undo=True)])
def test_the_first_answer_to_an_undo_stays(copy: object) -> None:
    story = given(DIAMOND, BEGUN, succeeded("a"), succeeded("b"), succeeded("c"), refused("d"), undone("b"))
    story = story.when(copy)
    assert story.state.step("b").undo == "undone"


def test_after_turning_back_a_pivot_is_never_issued() -> None:
    story = given(SHOP, BEGUN, succeeded("a"), cancel()).when(succeeded("b"))
    story.then(StepSucceeded("b", late=True), UndoIssued("b"), UndoIssued("a"))


def test_the_last_attempt_of_one_step_puts_another_that_is_due_in_doubt_as_well() -> None:
    brittle = shape(step("a", retry=replace(DO_RETRY, attempts=1)), step("b"))
    story = given(brittle, BEGUN).when(tick(after="10s"))
    story.then(StepDoubted("a"), TurnedBack(step="a"), StepDoubted("b"), UndoIssued("b"), UndoIssued("a"))
