"""When a participant does not answer, a person may: put a step in doubt now, answer in its place, or ask for a fence (design 4.6, 4.8).

    before the pivot       doubt    the step is undone, whether it happened or not
    the pivot              answer   it succeeded, and this is its reply      fence   make sure that it never happens, then turn back
    after it, if stuck     answer   it succeeded, and this is its reply
    a parked undo          answer   the effect is gone

Why nobody can say that a do did not happen: a copy of its command may still be on its way. What did not happen is asked, not told: the
fence leaves a tombstone at the participant, and only its answer turns the saga back.
"""

from saga.body import canonical, parse_body
from saga.core import events as e
from saga.core.answer import Answer
from saga.core.compensation import IN_DOUBT, doubt, issue_undo, turn_back
from saga.core.draft import Draft
from saga.core.forward import by_hand, sent
from saga.core.inputs import AnswerByHand, Doubt, Fence, Ignored, ReplyInput
from saga.core.replies import sound_outcome
from saga.core.state import CommandRef, Step, Undo, needs_person
from saga.core.table import succeed
from saga.definition.graph import StepKind, StepNode
from saga.errors import ActRefused, ContractError
from saga.messages import Outcome

BY_HAND = "by-hand"


def doubt_now(draft: Draft, node: StepNode, step: Step, given: Doubt) -> None:
    """Do not wait for the deadline of a step before the pivot."""
    if draft.state.ended:
        raise ActRefused("ended", f"the saga is {draft.state.ended}")
    if node.kind is not StepKind.COMPENSATABLE:
        raise ActRefused("cannot-doubt", f"{node.name} is not before the pivot: it cannot be undone, so it cannot be doubted")
    if not step.awaits_do:
        raise ActRefused("nothing-awaited", f"{node.name} is {step.do}")
    doubt(draft, step, BY_HAND, given)
    if draft.state.turned_back is None:
        turn_back(draft, IN_DOUBT, node.name, given)


def fence(draft: Draft, node: StepNode, step: Step, given: Fence) -> None:
    """Make sure that an unanswered pivot never happens. Its participant says whether that is so, or that it is done."""
    if node.kind is not StepKind.PIVOT:
        raise ActRefused("not-the-pivot", f"{node.name} is not the pivot: only a pivot is fenced by hand")
    if draft.state.turned_back is not None or not step.awaits_do:
        raise ActRefused("nothing-awaited", f"{node.name} is {step.do}")
    if step.awaits_undo:
        draft.ignore(Ignored.ALREADY_SO, "the fence has been sent and is not answered yet")
    elif step.undo is Undo.FENCED:
        raise ActRefused("done", f"the fence learned that {node.name} is done: its first answer is being fetched")
    else:
        issue_undo(draft, node, step, given)


def answer(draft: Draft, node: StepNode, step: Step, given: AnswerByHand) -> None:
    """Take a person's word for what a participant did."""
    if draft.state.ended:
        raise ActRefused("ended", f"the saga is {draft.state.ended}")
    if given.undo:
        _undone(draft, step, given)
    else:
        _succeeded(draft, node, step, given)


def _undone(draft: Draft, step: Step, given: AnswerByHand) -> None:
    parked = step.undo is Undo.PARKED or (step.undo_unanswered and step.awaits_undo)
    if not parked:
        what = f"the undo of {given.step} is {step.undo or 'not issued'}"
        raise ActRefused("cannot-answer", f"{what}: only a parked undo is answered by hand")
    if not step.happened:
        raise ActRefused("unknown-effect", f"nobody knows whether {given.step} happened: retry its undo, or skip it and answer for it")
    sending = step.undo_sending
    draft.emit(
        e.UndoSucceeded(
            at=draft.now,
            step=given.step,
            branch=given.branch,
            generation=sending.generation if sending else 0,
            command_id=sending.command_id if sending else "",
            effect=True,
            message_id=_message_id(given),
            evidence=given.evidence,
            **by_hand(given),
        )
    )


def _succeeded(draft: Draft, node: StepNode, step: Step, given: AnswerByHand) -> None:
    unanswered_pivot = node.kind is StepKind.PIVOT and step.awaits_do
    stuck = node.kind is StepKind.RETRIABLE and needs_person(draft.state, step) and step.sending is not None
    if draft.state.turned_back is not None or not (unanswered_pivot or stuck):
        what = f"{given.step} is {step.do}"
        raise ActRefused("cannot-answer", f"{what}: only a pivot that is awaited, or a stuck step after it, is answered by hand")
    sending = sent(step)
    ref = CommandRef(step.id, False, sending.generation)
    told = ReplyInput(
        command_id=sending.command_id,
        participant=sending.participant,
        type=given.type or _only_success(node),
        outcome=Outcome.SUCCEEDED,
        attempt=sending.attempt,
        body=_canonical(given.body),
        message_id=_message_id(given),
    )
    if sound_outcome(draft, node, step, ref, told) is not Outcome.SUCCEEDED:
        raise ActRefused("invalid-answer", f"it is not a reply of {node.command.__name__} that says success, or its body is not valid")
    succeed(Answer(draft, node, step, ref, told, Outcome.SUCCEEDED, act=given, evidence=given.evidence))


def _canonical(body: str) -> bytes:
    try:
        return canonical(parse_body(body.encode()))
    except (ContractError, UnicodeEncodeError) as error:
        raise ActRefused("invalid-answer", f"the body of the reply: {error}") from None


def _only_success(node: StepNode) -> str:
    types = [reply.message_type for reply in node.command.success_types()]
    if len(types) != 1:
        raise ActRefused("invalid-answer", f"say which reply it is: {', '.join(types)}")
    return types[0]


def _message_id(given: AnswerByHand) -> str:
    return f"{BY_HAND} {given.input_id}"
