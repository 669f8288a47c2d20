"""The transitions as data: what a reply does, by where its step stands. A pair that is not listed changes nothing.

`FORWARD` and `BACK` are for replies to a do (before and after the saga turned back), `UNDOING` for replies to an undo or fence. The
same tables serve an ended saga: only a late success has a row that does something there, and it reopens.

Handlers get the reply as `Answer`: everything about it is known to be sound by then (`replies.py`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from saga.core import events as e
from saga.core.compensation import IN_DOUBT, REFUSED, doubt, end_undo_attempt, park_undo, turn_back, undo_sent
from saga.core.draft import Draft
from saga.core.forward import end_attempt, named, sent
from saga.core.inputs import Ignored, ReplyInput
from saga.core.state import CommandRef, Do, Step, Undo
from saga.definition.graph import StepKind, StepNode
from saga.messages import Outcome


@dataclass(frozen=True, slots=True)
class Answer:
    """A sound reply and what it is about. `code` and `detail` are those of a refusal or failure."""

    draft: Draft
    node: StepNode
    step: Step
    ref: CommandRef
    reply: ReplyInput
    outcome: Outcome
    code: str
    detail: str


Handler = Callable[[Answer], None]


def succeed(a: Answer) -> None:
    """The effect happened: keep the reply. Late if the saga has turned back or heard a refusal; reopened if it had ended."""
    late = a.draft.state.turned_back is not None or a.step.do is Do.REFUSED
    a.draft.emit(
        e.StepSucceeded(
            at=a.draft.now,
            **named(a.step, sent(a.step)),
            reply_type=a.reply.type,
            body=a.reply.body,
            message_id=a.reply.message_id,
            late=late,
        )
    )


def refuse(a: Answer) -> None:
    """No effect: turn back before and at the pivot; after it the saga is parked by its state."""
    _refused(a)
    if a.node.kind is not StepKind.RETRIABLE:
        turn_back(a.draft, REFUSED, a.node.name)


def refuse_back(a: Answer) -> None:
    """No effect, while turning back: nothing to undo here."""
    _refused(a)


def fail(a: Answer) -> None:
    """The attempt is over; the same command again, or in doubt when the budget is spent."""
    if not end_attempt(a.draft, a.step, a.code, detail=a.detail, retry_after_ms=a.reply.retry_after_ms):
        doubt(a.draft, a.step, a.code)
        turn_back(a.draft, IN_DOUBT, a.node.name)


def fail_back(a: Answer) -> None:
    """The attempt is over and there is no other after turning back: in doubt at once."""
    doubt(a.draft, a.step, a.code)


def progress(a: Answer) -> None:
    """Still at work: the deadline moves, by the span that the participant was told."""
    sending = sent(a.step)
    due = a.draft.now + timedelta(milliseconds=sending.answer_within_ms)
    a.draft.emit(e.StepProgressed(at=a.draft.now, **named(a.step, sending), attempt=sending.attempt, due_at=due))


def succeed_in_doubt(a: Answer) -> None:
    """A success of a do that is to be undone: it counts, unless its effect is gone already (design 4.6)."""
    match a.step.undo:
        case Undo.UNDONE:
            absorb(a, "its effect is undone already")
        case Undo.SKIPPED:
            absorb(a, "a person answered for its effect")
        case Undo.FENCED:
            a.draft.ignore(Ignored.EXPECTED)
        case Undo.NOTHING if a.step.fence:
            contradict(a, "succeeded after its fence said that it never will")
        case Undo.NOTHING:
            _reopen_with(a)
        case _:
            succeed(a)


def succeed_refused(a: Answer) -> None:
    """A success after a refusal: the participant contradicts itself, and the effect is there all the same."""
    if a.node.kind is StepKind.PIVOT:
        _reopen_with(a)
        park_undo(a.draft, a.step, "the pivot happened after it was refused")
    elif a.node.undo is not None:
        _reopen_with(a)
    elif a.draft.state.ended:
        absorb(a, "a step without undo succeeded after it was refused")
    else:
        succeed(a)


def refuse_in_doubt(a: Answer) -> None:
    """It did not happen. Once its undo is out this is expected and changes nothing: an undo is settled by its own answer only."""
    if a.step.undo is None:
        _refused(a)
    else:
        a.draft.ignore(Ignored.EXPECTED)


def refuse_succeeded(a: Answer) -> None:
    """Expected when its undo is out (a do that was undone answers `refused`), a contradiction otherwise."""
    if a.step.undo is None:
        contradict(a, "refused after it had succeeded")
    else:
        a.draft.ignore(Ignored.EXPECTED)


def succeed_skipped(a: Answer) -> None:
    """A person went on without it, and it happened after all."""
    contradict(a, "succeeded after a person skipped it")


def undo_done(a: Answer) -> None:
    """The effect was there and is gone."""
    _undo_answered(a, effect=True)


def undo_nothing(a: Answer) -> None:
    """There never was an effect, says the participant; whether that settles the undo, the fold knows."""
    _undo_answered(a, effect=False)


def undo_refused(a: Answer) -> None:
    """It cannot be undone: a person must look. A fence learns by it that the do is done."""
    a.draft.emit(e.UndoRefused(at=a.draft.now, **named(a.step, undo_sent(a.step)), code=a.code, message_id=a.reply.message_id))


def undo_failed(a: Answer) -> None:
    """The attempt is over; the same undo again."""
    end_undo_attempt(a.draft, a.step, a.code, detail=a.detail, retry_after_ms=a.reply.retry_after_ms)


def undo_progress(a: Answer) -> None:
    """Still undoing: the deadline moves."""
    sending = undo_sent(a.step)
    due = a.draft.now + timedelta(milliseconds=sending.answer_within_ms)
    a.draft.emit(e.UndoProgressed(at=a.draft.now, **named(a.step, sending), attempt=sending.attempt, due_at=due))


def undo_contradicts(a: Answer) -> None:
    """Another answer than the first to one undo id."""
    contradict(a, "another answer to an undo that was answered")


def undo_absorbed(a: Answer) -> None:
    """A person answered for the effect; whatever the participant says now is for the record."""
    absorb(a, "a person answered for its effect")


def undo_answer_parked(a: Answer) -> None:
    """A parked undo that was never answered is settled by its answer after all; one that was answered keeps the first."""
    if not a.step.undo_open:
        undo_contradicts(a)
    else:
        {Outcome.SUCCEEDED: undo_done, Outcome.NOTHING_TO_UNDO: undo_nothing, Outcome.REFUSED: undo_refused}[a.outcome](a)


def contradict(a: Answer, cause: str) -> None:
    """Record a contradiction of a live saga, once per command id and outcome."""
    _ignored(a, Ignored.CONTRADICTION, cause)


def absorb(a: Answer, cause: str) -> None:
    """Record what can no longer matter, once; an ended saga absorbs it without a word."""
    _ignored(a, Ignored.ABSORBED, cause)


FORWARD: Mapping[tuple[Do, Outcome], Handler] = {
    (Do.ISSUED, Outcome.SUCCEEDED): succeed,
    (Do.ISSUED, Outcome.REFUSED): refuse,
    (Do.ISSUED, Outcome.FAILED): fail,
    (Do.ISSUED, Outcome.IN_PROGRESS): progress,
    (Do.RETRYING, Outcome.SUCCEEDED): succeed,
    (Do.RETRYING, Outcome.REFUSED): refuse,
    (Do.SUCCEEDED, Outcome.REFUSED): refuse_succeeded,
    (Do.REFUSED, Outcome.SUCCEEDED): succeed,
    (Do.BUILD_FAILED, Outcome.SUCCEEDED): succeed,
    (Do.SKIPPED, Outcome.SUCCEEDED): succeed_skipped,
}

BACK: Mapping[tuple[Do, Outcome], Handler] = {
    (Do.ISSUED, Outcome.SUCCEEDED): succeed,
    (Do.ISSUED, Outcome.REFUSED): refuse_back,
    (Do.ISSUED, Outcome.FAILED): fail_back,
    (Do.IN_DOUBT, Outcome.SUCCEEDED): succeed_in_doubt,
    (Do.IN_DOUBT, Outcome.REFUSED): refuse_in_doubt,
    (Do.REFUSED, Outcome.SUCCEEDED): succeed_refused,
    (Do.SUCCEEDED, Outcome.REFUSED): refuse_succeeded,
}

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
    (Undo.SKIPPED, Outcome.SUCCEEDED): undo_absorbed,
    (Undo.SKIPPED, Outcome.NOTHING_TO_UNDO): undo_absorbed,
    (Undo.SKIPPED, Outcome.REFUSED): undo_absorbed,
}


def _refused(a: Answer) -> None:
    a.draft.emit(
        e.StepRefused(
            at=a.draft.now,
            **named(a.step, sent(a.step)),
            code=a.code,
            reply_type=a.reply.type,
            body=a.reply.body,
            message_id=a.reply.message_id,
        )
    )


def _reopen_with(a: Answer) -> None:
    ended = bool(a.draft.state.ended)
    succeed(a)
    if ended:
        a.draft.emit(e.SagaReopened(at=a.draft.now, step=a.node.name))


def _undo_answered(a: Answer, *, effect: bool) -> None:
    sending = undo_sent(a.step)
    a.draft.emit(e.UndoSucceeded(at=a.draft.now, **named(a.step, sending), effect=effect, message_id=a.reply.message_id))


def _ignored(a: Answer, why: Ignored, cause: str) -> None:
    said = (a.reply.command_id, a.outcome.value) in a.draft.state.ignored
    a.draft.ignore(Ignored.DUPLICATE if said else why, cause)
    if said or a.draft.state.ended:
        return
    a.draft.emit(
        e.ReplyIgnored(
            at=a.draft.now,
            step=a.step.id.step,
            branch=a.step.id.branch,
            generation=a.ref.generation,
            command_id=a.reply.command_id,
            outcome=a.outcome.value,
            cause=cause,
            message_id=a.reply.message_id,
        )
    )
