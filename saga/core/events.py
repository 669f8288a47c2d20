"""The facts of a saga, from the closed list of design 4.2. Stored for ever: add optional fields, never rename or remove one.

`at` is the database's time of the decision. `command_id` names the command that the event is about. Events that a person caused
carry `actor`, `reason` and `input_id`. Due times are absolute; spans are milliseconds. Bodies are canonical JSON bytes.
"""

from datetime import datetime

from saga.values import named_value


@named_value
class Event:
    """What all events share."""

    at: datetime


@named_value
class ByHand(Event):
    """An event that a person may have caused; all three are empty when nobody did."""

    actor: str = ""
    reason: str = ""
    input_id: str = ""


@named_value
class OfStep(Event):
    """An event about one command of a step. `branch` is empty where a step has but one."""

    step: str
    branch: str = ""
    generation: int = 0
    command_id: str = ""


@named_value
class OfStepByHand(OfStep):
    """An event about a step that a person may have caused."""

    actor: str = ""
    reason: str = ""
    input_id: str = ""


@named_value
class SagaStarted(Event):
    """The first event of every stream. `input_id` names the record or request that started it; `partition_key` is `key_text`."""

    tenant: str
    definition: str
    definition_version: int
    definition_hash: str
    key: str
    partition_key: str
    input_id: str
    type: str
    body: bytes
    body_hash: str
    traceparent: str = ""
    tracestate: str = ""
    epoch: int = 1


@named_value
class StepIssued(OfStepByHand):
    """A command goes out for the first time. `attempts` is 0 where it is sent until answered; `after` lists the dependencies."""

    kind: str
    after: tuple[str, ...]
    participant: str
    type: str
    body: bytes
    due_at: datetime
    answer_within_ms: int
    attempts: int
    first_ms: int
    cap_ms: int
    attempt: int = 1


@named_value
class StepResent(OfStepByHand):
    """The same command again. With an actor it was sent by hand, which starts the budget anew but not the attempt number."""

    attempt: int
    due_at: datetime


@named_value
class StepFailed(OfStep):
    """An attempt ended without an answer that lasts (`code` is the participant's, or `no-answer`). Sent again at `retry_at`; None waits
    for a person. `parked` says that the budget is spent: a person is asked while resending goes on."""

    attempt: int
    code: str
    detail: str = ""
    retry_at: datetime | None = None
    parked: bool = False


@named_value
class StepDoubted(OfStepByHand):
    """Nobody knows whether it happened. No further attempt; it will be undone. With an actor a person did not want to wait any more."""

    cause: str


@named_value
class StepProgressed(OfStep):
    """The participant is still at work; its deadline moves."""

    attempt: int
    due_at: datetime


@named_value
class StepSucceeded(OfStepByHand):
    """The effect happened. `late`: the saga had turned back, ended, or heard a refusal before. With an actor a person answered in the
    participant's place; `evidence` says how they know."""

    reply_type: str
    body: bytes
    message_id: str
    late: bool = False
    evidence: str = ""


@named_value
class StepRefused(OfStep):
    """No effect happened and none will."""

    code: str
    reply_type: str
    body: bytes
    message_id: str


@named_value
class StepSkipped(OfStepByHand):
    """The saga goes on without it: its `when` said no (`cause` = when) or a person did (`cause` = operator)."""

    cause: str
    kind: str
    after: tuple[str, ...] = ()


@named_value
class TurnedBack(ByHand):
    """The saga will be undone. `cause` is refused, in-doubt or cancelled; `step` the one that caused it."""

    cause: str
    step: str = ""


@named_value
class UndoIssued(OfStepByHand):
    """An undo goes out. `kind` is undo, or fence: a bodiless undo that makes sure that a do never happens. `undoes` is the do's id."""

    kind: str
    undoes: str
    participant: str
    type: str
    body: bytes
    due_at: datetime
    answer_within_ms: int
    first_ms: int
    cap_ms: int
    attempt: int = 1


@named_value
class UndoResent(OfStepByHand):
    """The same undo again."""

    attempt: int
    due_at: datetime


@named_value
class UndoProgressed(OfStep):
    """The participant is still undoing; the deadline moves."""

    attempt: int
    due_at: datetime


@named_value
class UndoFailed(OfStep):
    """An attempt to undo ended without an answer that lasts; again at `retry_at`."""

    attempt: int
    code: str
    detail: str = ""
    retry_at: datetime | None = None


@named_value
class UndoSucceeded(OfStepByHand):
    """The undo is answered: `effect` tells whether there was anything to undo. With an actor a person took the effect back by other
    means and answered; `evidence` says how they know."""

    effect: bool
    message_id: str
    evidence: str = ""


@named_value
class UndoRefused(OfStep):
    """The participant cannot undo: a person must look. Of a fence: the do had happened, which settles the fence."""

    code: str
    message_id: str


@named_value
class UndoParked(OfStep):
    """The undo needs a person. `resending`: it is still sent again until answered."""

    cause: str
    resending: bool = False


@named_value
class UndoSkipped(OfStepByHand):
    """A person answers for the effect; the saga goes on as if it were undone."""


@named_value
class BuildFailed(OfStepByHand):
    """A user function raised or returned what it must not: its name, the error's type and place, no values. `undo`: it built an undo."""

    function: str
    error_type: str
    place: str
    kind: str
    after: tuple[str, ...] = ()
    undo: bool = False


@named_value
class ReplyIgnored(OfStep):
    """A reply that contradicts what is known, or came when it could no longer matter. Once per command id and outcome."""

    outcome: str
    cause: str
    message_id: str


@named_value
class SagaPaused(ByHand):
    """A person stopped it: replies are recorded, nothing is sent and no deadline fires until it is resumed."""


@named_value
class SagaResumed(ByHand):
    """It goes on: every running due time moves by the span of the pause."""


@named_value
class SagaReopened(Event):
    """A success came after the end: its effect must be undone after all."""

    step: str


@named_value
class Ended(Event):
    """An end. `skipped` lists what a person answered for: `step` or `undo of step`."""

    skipped: tuple[str, ...] = ()


@named_value
class SagaCompleted(Ended):
    """Every step succeeded or was skipped."""


@named_value
class SagaCompensated(Ended):
    """It failed, and everything is undone."""


@named_value
class SagaCancelled(Ended):
    """Somebody wished so, and everything is undone."""


EVENT_TYPES: tuple[type[Event], ...] = (
    SagaStarted,
    StepIssued,
    StepResent,
    StepFailed,
    StepDoubted,
    StepProgressed,
    StepSucceeded,
    StepRefused,
    StepSkipped,
    TurnedBack,
    UndoIssued,
    UndoResent,
    UndoProgressed,
    UndoFailed,
    UndoSucceeded,
    UndoRefused,
    UndoParked,
    UndoSkipped,
    BuildFailed,
    ReplyIgnored,
    SagaPaused,
    SagaResumed,
    SagaReopened,
    SagaCompleted,
    SagaCompensated,
    SagaCancelled,
)
