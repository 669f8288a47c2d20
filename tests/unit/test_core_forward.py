"""Design 4.4: going forward, attempts, deadlines, backoff."""

from dataclasses import replace
from datetime import timedelta

import pytest

from saga.core.backoff import wait_before
from saga.core.inputs import Ignored
from saga.testing.inputs import failed, in_progress, refused, started, succeeded, tick
from saga.testing.scenario import (
    NOON,
    SagaCompensated,
    SagaCompleted,
    SagaStarted,
    StepDoubted,
    StepFailed,
    StepIssued,
    StepProgressed,
    StepRefused,
    StepResent,
    StepSkipped,
    StepSucceeded,
    TurnedBack,
    UndoIssued,
    given,
)
from tests.unit.core_shapes import DIAMOND, ONE, SHOP, SIDE_BY_SIDE, TWO, WITH_PIVOT, Done, Placed, after_pivot, pivot, shape, step

BEGUN = started(Placed())
ROUND = (tick(), tick())  # an attempt's deadline, then the end of its backoff


def test_a_start_issues_every_step_that_needs_nothing() -> None:
    story = given(SIDE_BY_SIDE).when(BEGUN).then(SagaStarted, StepIssued("a", attempt=1, generation=0), StepIssued("b"))
    assert [(command.step, command.attempt, command.answer_within_ms) for command in story.sent] == [("a", 1, 10_000), ("b", 1, 10_000)]
    assert story.sent[0].issued_at == NOON


def test_a_second_start_changes_nothing() -> None:  # S9
    given(ONE, BEGUN).when(BEGUN).then_nothing(Ignored.DUPLICATE)


def test_a_success_stores_the_reply_and_issues_what_it_was_missing_for() -> None:
    story = given(TWO, BEGUN).when(succeeded("a", Done(note="blue"))).then(StepSucceeded("a", late=False), StepIssued("b"))
    assert story.sent[0].body == b'{"notes":["blue"],"order_id":"1042","step":"b"}'


def test_a_step_waits_for_all_its_dependencies() -> None:
    story = given(DIAMOND, BEGUN, succeeded("a")).when(succeeded("c")).then(StepSucceeded("c"))
    story.when(succeeded("b")).then(StepSucceeded("b"), StepIssued("d"))


def test_after_orders_without_data() -> None:
    ordered = shape(step("a"), step("b", after=("a",)))
    given(ordered, BEGUN).when(succeeded("a")).then(StepSucceeded("a"), StepIssued("b", body=b'{"notes":[],"order_id":"1042","step":"b"}'))


def test_the_pivot_waits_for_every_step_before_it_and_retriables_for_the_pivot() -> None:
    story = given(SHOP, BEGUN).when(succeeded("a")).then(StepSucceeded("a"))
    story = story.when(succeeded("b")).then(StepSucceeded("b"), StepIssued("p", kind="pivot", attempts=0))
    story.when(succeeded("p")).then(StepSucceeded("p"), StepIssued("r", kind="retriable", attempts=0))


def test_the_saga_completes_with_its_last_step() -> None:
    story = given(WITH_PIVOT, BEGUN, succeeded("a"), succeeded("p")).when(succeeded("r"))
    story.then(StepSucceeded("r"), SagaCompleted(skipped=()))
    assert story.status == "completed"


def test_a_step_whose_when_says_no_is_skipped_and_those_after_it_go_on_without_its_reply() -> None:
    maybe = shape(step("a", when=lambda placed: placed.gift), step("b", takes=("a",), optional=("a",)))
    story = given(maybe).when(BEGUN).then(SagaStarted, StepSkipped("a", cause="when"), StepIssued("b"))
    assert b'"notes":[null]' in story.sent[0].body
    given(maybe).when(started(Placed(gift=True))).then(SagaStarted, StepIssued("a"))


