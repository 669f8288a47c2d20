"""Design 4.8: a paused saga records and decides, and sends nothing."""

from datetime import timedelta

from saga.core.inputs import Ignored
from saga.core.project import waits_for
from saga.core.state import next_due
from saga.testing.inputs import (
    answer,
    cancel,
    doubt,
    failed,
    fence,
    in_progress,
    nothing_to_undo,
    pause,
    refused,
    resume,
    retry,
    skip,
    started,
    succeeded,
    tick,
    undone,
)
from saga.testing.scenario import (
    NOON,
    SagaCancelled,
    SagaCompensated,
    SagaCompleted,
    SagaPaused,
    SagaResumed,
    StepDoubted,
    StepFailed,
    StepIssued,
    StepProgressed,
    StepRefused,
    StepResent,
    StepSucceeded,
    TurnedBack,
    UndoFailed,
    UndoIssued,
    UndoResent,
    UndoSucceeded,
    given,
)
from tests.unit.core_shapes import ONE, SIDE_BY_SIDE, TWO, WITH_PIVOT, Placed, after_pivot, pivot, shape, step

BEGUN = started(Placed())


def due(story: object) -> object:
    return next_due(story.state)  # type: ignore[attr-defined]


def test_a_pause_stops_a_saga_and_names_who_and_why() -> None:
    story = given(TWO, BEGUN).when(pause(actor="eve", reason="the warehouse burns"))
    story.then(SagaPaused(actor="eve", reason="the warehouse burns"))
    assert (story.status, due(story)) == ("paused", None)


def test_a_reply_in_a_pause_is_recorded_and_what_it_leads_to_waits() -> None:
    story = given(TWO, BEGUN, pause()).when(succeeded("a")).then(StepSucceeded("a"))
    story.when(resume(actor="eve")).then(SagaResumed(actor="eve"), StepIssued("b"))


def test_no_deadline_fires_in_a_pause() -> None:
    given(TWO, BEGUN, pause()).when(tick("1h")).then_nothing(Ignored.NOTHING_DUE)


def test_resume_moves_every_due_time_by_the_span_of_the_pause() -> None:
    story = given(SIDE_BY_SIDE, BEGUN, tick("4s"), pause())
    resumed = story.when(tick("1h"), resume())
    assert due(resumed) == NOON + timedelta(seconds=10, hours=1)
    resumed.when(tick("5s")).then_nothing(Ignored.NOTHING_DUE)
    resumed.when(tick("6s")).then(StepFailed("a"), StepFailed("b"))


def test_a_failure_in_a_pause_waits_its_whole_backoff_after_it() -> None:
    plain = given(ONE, BEGUN, tick("2s")).when(failed("a"))
    wait = due(plain) - NOON - timedelta(seconds=2)  # type: ignore[operator]
    story = given(ONE, BEGUN, tick("1s"), pause(), tick("30m")).when(failed("a")).then(StepFailed("a"))
    resumed = story.when(tick("30m"), resume()).then(SagaResumed)
    assert due(resumed) == resumed.now + wait
    assert due(resumed) == NOON + timedelta(hours=1, seconds=1) + wait


def test_progress_in_a_pause_leaves_the_whole_span_after_it() -> None:
    story = given(ONE, BEGUN, pause(), tick("10m")).when(in_progress("a")).then(StepProgressed("a"))
    resumed = story.when(resume())
    assert due(resumed) == resumed.now + timedelta(seconds=10)


def test_time_in_a_pause_does_not_count_as_unanswered() -> None:
    story = given(WITH_PIVOT, BEGUN, succeeded("a"), tick("1m"), failed("p"), pause(), tick("1h"), resume())
    assert story.status == "running"
    assert story.when(tick(), tick()).status == "running"


def test_a_refusal_in_a_pause_turns_back_and_undoes_after_it() -> None:  # A5
    story = given(TWO, BEGUN, succeeded("a"), pause()).when(refused("b")).then(StepRefused("b"), TurnedBack(cause="refused"))
    assert story.status == "paused"
    story.when(resume()).then(SagaResumed, UndoIssued("a"))


def test_a_spent_budget_in_a_pause_puts_the_step_in_doubt() -> None:  # A5
    spent = (tick(), tick(), tick(), tick())
    story = given(ONE, BEGUN, *spent, pause()).when(failed("a")).then(StepDoubted("a"), TurnedBack(cause="in-doubt"))
    story.when(resume()).then(SagaResumed, UndoIssued("a"))


def test_cancel_in_a_pause_turns_back_at_once_and_nothing_can_complete_it() -> None:  # V10
    story = given(ONE, BEGUN, pause()).when(cancel()).then(TurnedBack(cause="cancelled"))
    story = story.when(succeeded("a")).then(StepSucceeded("a", late=True))
    story = story.when(resume()).then(SagaResumed, UndoIssued("a"))
    assert story.when(undone("a")).status == "cancelled"


