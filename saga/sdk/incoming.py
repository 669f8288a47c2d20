"""A record on the commands topic becomes a command, or is unusable with a reason (wire.md sections 1, 2 and 4).

Only what an answer needs is demanded here. The body is read later: a command that was answered before gets its answer again whatever
its body says now, and an undo that comes before its do needs none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from saga.body import Json, parse_body
from saga.errors import ContractError, SagaError
from saga.messages import FENCE_TYPE
from saga.ports.messaging import InboundRecord
from saga.transport.headers import CONTENT_TYPE, EVENT_FORMATS, read_headers

MAX_COMMAND_ID = 64
MAX_DIGITS = 15
DEFAULT_WITHIN_MS = 30_000


class Kind(StrEnum):
    """What a command asks for."""

    DO = "do"
    UNDO = "undo"
    FENCE = "fence"


class Unusable(SagaError):
    """A record that cannot be answered: set aside with `reason` (kebab-case) and `detail` (a sentence without values)."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}")


@dataclass(frozen=True, slots=True)
class Incoming:
    """A command as it came. `do_id` is its own id, or for an undo and a fence the id of the do that they are about."""

    id: str
    do_id: str
    kind: Kind
    type: str
    source: str
    epoch: int
    attempt: str
    saga_id: str
    tenant: str
    definition: str
    step: str
    within_ms: int
    wire: str
    key: bytes
    value: bytes | None
    traceparent: str
    tracestate: str

    def body(self) -> Json:
        """The body. Raises ContractError when it breaks the rules of wire.md section 1."""
        return parse_body(self.value)


def read_incoming(record: InboundRecord) -> Incoming:
    """Read the attributes. Raises Unusable."""
    headers = _headers(record)
    if headers.get("ce_specversion") != "1.0":
        raise Unusable("no-specversion", "ce_specversion is not 1.0: no CloudEvent in binary mode")
    command_id = _needed(headers, "idempotencykey")
    undoes = headers.get("ce_undoes", "")
    message_type = _needed(headers, "type")
    if max(len(command_id), len(undoes)) > MAX_COMMAND_ID:
        raise Unusable("bad-attribute", f"a command id has more than {MAX_COMMAND_ID} characters")
    if undoes == command_id:
        raise Unusable("bad-attribute", "the command undoes itself")
    if message_type == FENCE_TYPE and not undoes:
        raise Unusable("bad-attribute", "a fence without ce_undoes")
    return Incoming(
        id=command_id,
        do_id=undoes or command_id,
        kind=_kind(message_type, undoes),
        type=message_type,
        source=headers.get("ce_source", ""),
        epoch=_number(headers, "epoch", 0),
        attempt=str(_number(headers, "attempt", None)),
        saga_id=_needed(headers, "sagaid"),
        tenant=headers.get("ce_tenant", ""),
        definition=headers.get("ce_definition", ""),
        step=headers.get("ce_step", ""),
        within_ms=_number(headers, "answerwithinms", DEFAULT_WITHIN_MS) or DEFAULT_WITHIN_MS,
        wire=headers.get("ce_wire", ""),
        key=record.key or b"",
        value=record.value,
        traceparent=headers.get("traceparent", ""),
        tracestate=headers.get("tracestate", ""),
    )


def _kind(message_type: str, undoes: str) -> Kind:
    if message_type == FENCE_TYPE:
        return Kind.FENCE
    return Kind.UNDO if undoes else Kind.DO


def _headers(record: InboundRecord) -> Mapping[str, str]:
    try:
        headers = read_headers(record.headers)
    except ContractError as error:
        raise Unusable(error.code, error.detail) from None
    if headers.get(CONTENT_TYPE, "").startswith(EVENT_FORMATS):
        raise Unusable("structured-mode", "commands are in binary mode; this record holds its attributes in its value")
    return headers


def _needed(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(f"ce_{name}", "")
    if not value:
        raise Unusable("missing-attribute", f"ce_{name} is missing")
    return value


def _number(headers: Mapping[str, str], name: str, default: int | None) -> int:
    value = headers.get(f"ce_{name}", "")
    if not value and default is not None:
        return default
    if not (value.isascii() and value.isdigit() and len(value) <= MAX_DIGITS):
        raise Unusable("bad-attribute", f"ce_{name} is not a number of decimal digits")
    return int(value)