def test_a_saga_of_skipped_steps_alone_completes() -> None:
    given(shape(step("a", when=lambda placed: placed.gift))).when(BEGUN).then(SagaStarted, StepSkipped("a"), SagaCompleted)


def test_a_refusal_before_the_pivot_turns_back() -> None:
    story = given(SIDE_BY_SIDE, BEGUN, succeeded("a")).when(refused("b", code="no-stock"))
    story.then(StepRefused("b", code="no-stock"), TurnedBack(cause="refused", step="b"), UndoIssued("a"))


def test_a_refusal_after_the_pivot_parks_the_saga_until_a_person_comes() -> None:
    story = given(WITH_PIVOT, BEGUN, succeeded("a"), succeeded("p")).when(refused("r")).then(StepRefused("r"))
    assert story.status == "parked"


def test_a_failed_attempt_is_sent_again_under_the_same_id_after_the_backoff() -> None:
    begun = given(ONE, BEGUN)
    story = begun.when(failed("a", code="db-down")).then(StepFailed("a", attempt=1, code="db-down"))
    assert story.sent == ()
    again = story.when(tick()).then(StepResent("a", attempt=2))
    assert again.sent == (replace(begun.sent[0], attempt=2),)


def test_a_passed_deadline_ends_an_attempt_and_the_next_one_has_a_deadline_of_its_own() -> None:
    story = given(ONE, BEGUN).when(tick(after="9s")).then_nothing(Ignored.NOTHING_DUE)
    story = story.when(tick(after="1s")).then(StepFailed("a", code="no-answer", attempt=1))
    story = story.when(tick()).then(StepResent("a", attempt=2, due_at=story.when(tick()).now + timedelta(seconds=10)))
    story.when(tick(after="9s")).then_nothing(Ignored.NOTHING_DUE)  # I15


def test_a_deadline_fires_once() -> None:  # I15
    failed_once = given(ONE, BEGUN).when(tick()).then(StepFailed)
    failed_once.when(tick(after="0s")).then_nothing(Ignored.NOTHING_DUE)


def test_attempts_spent_leave_the_step_in_doubt_and_undo_it_too() -> None:  # S1
    story = given(ONE, BEGUN, *ROUND, *ROUND).when(tick())
    story.then(StepDoubted("a", cause="no-answer"), TurnedBack(cause="in-doubt", step="a"), UndoIssued("a"))


def test_failed_as_the_last_attempt_leaves_the_step_in_doubt_as_well() -> None:
    given(ONE, BEGUN, *ROUND, *ROUND).when(failed("a")).then(StepDoubted("a", cause="down"), TurnedBack, UndoIssued("a"))


def test_a_wish_to_wait_lengthens_the_backoff_up_to_an_hour() -> None:
    story = given(ONE, BEGUN)
    assert story.when(failed("a", retry_after="5m")).decided.events[0].retry_at == NOON + timedelta(minutes=5)
    assert story.when(failed("a", retry_after="9h")).decided.events[0].retry_at == NOON + timedelta(hours=1)


def test_a_wish_to_wait_never_shortens_the_backoff() -> None:  # S14
    story = given(ONE, BEGUN)
    plain = story.when(failed("a")).decided.events[0].retry_at
    assert plain > NOON + timedelta(milliseconds=1)
    assert story.when(failed("a", retry_after="1ms")).decided.events[0].retry_at == plain


@pytest.mark.parametrize("used", [1, 2, 3, 10, 10_000])
def test_the_backoff_is_full_jitter_under_its_cap(used: int) -> None:
    waits = [wait_before(f"id-{n}", used, 1000, 30_000).total_seconds() for n in range(300)]
    ceiling = min(30, 2 ** min(used - 1, 20))
    assert 0 <= min(waits) < ceiling * 0.1
    assert ceiling * 0.9 < max(waits) <= ceiling
    assert wait_before("id-1", used, 1000, 30_000) == wait_before("id-1", used, 1000, 30_000)


