"""The wire protocol v1 as data: commands, replies (wire.md section 2) and changes of a saga's life, to envelopes and back.
Pure; Kafka's headers are the codec's.

A command that cannot be answered and a reply that says nothing raise ContractError with a kebab-case code: whoever reads sets the
record aside with it and goes on.
"""

from datetime import UTC, datetime
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from saga.errors import ContractError
from saga.messages import Envelope, Outcome
from saga.values import value

MAX_ID = 255
LIFECYCLE_PREFIX = "saga.lifecycle."
MAX_RETRY_AFTER_MS = 3_600_000


@value
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


@value
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


class LifecycleMessage(BaseModel):
    """A change of a saga's life, as it stands in the body of a record of `saga.lifecycle` (docs/lifecycle.md).

    (saga_id, version) names it: a copy says the same, byte for byte. `previous` is the version of the change before, 0 for the first; of
    a step's record, the change that it follows. `status` holds since this version; `event` is the event of the stream, `step` what it is
    about, `cause` why the saga turned back; `causation` the id of the message or act that led to it, empty for a deadline.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    saga_id: UUID
    tenant: str
    definition: str
    definition_version: int
    key: str
    version: int = Field(ge=1)
    previous: int = Field(ge=0)
    what: str = Field(pattern=r"^[a-z]+(-[a-z]+)*$")
    status: str
    waits_for: str
    at: AwareDatetime
    event: str
    step: str
    cause: str
    causation: str

    def to_envelope(self, source: str, traceparent: str = "", tracestate: str = "") -> Envelope:
        """The CloudEvent that it is. No `ce_causationid`: with `ce_sagaid` beside it, it would pass for a reply. The key is the saga id."""
        return Envelope(
            id=f"{self.saga_id}:{self.version}",
            source=source,
            type=f"{LIFECYCLE_PREFIX}{self.what}.v1",
            body=self.model_dump_json().encode(),
            key=str(self.saga_id).encode(),
            time=rfc3339(self.at),
            attributes={
                "sagaid": str(self.saga_id),
                "tenant": self.tenant,
                "definition": self.definition,
                "sagaversion": str(self.version),
                "previousversion": str(self.previous),
                "sagastatus": self.status,
            },
            traceparent=traceparent,
            tracestate=tracestate,
        )


def read_lifecycle(envelope: Envelope) -> LifecycleMessage:
    """The change that a record tells of. Raises ContractError `not-lifecycle` or `invalid-body`."""
    if not envelope.type.startswith(LIFECYCLE_PREFIX):
        raise ContractError("not-lifecycle", f"a type of this topic begins with {LIFECYCLE_PREFIX}")
    try:
        return LifecycleMessage.model_validate_json(envelope.body)
    except ValidationError as error:
        raise ContractError("invalid-body", f"{error.error_count()} fault(s) in a record of a saga's life") from None


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
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _outcome(text: str) -> Outcome | None:
    if not text:
        return None
    try:
        return Outcome(text)
    except ValueError:
        raise ContractError("unknown-outcome", "ce_outcome is none of the five") from None
