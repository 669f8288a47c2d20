"""What a reply to an undo or a fence does, as data: by where the undo stands and what the reply says (design 4.5, 4.6)."""

from collections.abc import Mapping
from datetime import timedelta

from saga.core import events as e
from saga.core.answer import Answer, Handler, absorb, contradict
from saga.core.compensation import CONTRADICTION, REFUSED, end_undo_attempt, park_undo, turn_back, undo_sent
from saga.core.forward import named, resend, sent
from saga.core.state import Do, Undo
from saga.definition.graph import StepKind
from saga.messages import Outcome

FENCED_OFF = "fenced-off"


def undo_done(a: Answer) -> None:
    """The effect was there and is gone."""
    _undo_answered(a, effect=True)


def undo_nothing(a: Answer) -> None:
    """There never was an effect, says the participant; whether that settles the undo, the fold knows."""
    _undo_answered(a, effect=False)


def undo_refused(a: Answer) -> None:
    """It cannot be undone: a person must look. A fence learns by it that the do is done; a pivot is sent again to fetch its answer."""
    a.draft.emit(e.UndoRefused(at=a.draft.now, **named(a.step, undo_sent(a.step)), code=a.code, message_id=a.reply.message_id))
    if a.node.kind is not StepKind.PIVOT:
        return
    if a.step.do is Do.REFUSED:
        park_undo(a.draft, a.step, CONTRADICTION)
    elif a.step.do is Do.RETRYING and a.draft.state.paused is None:
        resend(a.draft, a.step)


def undo_failed(a: Answer) -> None:
    """The attempt is over; the same undo again."""
    end_undo_attempt(a.draft, a.step, a.code, detail=a.detail, retry_after_ms=a.reply.retry_after_ms)


def undo_progress(a: Answer) -> None:
    """Still undoing: the deadline moves."""
    sending = undo_sent(a.step)
    due = a.draft.clock + timedelta(milliseconds=sending.answer_within_ms)
    a.draft.emit(e.UndoProgressed(at=a.draft.now, **named(a.step, sending), attempt=sending.attempt, due_at=due))


def undo_contradicts(a: Answer) -> None:
    """Another answer than the first to one undo id."""
    contradict(a, "another answer to an undo that was answered")


def undo_absorbed(a: Answer) -> None:
    """A person answered for the effect; whatever the participant says now is for the record."""
    absorb(a, "a person answered for its effect")


def undo_answer_parked(a: Answer) -> None:
    """A parked undo that was never answered is settled by its answer after all; one that was answered keeps the first. A parked pivot
    happened, whatever its fence says: only a person ends that."""
    if not a.step.undo_open or (a.node.kind is StepKind.PIVOT and a.step.happened):
        undo_contradicts(a)
    else:
        {Outcome.SUCCEEDED: undo_done, Outcome.NOTHING_TO_UNDO: undo_nothing, Outcome.REFUSED: undo_refused}[a.outcome](a)


UNDOING: Mapping[tuple[Undo, Outcome], Handler] = {
    (Undo.ISSUED, Outcome.SUCCEEDED): undo_done,
    (Undo.ISSUED, Outcome.NOTHING_TO_UNDO): undo_nothing,
    (Undo.ISSUED, Outcome.REFUSED): undo_refused,
    (Undo.ISSUED, Outcome.FAILED): undo_failed,
    (Undo.ISSUED, Outcome.IN_PROGRESS): undo_progress,
    (Undo.RETRYING, Outcome.SUCCEEDED): undo_done,
    (Undo.RETRYING, Outcome.NOTHING_TO_UNDO): undo_nothing,
    (Undo.RETRYING, Outcome.REFUSED): undo_refused,
    (Undo.PARKED, Outcome.SUCCEEDED): undo_answer_parked,
    (Undo.PARKED, Outcome.NOTHING_TO_UNDO): undo_answer_parked,
    (Undo.PARKED, Outcome.REFUSED): undo_answer_parked,
    (Undo.UNDONE, Outcome.NOTHING_TO_UNDO): undo_contradicts,
    (Undo.UNDONE, Outcome.REFUSED): undo_contradicts,
    (Undo.NOTHING, Outcome.SUCCEEDED): undo_contradicts,
    (Undo.NOTHING, Outcome.REFUSED): undo_contradicts,
    (Undo.FENCED, Outcome.SUCCEEDED): undo_contradicts,
    (Undo.FENCED, Outcome.NOTHING_TO_UNDO): undo_contradicts,
    (Undo.SKIPPED, Outcome.SUCCEEDED): undo_absorbed,
    (Undo.SKIPPED, Outcome.NOTHING_TO_UNDO): undo_absorbed,
    (Undo.SKIPPED, Outcome.REFUSED): undo_absorbed,
}


def _undo_answered(a: Answer, *, effect: bool) -> None:
    sending = undo_sent(a.step)
    a.draft.emit(e.UndoSucceeded(at=a.draft.now, **named(a.step, sending), effect=effect, message_id=a.reply.message_id))
    if a.node.kind is StepKind.PIVOT and a.step.awaits_do:
        _fenced_off(a)


def _fenced_off(a: Answer) -> None:
    """The fence of a pivot was answered: it never had an effect and never will, which is what a refusal says."""
    a.draft.emit(
        e.StepRefused(
            at=a.draft.now,
            **named(a.step, sent(a.step)),
            code=FENCED_OFF,
            reply_type=a.reply.type,
            body=a.reply.body,
            message_id=a.reply.message_id,
        )
    )
    turn_back(a.draft, REFUSED, a.node.name)
