"""evolve (state, event) → state, and the fold over a stream. Total over the closed list of events; reads nothing else."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from saga.core import events as e
from saga.core.altered import altered
from saga.core.lifecycle import life_after
from saga.core.state import CommandRef, Do, Sending, State, Step, StepId, Undo
from saga.messages import Outcome

Changes = Mapping[str, Any]
"""Fields of a state, and what they are after an event."""


def evolve(state: State, event: e.Event) -> State:
    """The state after one more event. A stream folds the same way for ever, whatever release reads it."""
    changes = _AFTER[type(event)](event, state)
    input_id: str = getattr(event, "input_id", "")
    inputs = state.inputs | {input_id} if input_id else state.inputs
    after = altered(state, version=state.version + 1, last_progress=event.at, inputs=inputs, **changes)
    life = life_after(state.life, event, after)
    return after if life is state.life else altered(after, life=life)


def fold(events: Iterable[e.Event], state: State | None = None) -> State:
    """The state after these events, from nothing or from a state."""
    state = state or State()
    for event in events:
        state = evolve(state, event)
    return state


def _with(state: State, step: Step) -> Changes:
    return {"steps": {**state.steps, step.id: step}}


def _of(state: State, event: e.OfStep) -> Step:
    return state.steps[StepId(event.step, event.branch)]


def _change(state: State, event: e.OfStep, **changes: Any) -> Changes:
    return _with(state, altered(_of(state, event), **changes))


def _due(sending: Sending | None, due_at: datetime | None) -> Sending | None:
    return None if sending is None else altered(sending, due_at=due_at)


def _shifted(sending: Sending | None, span: timedelta) -> Sending | None:
    """After a pause: deadlines and the time budget go on where they stood. When it was sent last is a fact and stays."""
    if sending is None:
        return None
    due = None if sending.due_at is None else sending.due_at + span
    return altered(sending, due_at=due, budget_since=sending.budget_since + span)


def _ended(event: e.Ended, how: str) -> Changes:
    """An end clears a pause, else a saga that is reopened would stand still unseen."""
    return {"ended": how, "ended_at": event.at, "paused": None}


def _sent(event: e.StepIssued | e.UndoIssued, attempts: int, undoes: str = "") -> Sending:
    return Sending(
        command_id=event.command_id,
        generation=event.generation,
        participant=event.participant,
        type=event.type,
        body=event.body,
        issued_at=event.at,
        answer_within_ms=event.answer_within_ms,
        attempts=attempts,
        first_ms=event.first_ms,
        cap_ms=event.cap_ms,
        attempt=event.attempt,
        due_at=event.due_at,
        budget_from=event.attempt,
        budget_since=event.at,
        last_sent_at=event.at,
        undoes=undoes,
    )


def _resent(sending: Sending | None, event: e.StepResent | e.UndoResent) -> Sending | None:
    if sending is None:
        return None
    sending = altered(sending, attempt=event.attempt, due_at=event.due_at, last_sent_at=event.at)
    return altered(sending, budget_from=event.attempt, budget_since=event.at) if event.actor else sending


def _saga_started(event: e.SagaStarted, _state: State) -> Changes:
    return {"started": event}


def _step_issued(event: e.StepIssued, state: State) -> Changes:
    of = StepId(event.step, event.branch)
    step = state.steps.get(of) or Step(id=of, kind=event.kind, after=event.after, do=Do.ISSUED)
    step = altered(step, do=Do.ISSUED, sending=_sent(event, event.attempts), unanswered=False, detail="")
    commands = {**state.commands, event.command_id: CommandRef(of, False, event.generation)}
    return {**_with(state, step), "commands": commands}


def _step_resent(event: e.StepResent, state: State) -> Changes:
    step = _of(state, event)
    unanswered = step.unanswered and not event.actor
    return _change(state, event, do=Do.ISSUED, sending=_resent(step.sending, event), unanswered=unanswered)


def _step_failed(event: e.StepFailed, state: State) -> Changes:
    step = _of(state, event)
    parked = event.parked or step.unanswered
    return _change(state, event, do=Do.RETRYING, sending=_due(step.sending, event.retry_at), detail=event.code, unanswered=parked)


def _step_doubted(event: e.StepDoubted, state: State) -> Changes:
    return _change(state, event, do=Do.IN_DOUBT, sending=_due(_of(state, event).sending, None), detail=event.cause)


def _step_progressed(event: e.StepProgressed, state: State) -> Changes:
    return _change(state, event, sending=_due(_of(state, event).sending, event.due_at))


def _step_succeeded(event: e.StepSucceeded, state: State) -> Changes:
    step = _of(state, event)
    fenced = {"undo": Undo.FENCED, "undo_sending": _due(step.undo_sending, None), "undo_unanswered": False}
    return _change(
        state,
        event,
        **(fenced if step.kind == "pivot" and step.awaits_undo else {}),
        do=Do.SUCCEEDED,
        sending=_due(step.sending, None),
        happened=True,
        reply_type=event.reply_type,
        reply=event.body,
        unanswered=False,
        detail="",
    )


def _step_refused(event: e.StepRefused, state: State) -> Changes:
    return _change(
        state, event, do=Do.REFUSED, sending=_due(_of(state, event).sending, None), reply_type=event.reply_type, detail=event.code
    )


def _step_skipped(event: e.StepSkipped, state: State) -> Changes:
    of = StepId(event.step, event.branch)
    step = state.steps.get(of) or Step(id=of, kind=event.kind, after=event.after, do=Do.SKIPPED)
    return _with(state, altered(step, do=Do.SKIPPED, sending=_due(step.sending, None), skipped_by_hand=event.cause == "operator"))


def _build_failed(event: e.BuildFailed, state: State) -> Changes:
    of = StepId(event.step, event.branch)
    detail = f"{event.function}: {event.error_type} at {event.place}"
    if event.undo:
        return _change(state, event, undo=Undo.PARKED, undo_detail=detail)
    step = state.steps.get(of) or Step(id=of, kind=event.kind, after=event.after, do=Do.BUILD_FAILED)
    return _with(state, altered(step, do=Do.BUILD_FAILED, detail=detail))


def _turned_back(event: e.TurnedBack, _state: State) -> Changes:
    return {"turned_back": event}


def _undo_issued(event: e.UndoIssued, state: State) -> Changes:
    of = StepId(event.step, event.branch)
    changes = _change(
        state,
        event,
        undo=Undo.ISSUED,
        undo_sending=_sent(event, 0, event.undoes),
        undo_answer="",
        undo_unanswered=False,
        fence=event.kind == "fence",
        undo_detail="",
    )
    return {**changes, "commands": {**state.commands, event.command_id: CommandRef(of, True, event.generation)}}


def _undo_resent(event: e.UndoResent, state: State) -> Changes:
    step = _of(state, event)
    unanswered = step.undo_unanswered and not event.actor
    return _change(state, event, undo=Undo.ISSUED, undo_sending=_resent(step.undo_sending, event), undo_unanswered=unanswered)


def _undo_progressed(event: e.UndoProgressed, state: State) -> Changes:
    return _change(state, event, undo_sending=_due(_of(state, event).undo_sending, event.due_at))


def _undo_failed(event: e.UndoFailed, state: State) -> Changes:
    sending = _due(_of(state, event).undo_sending, event.retry_at)
    return _change(state, event, undo=Undo.RETRYING, undo_sending=sending, undo_detail=event.code)


def _undo_succeeded(event: e.UndoSucceeded, state: State) -> Changes:
    step = _of(state, event)
    return _change(
        state,
        event,
        undo=Undo.UNDONE if event.effect else Undo.NOTHING,
        undo_sending=_due(step.undo_sending, None),
        undo_answer=(Outcome.SUCCEEDED if event.effect else Outcome.NOTHING_TO_UNDO).value,
        undo_unanswered=False,
        nothings=step.nothings + (not event.effect),
        undo_detail="",
    )


def _undo_refused(event: e.UndoRefused, state: State) -> Changes:
    step = _of(state, event)
    undo = Undo.FENCED if step.fence else Undo.PARKED
    return _change(
        state,
        event,
        undo=undo,
        undo_sending=_due(step.undo_sending, None),
        undo_answer=Outcome.REFUSED.value,
        undo_unanswered=False,
        undo_detail=event.code,
    )


def _undo_parked(event: e.UndoParked, state: State) -> Changes:
    if event.resending:
        return _change(state, event, undo_unanswered=True, undo_detail=event.cause)
    return _change(state, event, undo=Undo.PARKED, undo_sending=_due(_of(state, event).undo_sending, None), undo_detail=event.cause)


def _undo_skipped(event: e.UndoSkipped, state: State) -> Changes:
    sending = _due(_of(state, event).undo_sending, None)
    return _change(state, event, undo=Undo.SKIPPED, undo_sending=sending, undo_unanswered=False)


def _reply_ignored(event: e.ReplyIgnored, state: State) -> Changes:
    return {"ignored": state.ignored | {(event.command_id, event.outcome)}}


def _saga_paused(event: e.SagaPaused, _state: State) -> Changes:
    return {"paused": event}


def _saga_resumed(event: e.SagaResumed, state: State) -> Changes:
    span = event.at - state.clock(event.at)
    steps = {
        of: altered(step, sending=_shifted(step.sending, span), undo_sending=_shifted(step.undo_sending, span))
        for of, step in state.steps.items()
    }
    return {"steps": steps, "paused": None}


def _saga_reopened(_event: e.SagaReopened, _state: State) -> Changes:
    return {"ended": "", "ended_at": None}


def _saga_completed(event: e.SagaCompleted, _state: State) -> Changes:
    return _ended(event, "completed")


def _saga_compensated(event: e.SagaCompensated, _state: State) -> Changes:
    return _ended(event, "compensated")


def _saga_cancelled(event: e.SagaCancelled, _state: State) -> Changes:
    return _ended(event, "cancelled")


_AFTER: Mapping[type[e.Event], Callable[[Any, State], Changes]] = {
    e.SagaStarted: _saga_started,
    e.StepIssued: _step_issued,
    e.StepResent: _step_resent,
    e.StepFailed: _step_failed,
    e.StepDoubted: _step_doubted,
    e.StepProgressed: _step_progressed,
    e.StepSucceeded: _step_succeeded,
    e.StepRefused: _step_refused,
    e.StepSkipped: _step_skipped,
    e.BuildFailed: _build_failed,
    e.TurnedBack: _turned_back,
    e.UndoIssued: _undo_issued,
    e.UndoResent: _undo_resent,
    e.UndoProgressed: _undo_progressed,
    e.UndoFailed: _undo_failed,
    e.UndoSucceeded: _undo_succeeded,
    e.UndoRefused: _undo_refused,
    e.UndoParked: _undo_parked,
    e.UndoSkipped: _undo_skipped,
    e.ReplyIgnored: _reply_ignored,
    e.SagaPaused: _saga_paused,
    e.SagaResumed: _saga_resumed,
    e.SagaReopened: _saga_reopened,
    e.SagaCompleted: _saga_completed,
    e.SagaCompensated: _saga_compensated,
    e.SagaCancelled: _saga_cancelled,
}