def test_an_end_in_a_pause_is_reached_at_once_and_clears_it() -> None:  # A4
    story = given(ONE, BEGUN, pause()).when(succeeded("a")).then(StepSucceeded("a"), SagaCompleted)
    assert story.state.paused is None
    given(ONE, BEGUN, pause()).when(refused("a")).then(StepRefused("a"), TurnedBack, SagaCompensated)


def test_an_end_while_undoing_in_a_pause_clears_it_and_a_late_success_goes_on() -> None:  # A4, S1
    story = given(ONE, BEGUN, cancel(), tick(), pause()).when(nothing_to_undo("a"))
    assert story.status == "cancelled"
    assert story.when(succeeded("a")).status == "compensating"


def test_retry_and_fence_in_a_pause_are_refused() -> None:  # A6
    given(ONE, BEGUN, pause()).when(retry("a")).then_refused("paused")
    given(WITH_PIVOT, BEGUN, succeeded("a"), pause()).when(fence("p")).then_refused("paused")


def test_skip_doubt_and_answer_in_a_pause_are_recorded() -> None:  # A6
    last = shape(step("a"), pivot("p", takes=("a",)), after_pivot("r", after=("p",)))
    stuck = given(last, BEGUN, succeeded("a"), succeeded("p"), refused("r"), pause())
    assert stuck.when(skip("r")).status == "completed"
    given(TWO, BEGUN, pause()).when(doubt("a")).then(StepDoubted("a"), TurnedBack(cause="in-doubt"))
    given(WITH_PIVOT, BEGUN, succeeded("a"), pause()).when(answer("p")).then(StepSucceeded("p", actor="ada"))


def test_pause_and_resume_twice_are_so_already() -> None:
    story = given(ONE, BEGUN, pause())
    story.when(pause()).then_nothing(Ignored.ALREADY_SO)
    story.when(resume(), resume()).then_nothing(Ignored.ALREADY_SO)


def test_an_ended_saga_is_neither_paused_nor_resumed() -> None:
    ended = given(ONE, BEGUN, succeeded("a"))
    ended.when(pause()).then_refused("ended")
    ended.when(resume()).then_refused("ended")


def test_pause_in_each_live_status_comes_back_to_it() -> None:
    parked = given(WITH_PIVOT, BEGUN, succeeded("a"), succeeded("p"), refused("r"))
    compensating = given(TWO, BEGUN, succeeded("a"), refused("b"))
    for story in (given(TWO, BEGUN), parked, compensating):
        assert story.when(pause()).status == "paused"
        assert story.when(pause(), tick("1m"), resume()).status == story.status


def test_an_undo_in_a_pause_waits_and_is_sent_again_after_it() -> None:
    story = given(ONE, BEGUN, cancel(), tick(), pause()).when(failed("a", undo=True))
    resumed = story.when(tick("1h"), resume()).then(SagaResumed)
    resumed.when(tick()).then(UndoResent("a"))


def test_after_a_month_in_a_pause_a_person_must_say_that_it_may_be_sent_again() -> None:
    story = given(ONE, BEGUN, pause(), tick("31d"))
    story.when(resume()).then_refused("forgotten")
    story.when(resume(even_if_forgotten=True)).then(SagaResumed, StepResent("a", actor="ada", attempt=2))
    undoing = given(ONE, BEGUN, cancel(), tick(), pause(), tick("31d"))
    undoing.when(resume()).then_refused("forgotten")
    undoing.when(resume(even_if_forgotten=True)).then(SagaResumed, UndoResent("a", actor="ada"))


def test_a_month_in_a_pause_without_anything_awaited_needs_no_word() -> None:
    story = given(TWO, BEGUN, pause(), succeeded("a"), tick("31d"))
    story.when(resume()).then(SagaResumed, StepIssued("b"))


def test_the_last_undo_answered_in_a_pause_ends_the_saga() -> None:
    given(ONE, BEGUN, cancel(), tick(), pause()).when(undone("a")).then(UndoSucceeded("a"), SagaCancelled)


def test_the_sentence_names_who_paused_and_what_it_waits_for_then() -> None:
    story = given(ONE, BEGUN, pause(actor="eve", reason="fire"))
    assert waits_for(story.state) == "a person who resumes it: eve paused it (fire); then the answer to a from works (attempt 1)"


def test_a_failure_after_a_long_pause_does_not_make_the_saga_count_as_parked() -> None:
    pivot_out = given(WITH_PIVOT, BEGUN, succeeded("a"), pause(), tick("1h"))
    pivot_out.when(failed("p")).then(StepFailed("p", parked=False))
    given(ONE, BEGUN, cancel(), tick(), pause(), tick("1h")).when(failed("a", undo=True)).then(UndoFailed("a"))
