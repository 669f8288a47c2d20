"""A tick fires every deadline of the fold that is due, each at most once (invariant I15)."""

from datetime import datetime

from saga.core import events as e
from saga.core.compensation import IN_DOUBT, doubt, end_undo_attempt, park_undo, resend_undo, turn_back, undo_sent
from saga.core.draft import Draft
from saga.core.forward import FORGOTTEN, NO_ANSWER, end_attempt, is_forgotten, named, resend, sent
from saga.core.inputs import Ignored, Tick
from saga.core.state import Do, Sending, Step, StepId, Undo


def tick(draft: Draft, given: Tick) -> None:
    """Go over the steps as they stood when the tick came; what one deadline causes is seen by the next.

    Attempts that run out come before attempts that begin: they may turn the saga back, and then nothing is sent again.
    """
    if draft.state.ended or draft.state.paused is not None:
        draft.ignore(Ignored.NOTHING_DUE)
        return
    running_first = sorted(draft.state.steps.values(), key=lambda step: step.do is Do.RETRYING)
    for of in [step.id for step in running_first]:
        _do_due(draft, of, given)
        _undo_due(draft, of, given)
    draft.ignore(Ignored.NOTHING_DUE)


def _do_due(draft: Draft, of: StepId, given: Tick) -> None:
    step = draft.state.steps[of]
    if not step.awaits_do or not _is_due(step.sending, draft.now):
        return
    if draft.state.turned_back is not None:
        doubt(draft, step, NO_ANSWER)
    elif step.do is Do.RETRYING:
        _send_again(draft, step, given)
    elif not end_attempt(draft, step, NO_ANSWER):
        doubt(draft, step, NO_ANSWER)
        turn_back(draft, IN_DOUBT, of.step)


def _send_again(draft: Draft, step: Step, given: Tick) -> None:
    sending = sent(step)
    if is_forgotten(sending, draft.now, given.remembered):
        draft.emit(e.StepFailed(at=draft.now, **named(step, sending), attempt=sending.attempt, code=FORGOTTEN, parked=True))
    else:
        resend(draft, step)


def _undo_due(draft: Draft, of: StepId, given: Tick) -> None:
    step = draft.state.steps[of]
    if not step.awaits_undo or not _is_due(step.undo_sending, draft.now):
        return
    if step.undo is Undo.ISSUED:
        end_undo_attempt(draft, step, NO_ANSWER)
    elif is_forgotten(undo_sent(step), draft.now, given.remembered):
        park_undo(draft, step, FORGOTTEN)
    else:
        resend_undo(draft, step)


def _is_due(sending: Sending | None, now: datetime) -> bool:
    return sending is not None and sending.due_at is not None and sending.due_at <= now