def test_in_progress_moves_the_deadline_by_the_span_the_participant_was_told() -> None:
    patient = shape(replace(step("a"), deadline=timedelta(hours=1)))
    story = given(ONE, BEGUN, tick(after="9s"))
    story.when(in_progress("a")).then(StepProgressed("a", due_at=story.now + timedelta(seconds=10)))
    mended = replace(story, definition=patient)
    mended.when(in_progress("a")).then(StepProgressed("a", due_at=story.now + timedelta(seconds=10)))


def test_failed_and_in_progress_count_only_for_the_attempt_that_runs() -> None:  # K13
    story = given(ONE, BEGUN, *ROUND)
    story.when(failed("a", attempt=1)).then_nothing(Ignored.STALE_ATTEMPT)
    story.when(in_progress("a", attempt=1)).then_nothing(Ignored.STALE_ATTEMPT)
    story.when(failed("a", attempt=2)).then(StepFailed(attempt=2)).when(failed("a", attempt=2)).then_nothing(Ignored.STALE_ATTEMPT)


def test_success_and_refusal_count_whatever_the_attempt_they_answer() -> None:  # K13, S5
    given(TWO, BEGUN, *ROUND).when(succeeded("a", attempt=1)).then(StepSucceeded("a"), StepIssued("b"))
    given(TWO, BEGUN, tick()).when(succeeded("a", attempt=1)).then(StepSucceeded("a"), StepIssued("b"))
    given(ONE, BEGUN, tick()).when(refused("a")).then(StepRefused("a"), TurnedBack, SagaCompensated)


def test_after_the_pivot_a_command_is_resent_until_it_is_answered() -> None:  # S8
    story = given(WITH_PIVOT, BEGUN, succeeded("a"), succeeded("p"))
    for attempt in range(1, 8):
        story = story.when(tick()).then(StepFailed("r", attempt=attempt))
        story = story.when(tick()).then(StepResent("r", attempt=attempt + 1))
    story.when(succeeded("r", attempt=1)).then(StepSucceeded("r"), SagaCompleted)


def test_unanswered_for_a_quarter_of_an_hour_counts_as_parked_while_resending_goes_on() -> None:
    story = given(WITH_PIVOT, BEGUN, succeeded("a"), succeeded("p"), tick(after="14m"))
    assert story.status == "running"
    story = story.when(tick(), tick(after="2m")).then(StepFailed("r", parked=True))
    assert story.status == "parked"
    story = story.when(tick()).then(StepResent("r"))
    assert story.status == "parked"
    assert story.when(succeeded("r")).status == "completed"


def test_resending_alone_parks_nothing() -> None:
    story = given(WITH_PIVOT, BEGUN, succeeded("a"), succeeded("p"), *ROUND, *ROUND)
    assert (story.state.step("r").sending.attempt, story.status) == (3, "running")
    back = given(ONE, BEGUN, *ROUND, *ROUND, tick(), *ROUND, *ROUND)
    assert (back.state.step("a").undo_sending.attempt, back.status) == (3, "compensating")


def test_a_step_before_the_pivot_is_never_parked_by_time_because_it_turns_back() -> None:
    story = given(ONE, BEGUN).when(tick(after="16m")).then(StepFailed("a", parked=False))
    assert story.status == "running"


def test_deadlines_of_two_steps_fire_in_one_tick_each_for_itself() -> None:
    given(SIDE_BY_SIDE, BEGUN).when(tick()).then(StepFailed("a"), StepFailed("b"))


def test_retriables_may_run_side_by_side_after_the_pivot() -> None:
    wide = shape(pivot("p"), after_pivot("r", takes=("p",)), after_pivot("s", takes=("p",)))
    story = given(wide, BEGUN).when(succeeded("p")).then(StepSucceeded("p"), StepIssued("r"), StepIssued("s"))
    story.when(refused("r"), succeeded("s")).then(StepSucceeded("s"))
