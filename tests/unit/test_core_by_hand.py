"""Design 4.6 and 4.8: a step put in doubt now, a participant answered for, a pivot fenced."""

from saga.core.inputs import Ignored
from saga.testing.inputs import (
    answer,
    cancel,
    doubt,
    failed,
    fence,
    nothing_to_undo,
    refused,
    retry,
    started,
    succeeded,
    tick,
    undone,
)
from saga.testing.scenario import (
    ReplyIgnored,
    SagaCancelled,
    SagaCompensated,
    SagaCompleted,
    StepDoubted,
    StepIssued,
    StepRefused,
    StepResent,
    StepSucceeded,
    Story,
    TurnedBack,
    UndoFailed,
    UndoIssued,
    UndoParked,
    UndoRefused,
    UndoResent,
    UndoSucceeded,
    given,
)
from tests.unit.core_shapes import ONE, SHOP, SIDE_BY_SIDE, TWO, WITH_PIVOT, Done, No, Placed, after_pivot, pivot, shape, step

BEGUN = started(Placed())
PIVOT_OUT = (BEGUN, succeeded("a"))


def broken(placed: Placed, **_: object) -> None:
    raise ValueError(placed.order_id)


def undo_parked() -> Story:
    """The undo of `a`, which is known to have happened, was refused."""
    return given(TWO, BEGUN, succeeded("a"), refused("b"), refused("a", undo=True))


def test_doubt_now_turns_back_without_waiting_and_names_the_person() -> None:
    story = given(TWO, BEGUN, succeeded("a")).when(doubt("b", actor="eve", reason="they are down"))
    story.then(StepDoubted("b", actor="eve"), TurnedBack(cause="in-doubt", step="b", actor="eve"), UndoIssued("b"))


def test_doubt_now_after_turning_back_lets_the_undo_go_at_once() -> None:
    story = given(SIDE_BY_SIDE, BEGUN, refused("a"))
    story.when(doubt("b")).then(StepDoubted("b", actor="ada"), UndoIssued("b"))


def test_a_late_success_after_doubt_now_is_undone() -> None:  # S1
    story = given(ONE, BEGUN, doubt("a"), nothing_to_undo("a"))
    assert story.status == "compensated"
    assert story.when(succeeded("a")).status == "compensating"


def test_doubt_is_refused_where_nothing_can_be_undone_or_awaited() -> None:  # S8
    given(WITH_PIVOT, *PIVOT_OUT).when(doubt("p")).then_refused("cannot-doubt")
    given(WITH_PIVOT, *PIVOT_OUT, succeeded("p")).when(doubt("r")).then_refused("cannot-doubt")
    given(TWO, BEGUN, succeeded("a")).when(doubt("a")).then_refused("nothing-awaited")
    given(ONE, BEGUN, succeeded("a")).when(doubt("a")).then_refused("ended")
    given(TWO, BEGUN).when(doubt("b")).then_refused("not-issued")


def test_a_pivot_answered_by_hand_goes_on_with_the_reply_it_was_given() -> None:  # V7
    story = given(WITH_PIVOT, *PIVOT_OUT).when(answer("p", Done(note="seen"), actor="eve", evidence="bank statement 7"))
    story.then(StepSucceeded("p", actor="eve", evidence="bank statement 7"), StepIssued("r"))
    assert b'"seen"' in story.sent[0].body


def test_the_participants_own_answer_after_one_by_hand_changes_nothing() -> None:  # K13
    story = given(WITH_PIVOT, *PIVOT_OUT, answer("p"))
    story.when(succeeded("p")).then_nothing(Ignored.DUPLICATE)
    story.when(refused("p")).then(ReplyIgnored("p"))


def test_a_pivot_is_never_answered_as_refused_by_hand() -> None:  # V7
    given(WITH_PIVOT, *PIVOT_OUT).when(answer("p", No())).then_refused("invalid-answer")


