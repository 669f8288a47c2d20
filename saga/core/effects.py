"""From an event to the command that it sends. The fold supplies what the event does not repeat: body, business key, trace.

StepIssued, StepResent, UndoIssued, UndoResent ──> CommandToSend        every other event sends nothing
"""

from datetime import datetime

from saga.core import events as e
from saga.core.state import Do, Sending, State, StepId, Undo
from saga.values import value

_SENDING_EVENTS = (e.StepIssued, e.StepResent, e.UndoIssued, e.UndoResent)


@value
class CommandToSend:
    """What wire.md section 2 asks of a command, but for saga id, epoch and source, which belong to the coordinator, not to the saga."""

    participant: str
    command_id: str
    type: str
    undoes: str
    attempt: int
    answer_within_ms: int
    issued_at: datetime
    body: bytes
    tenant: str
    definition: str
    step: str
    partition_key: str
    traceparent: str
    tracestate: str


def sends(event: e.Event) -> bool:
    """Whether this event sends a command: such events get a pointer in the outbox."""
    return isinstance(event, _SENDING_EVENTS)


def command_of(state: State, event: e.Event) -> CommandToSend | None:
    """The command that `event` sends, read in a fold that includes it; None if the fold does not want it sent any more.

    Not wanted: answered, its attempt over or superseded, or a do of a saga that has turned back (design 4.5: no do is sent then, by
    nobody). A relay that finds an old pointer asks here, so a takeover never revives what is over.
    """
    if not isinstance(event, _SENDING_EVENTS):
        return None
    step = state.steps[StepId(event.step, event.branch)]
    undo = isinstance(event, e.UndoIssued | e.UndoResent)
    sending = step.undo_sending if undo else step.sending
    awaited = step.undo is Undo.ISSUED if undo else step.do is Do.ISSUED and state.turned_back is None
    if sending is None or not awaited or (sending.command_id, sending.attempt) != (event.command_id, event.attempt):
        return None
    return _command(state, sending, event.step)


def _command(state: State, sending: Sending, step: str) -> CommandToSend:
    start = state.start
    return CommandToSend(
        participant=sending.participant,
        command_id=sending.command_id,
        type=sending.type,
        undoes=sending.undoes,
        attempt=sending.attempt,
        answer_within_ms=sending.answer_within_ms,
        issued_at=sending.issued_at,
        body=sending.body,
        tenant=start.tenant,
        definition=start.definition,
        step=step,
        partition_key=start.partition_key,
        traceparent=start.traceparent,
        tracestate=start.tracestate,
    )
