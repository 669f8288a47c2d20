"""What `decide` listens to. Each is plain data that some edge has already read and checked."""

from datetime import timedelta
from enum import StrEnum

from saga.core.events import Event
from saga.core.state import State
from saga.messages import Outcome
from saga.values import named_value, value

REMEMBERED = timedelta(days=30)
DEFINITION_PAUSE = "pause-definition:"  # begins the input id of a pause that holds for all sagas of a definition


@value
class Start:
    """Begin a saga: the start event's body is valid and its key computed (`starting.read_start`). With a `pause` it begins paused."""

    tenant: str
    key: str
    partition_key: str
    input_id: str
    body: bytes
    body_hash: str
    traceparent: str = ""
    tracestate: str = ""
    epoch: int = 1
    pause: "Pause | None" = None


@value
class ReplyInput:
    """A participant's answer. `participant` is whose topic it came from; `outcome` is None when the record did not say."""

    command_id: str
    participant: str
    type: str
    outcome: Outcome | None
    attempt: int
    body: bytes
    message_id: str
    retry_after_ms: int = 0


@value
class Tick:
    """Fire every deadline of the fold that is due. `remembered` is how long participants know a command."""

    remembered: timedelta = REMEMBERED


@named_value
class Act:
    """What every operator's act carries. `input_id` is made once a request; `expected_version` is If-Match."""

    actor: str
    reason: str
    input_id: str
    expected_version: int | None = None


@named_value
class Cancel(Act):
    """Turn back, somebody's wish."""


@named_value
class RetryByHand(Act):
    """Send or build a step's command, or its undo, again. `even_if_forgotten` is a person's explicit word (design 4.8)."""

    step: str
    branch: str = ""
    even_if_forgotten: bool = False
    remembered: timedelta = REMEMBERED


@named_value
class Skip(Act):
    """Go on without a parked undo, or without a step after the pivot."""

    step: str
    branch: str = ""


@named_value
class Pause(Act):
    """Stop the saga where it is: record what comes, send nothing."""


@named_value
class Resume(Act):
    """Go on after a pause. `even_if_forgotten` sends again what participants may not remember any more (design 4.8). Who resumes all
    sagas of a definition (`with_definition`) leaves alone what was paused one by one."""

    even_if_forgotten: bool = False
    remembered: timedelta = REMEMBERED
    with_definition: bool = False


@named_value
class Doubt(Act):
    """Wait no longer for a step before the pivot: it is in doubt now, and undone."""

    step: str
    branch: str = ""


@named_value
class AnswerByHand(Act):
    """Say in a participant's place that a pivot or a stuck step after it succeeded (with its reply), or that the effect of a parked
    undo is gone. `evidence` says how the person knows. Never that something did not happen: that is asked (`Fence`)."""

    step: str
    evidence: str
    branch: str = ""
    undo: bool = False
    type: str = ""
    body: str = "{}"


@named_value
class Fence(Act):
    """Ask the pivot's participant to make sure that an unanswered pivot never happens (design 4.6)."""

    step: str
    branch: str = ""


Input = Start | ReplyInput | Tick | Act


class Ignored(StrEnum):
    """Why a decision is empty. The first group is normal and counted; the second makes the record a dead letter."""

    DUPLICATE = "duplicate"
    STALE_ATTEMPT = "stale-attempt"
    EXPECTED = "expected-after-undo"
    ABSORBED = "absorbed-after-the-end"
    CONTRADICTION = "contradiction"
    NOTHING_DUE = "nothing-due"
    ALREADY_SO = "already-so"

    UNKNOWN_COMMAND = "unknown-command"
    WRONG_PARTICIPANT = "wrong-participant"
    UNEXPECTED_TYPE = "unexpected-type"
    INVALID_BODY = "invalid-body"


UNUSABLE = frozenset((Ignored.UNKNOWN_COMMAND, Ignored.WRONG_PARTICIPANT, Ignored.UNEXPECTED_TYPE, Ignored.INVALID_BODY))


@value
class Decision:
    """Events to append, and the fold after each of them, so that nobody has to fold again; or none, and why. `detail` is a sentence
    without values for people."""

    events: tuple[Event, ...] = ()
    ignored: Ignored | None = None
    detail: str = ""
    states: tuple[State, ...] = ()
