"""The wire protocol v1 as data: commands and replies, to envelopes and back (wire.md section 2). Pure; Kafka's headers are the codec's.

A command that cannot be answered and a reply that says nothing raise ContractError with a kebab-case code: whoever reads sets the
record aside with it and goes on.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from saga.errors import ContractError
from saga.messages import Envelope, Outcome

MAX_ID = 255
MAX_RETRY_AFTER_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class CommandMessage:
    """A command. `time` is when it was first issued; `undoes` is empty for a do."""

    command_id: str
    type: str
    undoes: str
    attempt: int
    saga_id: str
    epoch: int
    tenant: str
    definition: str
    step: str
    answer_within_ms: int
    time: datetime
    body: bytes
    key: bytes
    traceparent: str = ""
    tracestate: str = ""
    source: str = "/saga"

    def to_envelope(self) -> Envelope:
        """The CloudEvent that it is."""
        attributes = {
            "idempotencykey": self.command_id,
            "attempt": str(self.attempt),
            "sagaid": self.saga_id,
            "epoch": str(self.epoch),
            "tenant": self.tenant,
            "definition": self.definition,
            "step": self.step,
            "answerwithinms": str(self.answer_within_ms),
        }
        if self.undoes:
            attributes["undoes"] = self.undoes
        return Envelope(
            id=self.command_id,
            source=self.source,
            type=self.type,
            body=self.body,
            key=self.key,
            time=rfc3339(self.time),
            attributes=attributes,
            traceparent=self.traceparent,
            tracestate=self.tracestate,
        )


@dataclass(frozen=True, slots=True)
class ReplyMessage:
    """A reply as it came. `outcome` is None where the record does not say it: then the type tells."""

    id: str
    source: str
    type: str
    causation_id: str
    outcome: Outcome | None
    attempt: int
    epoch: int
    saga_id: str
    tenant: str
    key: bytes
    time: str
    retry_after_ms: int
    body: bytes
    traceparent: str = ""
    tracestate: str = ""


def is_reply(envelope: Envelope) -> bool:
    """Whether a record on an events topic is a reply; all others are domain events (wire.md section 2)."""
    return bool(envelope.text("causationid") and envelope.text("sagaid"))


def read_reply(envelope: Envelope) -> ReplyMessage:
    """The reply in an envelope. Raises ContractError `bad-attribute` or `unknown-outcome`."""
    if len(envelope.id) > MAX_ID:
        raise ContractError("bad-attribute", f"ce_id has more than {MAX_ID} characters")
    return ReplyMessage(
        id=envelope.id,
        source=envelope.source,
        type=envelope.type,
        causation_id=envelope.text("causationid"),
        outcome=_outcome(envelope.text("outcome")),
        attempt=envelope.number("attempt", 0),
        epoch=envelope.number("epoch", 0),
        saga_id=envelope.text("sagaid"),
        tenant=envelope.text("tenant") or "default",
        key=envelope.key,
        time=envelope.time,
        retry_after_ms=min(envelope.number("retryafterms", 0), MAX_RETRY_AFTER_MS),
        body=envelope.body,
        traceparent=envelope.traceparent,
        tracestate=envelope.tracestate,
    )


def rfc3339(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds and Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def _outcome(text: str) -> Outcome | None:
    if not text:
        return None
    try:
        return Outcome(text)
    except ValueError:
        raise ContractError("unknown-outcome", "ce_outcome is none of the five") from None