def test_an_answer_by_hand_must_be_a_reply_of_the_command() -> None:  # P14
    for body in ('{"note": 7}', "not json", '{"note": "a", "note": "b"}'):
        given(WITH_PIVOT, *PIVOT_OUT).when(answer("p", body=body)).then_refused("invalid-answer")
    given(WITH_PIVOT, *PIVOT_OUT).when(answer("p", type="com.example.works.Other.v1")).then_refused("invalid-answer")


def test_a_stuck_step_after_the_pivot_is_answered_by_hand() -> None:
    refusal = given(WITH_PIVOT, *PIVOT_OUT, succeeded("p"), refused("r"))
    refusal.when(answer("r")).then(StepSucceeded("r", actor="ada", late=True), SagaCompleted)
    unanswered = given(WITH_PIVOT, *PIVOT_OUT, succeeded("p"), tick("16m"))
    assert unanswered.status == "parked"
    unanswered.when(answer("r")).then(StepSucceeded("r"), SagaCompleted)


def test_a_step_that_waits_as_usual_or_never_went_out_is_not_answered_by_hand() -> None:
    given(WITH_PIVOT, BEGUN).when(answer("a")).then_refused("cannot-answer")
    given(WITH_PIVOT, *PIVOT_OUT, succeeded("p")).when(answer("r")).then_refused("cannot-answer")
    unbuilt = shape(step("a"), pivot("p", takes=("a",)), after_pivot("r", takes=("p",), build=broken))
    given(unbuilt, *PIVOT_OUT, succeeded("p")).when(answer("r")).then_refused("cannot-answer")


def test_a_parked_undo_of_a_known_effect_is_answered_by_hand_and_is_not_listed_as_skipped() -> None:  # S7
    story = undo_parked().when(answer("a", undo=True, actor="eve", evidence="paid back by cheque"))
    story.then(UndoSucceeded("a", effect=True, actor="eve", evidence="paid back by cheque"), SagaCompensated(skipped=()))


def test_an_undo_is_answered_by_hand_only_while_it_is_parked() -> None:
    given(TWO, BEGUN, succeeded("a"), refused("b")).when(answer("a", undo=True)).then_refused("cannot-answer")
    given(TWO, BEGUN, succeeded("a")).when(answer("a", undo=True)).then_refused("cannot-answer")


def test_an_undo_of_what_may_never_have_happened_is_not_answered_by_hand() -> None:
    story = given(ONE, BEGUN, doubt("a"), refused("a", undo=True))
    story.when(answer("a", undo=True)).then_refused("unknown-effect")


def test_a_fence_is_sent_for_an_unanswered_pivot_while_the_pivot_is_still_asked() -> None:  # V7
    story = given(WITH_PIVOT, *PIVOT_OUT).when(fence("p", actor="eve")).then(UndoIssued("p", kind="fence", actor="eve"))
    assert (story.sent[0].type, story.sent[0].body) == ("saga.fence.v1", b"{}")
    assert story.sent[0].undoes == story.state.step("p").sending.command_id  # type: ignore[union-attr]
    assert story.when(tick("11s"), tick("5s")).status == "running"


def test_a_fence_answered_nothing_to_undo_refuses_the_pivot_and_turns_back() -> None:  # V7
    story = given(WITH_PIVOT, *PIVOT_OUT, fence("p")).when(nothing_to_undo("p"))
    refusal = StepRefused("p", code="fenced-off")
    story.then(UndoSucceeded("p", effect=False), refusal, TurnedBack(cause="refused", step="p"), UndoIssued("a"))
    assert story.when(undone("a")).status == "compensated"


def test_a_fence_between_two_attempts_refuses_the_pivot_too() -> None:
    story = given(WITH_PIVOT, *PIVOT_OUT, failed("p"), fence("p")).when(nothing_to_undo("p"))
    assert story.when(undone("a")).status == "compensated"


def test_a_fence_that_learns_that_the_pivot_is_done_fetches_its_first_answer() -> None:  # V7
    story = given(WITH_PIVOT, *PIVOT_OUT, failed("p"), fence("p")).when(refused("p", undo=True, code="done"))
    story.then(UndoRefused("p"), StepResent("p", attempt=2))
    story.when(succeeded("p")).then(StepSucceeded("p"), StepIssued("r"))
    story.when(fence("p")).then_refused("done")


