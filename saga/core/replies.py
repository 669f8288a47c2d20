"""From a reply to its row in the table: is it ours, is it sound, is it about the attempt that runs?"""

from pydantic import ValidationError

from saga.body import parse_body
from saga.core.answer import Answer, contradict
from saga.core.draft import Draft
from saga.core.inputs import Ignored, ReplyInput
from saga.core.state import CommandRef, Do, Sending, Step, Undo
from saga.core.table import BACK, FORWARD
from saga.core.undo_table import UNDOING
from saga.definition.graph import StepNode
from saga.messages import GENERAL_TYPES, Command, Outcome

_ATTEMPT_BOUND = (Outcome.FAILED, Outcome.IN_PROGRESS)
_MAX_TEXT = 500


def reply(draft: Draft, given: ReplyInput) -> None:
    """Handle one reply. Succeeded, refused and nothing-to-undo count whatever attempt they answer; failed and in-progress only
    for the attempt that runs (wire.md section 3)."""
    ref = draft.state.commands.get(given.command_id)
    if ref is None:
        draft.ignore(Ignored.UNKNOWN_COMMAND, "no command of this saga has the id that the reply names")
        return
    step = draft.state.steps[ref.of]
    node = draft.definition.steps[ref.of.step]
    sending = step.undo_sending if ref.undo else step.sending
    if sending is None or given.participant != sending.participant:
        draft.ignore(Ignored.WRONG_PARTICIPANT, "the reply came from a participant that was not asked")
        return
    outcome = sound_outcome(draft, node, step, ref, given)
    if outcome is None:
        return
    if ref.generation != sending.generation:
        _old_generation(draft, node, step, ref, given, outcome)
    elif outcome in _ATTEMPT_BOUND and not _runs(step, ref, sending, given):
        draft.ignore(Ignored.STALE_ATTEMPT)
    else:
        _by_table(_answer(draft, node, step, ref, given, outcome))


def _by_table(answer: Answer) -> None:
    step, state = answer.step, answer.draft.state
    if answer.ref.undo:
        copied = step.undo_answer == answer.outcome
        handler = UNDOING.get((step.undo, answer.outcome)) if step.undo is not None and not copied else None
    else:
        handler = (FORWARD if state.turned_back is None else BACK).get((step.do, answer.outcome))
    if handler is None:
        answer.draft.ignore(Ignored.DUPLICATE)
    else:
        handler(answer)


def _runs(step: Step, ref: CommandRef, sending: Sending, given: ReplyInput) -> bool:
    issued = step.undo is Undo.ISSUED if ref.undo else step.do is Do.ISSUED
    return issued and given.attempt == sending.attempt


def sound_outcome(draft: Draft, node: StepNode, step: Step, ref: CommandRef, given: ReplyInput) -> Outcome | None:
    """What the reply says, if its type, outcome and body agree with the command; else the record is unusable and None."""
    command = _command_class(node, step, undo=ref.undo)
    of_type = command.outcome_of(given.type) if command is not None else GENERAL_TYPES.get(given.type)
    outcome = given.outcome or of_type
    allowed = of_type is not None and outcome is not None and _fits(given.type, of_type, outcome, undo=ref.undo)
    if not allowed or outcome is None:
        draft.ignore(Ignored.UNEXPECTED_TYPE, "the command has no such reply, or its outcome does not fit its type")
        return None
    if command is not None and not _valid(command, given):
        draft.ignore(Ignored.INVALID_BODY, "the body is not what the reply's type says")
        return None
    return outcome


def _command_class(node: StepNode, step: Step, *, undo: bool) -> type[Command[object]] | None:  # type: ignore[type-var]
    if not undo:
        return node.command
    return None if step.fence or node.undo is None else node.undo.returns


def _fits(message_type: str, of_type: Outcome, outcome: Outcome, *, undo: bool) -> bool:
    if not undo and (outcome is Outcome.NOTHING_TO_UNDO or (message_type in GENERAL_TYPES and outcome is Outcome.SUCCEEDED)):
        return False
    return of_type is outcome


def _valid(command: type[Command[object]], given: ReplyInput) -> bool:  # type: ignore[type-var]
    for reply_type in command.reply_types:
        if reply_type.message_type == given.type:
            try:
                reply_type.model_validate_json(given.body)
            except ValidationError:
                return False
    return True


def _old_generation(draft: Draft, node: StepNode, step: Step, ref: CommandRef, given: ReplyInput, outcome: Outcome) -> None:
    """A former life of the command. Only a success means anything: an effect that nobody accounts for, so it is recorded."""
    if outcome is Outcome.SUCCEEDED:
        contradict(_answer(draft, node, step, ref, given, outcome), "succeeded after a newer generation was issued")
    else:
        draft.ignore(Ignored.DUPLICATE)


def _answer(draft: Draft, node: StepNode, step: Step, ref: CommandRef, given: ReplyInput, outcome: Outcome) -> Answer:
    code = detail = ""
    if outcome in (Outcome.REFUSED, Outcome.FAILED):
        body = parse_body(given.body)
        code = _text(body.get("code")) or outcome.value
        detail = _text(body.get("detail"))
    return Answer(draft, node, step, ref, given, outcome, code, detail)


def _text(value: object) -> str:
    return value[:_MAX_TEXT] if isinstance(value, str) else ""
