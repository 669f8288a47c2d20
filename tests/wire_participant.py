"""The participant's side of the wire: a command read, a reply written (wire.md sections 2 and 4). `saga.wire` has the messages themselves.

For participants that are no service of the SDK: those that tests put beside a coordinator, to answer late, twice or wrongly. The SDK
has a reader of its own, because it must answer commands whose envelope is not sound.
"""

from datetime import UTC, datetime

from saga.errors import ContractError
from saga.messages import FENCE_TYPE, Envelope
from saga.wire import CommandMessage, ReplyMessage

MAX_COMMAND_ID = 64
_UNKNOWN_TIME = datetime.fromtimestamp(0, UTC)


def read_command(envelope: Envelope) -> CommandMessage:
    """The command in an envelope. Raises ContractError `missing-attribute` or `bad-attribute` for one that cannot be answered."""
    command_id, undoes = _needed(envelope, "idempotencykey"), envelope.text("undoes")
    if max(len(command_id), len(undoes)) > MAX_COMMAND_ID:
        raise ContractError("bad-attribute", f"a command id has more than {MAX_COMMAND_ID} characters")
    if undoes == command_id or (envelope.type == FENCE_TYPE and not undoes):
        raise ContractError("bad-attribute", "ce_undoes does not name a do")
    return CommandMessage(
        command_id=command_id,
        type=envelope.type,
        undoes=undoes,
        attempt=envelope.number("attempt"),
        saga_id=_needed(envelope, "sagaid"),
        epoch=envelope.number("epoch", 0),
        tenant=envelope.text("tenant") or "default",
        definition=envelope.text("definition"),
        step=envelope.text("step"),
        answer_within_ms=envelope.number("answerwithinms", 0),
        time=_time(envelope.time),
        body=envelope.body,
        key=envelope.key,
        traceparent=envelope.traceparent,
        tracestate=envelope.tracestate,
        source=envelope.source,
    )


def reply_envelope(reply: ReplyMessage) -> Envelope:
    """The CloudEvent that a reply is."""
    attributes = {
        "causationid": reply.causation_id,
        "outcome": reply.outcome.value if reply.outcome is not None else "",
        "attempt": str(reply.attempt),
        "epoch": str(reply.epoch),
        "sagaid": reply.saga_id,
        "tenant": reply.tenant,
        "retryafterms": str(reply.retry_after_ms) if reply.retry_after_ms else "",
    }
    return Envelope(
        id=reply.id,
        source=reply.source,
        type=reply.type,
        body=reply.body,
        key=reply.key,
        time=reply.time,
        attributes={name: value for name, value in attributes.items() if value},
        traceparent=reply.traceparent,
        tracestate=reply.tracestate,
    )


def _needed(envelope: Envelope, name: str) -> str:
    if value := envelope.text(name):
        return value
    raise ContractError("missing-attribute", f"ce_{name} is missing")


def _time(text: str) -> datetime:
    """No decision hangs on it, so an unreadable one is no fault."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _UNKNOWN_TIME
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
