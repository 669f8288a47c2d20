"""Turning back: which undo may be issued, when, and how it ends (design 4.5 and 4.6).

TurnedBack ──> wait until no do is issued ──> undo(x) once every undo of what depends on x is settled ──> end
                                                 │
                                                 └ a no_undo step in doubt gets a fence in the same place
"""

from datetime import timedelta

from saga.core import events as e
from saga.core.building import BuildFault, build_undo
from saga.core.draft import Draft
from saga.core.forward import by_hand, is_overdue, milliseconds, named, retry_at, sent, skipped_by_hand
from saga.core.identity import UNDO, command_id
from saga.core.inputs import Act
from saga.core.state import Do, Sending, Step, Undo
from saga.definition.graph import StepKind, StepNode
from saga.messages import FENCE_TYPE

REFUSED = "refused"
IN_DOUBT = "in-doubt"
CANCELLED = "cancelled"
CONTRADICTION = "the participant contradicts itself"
TURNED_BACK = "turned-back"


def turn_back(draft: Draft, cause: str, step: str = "", act: Act | None = None) -> None:
    """From here on no do is issued or sent again, by nobody. A step between two attempts is in doubt at once; an issued one keeps
    its attempt until the deadline."""
    draft.emit(e.TurnedBack(at=draft.now, cause=cause, step=step, **by_hand(act)))
    for waiting in draft.state.steps.values():
        if waiting.do is Do.RETRYING:
            doubt(draft, waiting, TURNED_BACK)


def doubt(draft: Draft, step: Step, cause: str, act: Act | None = None) -> None:
    """Nobody knows whether the do happened; it will be undone."""
    draft.emit(e.StepDoubted(at=draft.now, **named(step, sent(step)), cause=cause, **by_hand(act)))


def unwind(draft: Draft) -> None:
    """Issue every undo whose turn has come, unless the saga is paused; end when all are settled."""
    if any(step.do is Do.ISSUED for step in draft.state.steps.values()):
        return
    settled: dict[str, bool] = {}  # by step: nothing of it is left to undo, nor of any step that depends on it
    for node in reversed(tuple(draft.definition.steps.values())):
        may_undo = all(map(settled.__getitem__, draft.definition.dependents(node.name)))
        step = draft.state.step(node.name)
        if may_undo and step is not None and _needs_undo(step, node) and draft.state.paused is None:
            _undo_once_more(draft, node, step)
        settled[node.name] = may_undo and _is_settled(step, node)
    if all(settled.values()):
        _end(draft)


def issue_undo(draft: Draft, node: StepNode, step: Step, act: Act | None = None) -> None:
    """Build and issue the next generation of a step's undo, or its fence; the undo is parked if the user's function cannot."""
    generation = 0 if step.undo_sending is None else step.undo_sending.generation + 1
    fence = node.undo is None
    body: bytes | BuildFault = b"{}" if fence else build_undo(node, draft.definition, draft.state, step)
    if isinstance(body, BuildFault):
        draft.emit(
            e.BuildFailed(
                at=draft.now,
                step=node.name,
                generation=generation,
                function=body.function,
                error_type=body.error_type,
                place=body.place,
                kind=node.kind,
                undo=True,
                **by_hand(act),
            )
        )
        return
    draft.emit(
        e.UndoIssued(
            at=draft.now,
            step=node.name,
            generation=generation,
            command_id=command_id(draft.state.business, node.name, "", UNDO, generation),
            kind="fence" if fence else "undo",
            undoes=sent(step).command_id,
            participant=node.command.participant,
            type=FENCE_TYPE if node.undo is None else node.undo.returns.message_type,
            body=body,
            due_at=draft.now + node.undo_deadline,
            answer_within_ms=milliseconds(node.undo_deadline),
            first_ms=milliseconds(node.undo_retry.first),
            cap_ms=milliseconds(node.undo_retry.cap),
            **by_hand(act),
        )
    )


def end_undo_attempt(draft: Draft, step: Step, code: str, *, detail: str = "", retry_after_ms: int = 0) -> None:
    """An attempt to undo ended without an answer that lasts: again after the backoff, for ever; after a while a person is asked too."""
    sending = undo_sent(step)
    draft.emit(
        e.UndoFailed(
            at=draft.now,
            **named(step, sending),
            attempt=sending.attempt,
            code=code,
            detail=detail,
            retry_at=retry_at(draft, sending, retry_after_ms),
        )
    )
    if is_overdue(sending, draft.clock) and not step.undo_unanswered:
        draft.emit(e.UndoParked(at=draft.now, **named(step, sending), cause=code, resending=True))


def resend_undo(draft: Draft, step: Step, act: Act | None = None) -> None:
    """Send the same undo again."""
    sending = undo_sent(step)
    due = draft.now + timedelta(milliseconds=sending.answer_within_ms)
    draft.emit(e.UndoResent(at=draft.now, **named(step, sending), attempt=sending.attempt + 1, due_at=due, **by_hand(act)))


def park_undo(draft: Draft, step: Step, cause: str) -> None:
    """The undo needs a person and is not sent any more."""
    sending = step.undo_sending or sent(step)
    draft.emit(e.UndoParked(at=draft.now, **named(step, sending), cause=cause))


def undo_sent(step: Step) -> Sending:
    """The undo's sending."""
    if step.undo_sending is None:
        raise LookupError(f"the undo of {step.id.step} was never issued")
    return step.undo_sending


def _undo_once_more(draft: Draft, node: StepNode, step: Step) -> None:
    if step.nothings >= 2:
        park_undo(draft, step, CONTRADICTION)
    else:
        issue_undo(draft, node, step)


def _needs_undo(step: Step, node: StepNode) -> bool:
    """Whether an undo or a fence is to be issued: the first, or one more after nothing-to-undo for a do that is known to have happened."""
    if step.do not in (Do.SUCCEEDED, Do.IN_DOUBT) or node.kind is not StepKind.COMPENSATABLE:
        return False
    if step.undo is None:
        return node.undo is not None or step.do is Do.IN_DOUBT
    return step.undo is Undo.NOTHING and step.happened and node.undo is not None


def _is_settled(step: Step | None, node: StepNode) -> bool:
    if step is None or step.undo in (Undo.UNDONE, Undo.FENCED, Undo.SKIPPED):
        return True
    if step.undo is not None:
        return step.undo is Undo.NOTHING and not (step.happened and node.undo is not None)
    return step.do in (Do.REFUSED, Do.SKIPPED, Do.BUILD_FAILED) or (step.do is Do.SUCCEEDED and node.undo is None)


def _end(draft: Draft) -> None:
    turned = draft.state.turned_back
    cancelled = turned is not None and turned.cause == CANCELLED
    kind = e.SagaCancelled if cancelled else e.SagaCompensated
    draft.emit(kind(at=draft.now, skipped=skipped_by_hand(draft)))
