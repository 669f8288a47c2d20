"""evolve (state, event) → state, and the fold over a stream. Total over the closed list of events; reads nothing else."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import singledispatch
from typing import Any

from saga.core import events as e
from saga.core.altered import altered
from saga.core.lifecycle import life_after
from saga.core.state import CommandRef, Do, Sending, State, Step, StepId, Undo
from saga.messages import Outcome


def evolve(state: State, event: e.Event) -> State:
    """The state after one more event. A stream folds the same way for ever, whatever release reads it."""
    state = _evolve(event, state)
    input_id: str = getattr(event, "input_id", "")
    inputs = state.inputs | {input_id} if input_id else state.inputs
    version = state.version + 1
    life = life_after(state.life, event, state, version)
    return altered(state, version=version, last_progress=event.at, inputs=inputs, life=life)


def fold(events: Iterable[e.Event], state: State | None = None) -> State:
    """The state after these events, from nothing or from a state."""
    state = state or State()
    for event in events:
        state = evolve(state, event)
    return state


@singledispatch
def _evolve(event: e.Event, state: State) -> State:  # noqa: ARG001 - the signature of all its cases
    raise TypeError(f"{type(event).__name__} is not in the list of events")


def _with(state: State, step: Step) -> State:
    return altered(state, steps={**state.steps, step.id: step})


def _of(state: State, event: e.OfStep) -> Step:
    return state.steps[StepId(event.step, event.branch)]


def _change(state: State, event: e.OfStep, **changes: Any) -> State:
    return _with(state, altered(_of(state, event), **changes))


def _due(sending: Sending | None, due_at: datetime | None) -> Sending | None:
    return None if sending is None else altered(sending, due_at=due_at)


def _shifted(sending: Sending | None, span: timedelta) -> Sending | None:
    """After a pause: deadlines and the time budget go on where they stood. When it was sent last is a fact and stays."""
    if sending is None:
        return None
    due = None if sending.due_at is None else sending.due_at + span
    return altered(sending, due_at=due, budget_since=sending.budget_since + span)


def _ended(state: State, event: e.Ended, how: str) -> State:
    """An end clears a pause, else a saga that is reopened would stand still unseen."""
    return altered(state, ended=how, ended_at=event.at, paused=None)


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


@_evolve.register
def _(event: e.SagaStarted, state: State) -> State:
    return altered(state, started=event)


@_evolve.register
def _(event: e.StepIssued, state: State) -> State:
    of = StepId(event.step, event.branch)
    step = state.steps.get(of) or Step(id=of, kind=event.kind, after=event.after, do=Do.ISSUED)
    step = altered(step, do=Do.ISSUED, sending=_sent(event, event.attempts), unanswered=False, detail="")
    commands = {**state.commands, event.command_id: CommandRef(of, False, event.generation)}
    return altered(_with(state, step), commands=commands)


@_evolve.register
def _(event: e.StepResent, state: State) -> State:
    step = _of(state, event)
    unanswered = step.unanswered and not event.actor
    return _change(state, event, do=Do.ISSUED, sending=_resent(step.sending, event), unanswered=unanswered)


@_evolve.register
def _(event: e.StepFailed, state: State) -> State:
    step = _of(state, event)
    parked = event.parked or step.unanswered
    return _change(state, event, do=Do.RETRYING, sending=_due(step.sending, event.retry_at), detail=event.code, unanswered=parked)


@_evolve.register
def _(event: e.StepDoubted, state: State) -> State:
    return _change(state, event, do=Do.IN_DOUBT, sending=_due(_of(state, event).sending, None), detail=event.cause)


@_evolve.register
def _(event: e.StepProgressed, state: State) -> State:
    return _change(state, event, sending=_due(_of(state, event).sending, event.due_at))


@_evolve.register
def _(event: e.StepSucceeded, state: State) -> State:
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


@_evolve.register
def _(event: e.StepRefused, state: State) -> State:
    return _change(
        state, event, do=Do.REFUSED, sending=_due(_of(state, event).sending, None), reply_type=event.reply_type, detail=event.code
    )


@_evolve.register
def _(event: e.StepSkipped, state: State) -> State:
    of = StepId(event.step, event.branch)
    step = state.steps.get(of) or Step(id=of, kind=event.kind, after=event.after, do=Do.SKIPPED)
    return _with(state, altered(step, do=Do.SKIPPED, sending=_due(step.sending, None), skipped_by_hand=event.cause == "operator"))


@_evolve.register
def _(event: e.BuildFailed, state: State) -> State:
    of = StepId(event.step, event.branch)
    detail = f"{event.function}: {event.error_type} at {event.place}"
    if event.undo:
        return _change(state, event, undo=Undo.PARKED, undo_detail=detail)
    step = state.steps.get(of) or Step(id=of, kind=event.kind, after=event.after, do=Do.BUILD_FAILED)
    return _with(state, altered(step, do=Do.BUILD_FAILED, detail=detail))


@_evolve.register
def _(event: e.TurnedBack, state: State) -> State:
    return altered(state, turned_back=event)


@_evolve.register
def _(event: e.UndoIssued, state: State) -> State:
    of = StepId(event.step, event.branch)
    state = _change(
        state,
        event,
        undo=Undo.ISSUED,
        undo_sending=_sent(event, 0, event.undoes),
        undo_answer="",
        undo_unanswered=False,
        fence=event.kind == "fence",
        undo_detail="",
    )
    return altered(state, commands={**state.commands, event.command_id: CommandRef(of, True, event.generation)})


@_evolve.register
def _(event: e.UndoResent, state: State) -> State:
    step = _of(state, event)
    unanswered = step.undo_unanswered and not event.actor
    return _change(state, event, undo=Undo.ISSUED, undo_sending=_resent(step.undo_sending, event), undo_unanswered=unanswered)


@_evolve.register
def _(event: e.UndoProgressed, state: State) -> State:
    return _change(state, event, undo_sending=_due(_of(state, event).undo_sending, event.due_at))


@_evolve.register
def _(event: e.UndoFailed, state: State) -> State:
    sending = _due(_of(state, event).undo_sending, event.retry_at)
    return _change(state, event, undo=Undo.RETRYING, undo_sending=sending, undo_detail=event.code)


@_evolve.register
def _(event: e.UndoSucceeded, state: State) -> State:
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


@_evolve.register
def _(event: e.UndoRefused, state: State) -> State:
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


@_evolve.register
def _(event: e.UndoParked, state: State) -> State:
    if event.resending:
        return _change(state, event, undo_unanswered=True, undo_detail=event.cause)
    return _change(state, event, undo=Undo.PARKED, undo_sending=_due(_of(state, event).undo_sending, None), undo_detail=event.cause)


@_evolve.register
def _(event: e.UndoSkipped, state: State) -> State:
    sending = _due(_of(state, event).undo_sending, None)
    return _change(state, event, undo=Undo.SKIPPED, undo_sending=sending, undo_unanswered=False)


@_evolve.register
def _(event: e.ReplyIgnored, state: State) -> State:
    return altered(state, ignored=state.ignored | {(event.command_id, event.outcome)})


@_evolve.register
def _(event: e.SagaPaused, state: State) -> State:
    return altered(state, paused=event)


@_evolve.register
def _(event: e.SagaResumed, state: State) -> State:
    span = event.at - state.clock(event.at)
    steps = {
        of: altered(step, sending=_shifted(step.sending, span), undo_sending=_shifted(step.undo_sending, span))
        for of, step in state.steps.items()
    }
    return altered(state, steps=steps, paused=None)


@_evolve.register
def _(event: e.SagaReopened, state: State) -> State:  # noqa: ARG001
    return altered(state, ended="", ended_at=None)


@_evolve.register
def _(event: e.SagaCompleted, state: State) -> State:
    return _ended(state, event, "completed")


@_evolve.register
def _(event: e.SagaCompensated, state: State) -> State:
    return _ended(state, event, "compensated")


@_evolve.register
def _(event: e.SagaCancelled, state: State) -> State:
    return _ended(state, event, "cancelled")
