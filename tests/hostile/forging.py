"""Replies that name real commands and must count for nothing, or for no more than once (A10, K13)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID
from zlib import crc32

from tests.hostile.bodies import CANARY, Bad

FORGERIES = {
    "forged: another participant's topic": "wrong-participant",
    "forged: another saga": "unknown-command",
    "forged: an unknown command": "unknown-command",
    "forged: another tenant": "wrong-tenant",
    "forged: a type of another step": "unexpected-type",
    "forged: outcome against type": "unexpected-type",
    "forged: nothing-to-undo of a do": "unexpected-type",
    "forged: a body of another type": "invalid-body",
    "forged: an unknown outcome": "unknown-outcome",
    "forged: attempt is a word": "bad-attribute",
    "forged: saga id is a word": "unknown-saga",
    "forged: a saga that is not": "unknown-saga",
    "forged: an old epoch": "old-epoch",
    "replayed": "duplicate",
    "replayed under a new id": "duplicate",
    "stale failure": "stale-attempt",
    "refused after success": "*",
}


@dataclass(frozen=True, slots=True)
class Told:
    """A command as it came from the topic, and the reply that was given to it."""

    name: str
    command_id: str
    undoes: str
    saga_id: str
    tenant: str
    attempt: str
    participant: str
    key: bytes
    reply: Bad


Change = dict[str, bytes]
Forge = Callable[[Told, Told, str], Change | None]


def forged(kind: str, told: Told, other: Told, id_: str) -> Bad | None:
    """What a forger sends: the honest reply under a new `ce_id`, but for one thing; None where it does not fit this reply."""
    change = CHANGES[kind](told, other, id_)
    if change is None:
        return None
    topic, value = told.reply.topic, told.reply.value
    if kind == "forged: another participant's topic":
        topic = "inventory.events" if told.participant != "inventory" else "payment.events"
    if kind == "forged: a body of another type":
        value = b'{"canary-7d21f0":1}'
    headers: dict[str, bytes | None] = {**dict(told.reply.headers), "ce_id": id_.encode(), **change}
    return Bad(kind, topic, told.key, value, list(headers.items()), FORGERIES[kind])


def _always(**change: bytes) -> Forge:
    said = {f"ce_{name}": value for name, value in change.items()}
    return lambda _told, _other, _id: said


def _of_a_do(**change: bytes) -> Forge:
    said = {f"ce_{name}": value for name, value in change.items()}
    return lambda told, _other, _id: None if told.undoes else said


def _outcome(told: Told) -> bytes:
    return dict(told.reply.headers)["ce_outcome"] or b""


def _another_saga(told: Told, other: Told, _id: str) -> Change | None:
    if other.saga_id == told.saga_id:
        return None
    return {"ce_sagaid": other.saga_id.encode(), "ce_tenant": other.tenant.encode()}


def _another_tenant(told: Told, _other: Told, _id: str) -> Change:
    return {"ce_tenant": b"rival" if told.tenant == "default" else b"default"}


def _against_its_type(told: Told, _other: Told, _id: str) -> Change:
    return {"ce_outcome": b"refused" if _outcome(told) == b"succeeded" else b"succeeded"}


def _refused_after(told: Told, _other: Told, _id: str) -> Change | None:
    if told.undoes or _outcome(told) != b"succeeded":
        return None
    return {"ce_outcome": b"refused", "ce_type": b"saga.refused.v1"}


CHANGES: Mapping[str, Forge] = {
    "forged: another participant's topic": _always(),
    "forged: another saga": _another_saga,
    "forged: an unknown command": _always(causationid=CANARY.encode()),
    "forged: another tenant": _another_tenant,
    "forged: a type of another step": _always(type=b"com.example.shipping.ShipmentArranged.v1"),
    "forged: outcome against type": _against_its_type,
    "forged: nothing-to-undo of a do": _of_a_do(outcome=b"nothing-to-undo", type=b"saga.nothing-to-undo.v1"),
    "forged: a body of another type": _of_a_do(),
    "forged: an unknown outcome": _always(outcome=CANARY.encode()),
    "forged: attempt is a word": _always(attempt=b"one"),
    "forged: saga id is a word": _always(sagaid=CANARY.encode()),
    "forged: a saga that is not": lambda _told, _other, id_: {"ce_sagaid": str(UUID(int=crc32(id_.encode()))).encode()},
    "forged: an old epoch": _always(epoch=b"0"),
    "replayed": lambda told, _other, _id: {"ce_id": dict(told.reply.headers)["ce_id"] or b""},
    "replayed under a new id": _always(),
    "stale failure": _always(outcome=b"failed", type=b"saga.failed.v1", attempt=b"77"),
    "refused after success": _refused_after,
}
