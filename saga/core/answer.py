"""A reply that is known to be sound (`replies.py`), on its way to its row in the tables; and how what changes nothing is recorded."""

from collections.abc import Callable

from saga.core import events as e
from saga.core.draft import Draft
from saga.core.inputs import Act, Ignored, ReplyInput
from saga.core.state import CommandRef, Step
from saga.definition.graph import StepNode
from saga.messages import Outcome
from saga.values import value


@value
class Answer:
    """A sound reply and what it is about. `code` and `detail` are those of a refusal or failure."""

    draft: Draft
    node: StepNode
    step: Step
    ref: CommandRef
    reply: ReplyInput
    outcome: Outcome
    code: str = ""
    detail: str = ""
    act: Act | None = None
    evidence: str = ""


Handler = Callable[[Answer], None]


def contradict(a: Answer, cause: str) -> None:
    """Record a contradiction of a live saga, once per command id and outcome."""
    _ignored(a, Ignored.CONTRADICTION, cause)


def absorb(a: Answer, cause: str) -> None:
    """Record what can no longer matter, once; an ended saga absorbs it without a word."""
    _ignored(a, Ignored.ABSORBED, cause)


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