def test_a_fence_that_learns_it_while_the_pivot_is_still_asked_waits_for_that_answer() -> None:  # V7
    given(WITH_PIVOT, *PIVOT_OUT, fence("p")).when(refused("p", undo=True, code="done")).then(UndoRefused("p"))


def test_an_undo_of_a_second_generation_is_answered_by_hand_as_such() -> None:
    story = undo_parked().when(retry("a"), refused("a", undo=True))
    story.when(answer("a", undo=True)).then(UndoSucceeded("a", generation=1, evidence="seen"), SagaCompensated)


def test_a_pivot_that_answers_before_its_fence_goes_on_and_the_fence_is_settled() -> None:
    story = given(WITH_PIVOT, *PIVOT_OUT, fence("p")).when(succeeded("p")).then(StepSucceeded("p"), StepIssued("r"))
    story.when(refused("p", undo=True, code="done")).then_nothing(Ignored.DUPLICATE)
    story.when(nothing_to_undo("p")).then(ReplyIgnored("p"))
    assert story.when(succeeded("r")).status == "completed"


def test_a_pivot_that_the_tombstone_refuses_waits_for_the_fences_own_answer() -> None:
    story = given(WITH_PIVOT, *PIVOT_OUT, fence("p")).when(refused("p", code="undone-before-done")).then(StepRefused("p"), TurnedBack)
    story.when(nothing_to_undo("p")).then(UndoSucceeded("p"), UndoIssued("a"))


def test_a_participant_that_says_both_refused_and_done_is_parked() -> None:  # V8
    story = given(WITH_PIVOT, *PIVOT_OUT, fence("p"), refused("p")).when(refused("p", undo=True, code="done"))
    story.then(UndoRefused("p"), UndoParked("p"))
    assert story.status == "parked"
    both = story.when(succeeded("p"), answer("p", undo=True, evidence="paid back")).then(UndoSucceeded("p"), UndoIssued("a"))
    assert both.when(undone("a")).status == "compensated"


def test_a_success_after_the_fence_said_never_is_parked() -> None:  # V8
    story = given(WITH_PIVOT, *PIVOT_OUT, fence("p"), nothing_to_undo("p"), undone("a"))
    assert story.when(succeeded("p")).status == "parked"


def test_an_unanswered_fence_is_sent_again() -> None:
    story = given(WITH_PIVOT, *PIVOT_OUT, fence("p"), succeeded("a")).when(failed("p", undo=True)).then(UndoFailed("p"))
    story.when(tick()).then(UndoResent("p"))


def test_a_fence_is_refused_where_there_is_nothing_to_fence() -> None:
    given(WITH_PIVOT, BEGUN).when(fence("a")).then_refused("not-the-pivot")
    given(WITH_PIVOT, *PIVOT_OUT, succeeded("p")).when(fence("p")).then_refused("nothing-awaited")
    given(WITH_PIVOT, *PIVOT_OUT, refused("p")).when(fence("p")).then_refused("nothing-awaited")
    given(WITH_PIVOT, *PIVOT_OUT, fence("p")).when(fence("p")).then_nothing(Ignored.ALREADY_SO)


def test_retry_by_hand_beside_a_fence_asks_the_pivot_again() -> None:
    given(WITH_PIVOT, *PIVOT_OUT, fence("p")).when(retry("p")).then(StepResent("p", actor="ada"))


def test_cancel_with_a_fence_out_is_still_too_late() -> None:  # S4
    given(SHOP, BEGUN, succeeded("a"), succeeded("b"), fence("p")).when(cancel()).then_refused("pivot-in-flight")


def test_cancelled_by_hand_after_doubt_keeps_the_first_cause() -> None:
    story = given(ONE, BEGUN, doubt("a")).when(cancel()).then_nothing(Ignored.ALREADY_SO)
    assert story.when(nothing_to_undo("a")).decided.events[-1].__class__ is not SagaCancelled.kind
