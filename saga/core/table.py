"""What a reply to a do does, as data: by where its step stands and what the reply says. A pair that is not listed changes nothing.

`FORWARD` holds before the saga turned back, `BACK` after it; `undo_table.UNDOING` is for replies to an undo or fence. The same tables
serve an ended saga: only a late success has a row that does something there, and it reopens.
"""

from collections.abc import Mapping
from datetime import timedelta

from saga.core import events as e
from saga.core.answer import Answer, Handler, absorb, contradict
from saga.core.compensation import IN_DOUBT, REFUSED, doubt, park_undo, turn_back
from saga.core.forward import by_hand, end_attempt, named, sent
from saga.core.inputs import Ignored
from saga.core.state import Do, Undo
from saga.definition.graph import StepKind
from saga.messages import Outcome


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
            evidence=a.evidence,
            **by_hand(a.act),
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
    due = a.draft.clock + timedelta(milliseconds=sending.answer_within_ms)
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
