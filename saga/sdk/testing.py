"""Drives a participant without Kafka: hand in commands, look at the answers. The database is a real one.

async with Bench(payment, dsn, scripts=sql_scripts()) as bench:
    said = await bench.do(AuthorizePayment(...), id="do-1")
    assert said.outcome == "succeeded"
    assert (await bench.undo("do-1", VoidPayment(...))).outcome == "succeeded"
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import orjson

from saga.messages import FENCE_TYPE, Command
from saga.ports.messaging import InboundRecord, OutboundRecord
from saga.sdk.barrier.database import Database
from saga.sdk.barrier.gate import Gate, Moment, nobody_watches
from saga.sdk.barrier.outbox import Staged
from saga.sdk.participant import Participant

EPOCH = "1"


@dataclass(frozen=True, slots=True)
class Said:
    """An answer, read."""

    record: OutboundRecord
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def outcome(self) -> str:
        """`ce_outcome`, empty for a domain event."""
        return self.headers.get("ce_outcome", "")

    @property
    def type(self) -> str:
        """The last part of `ce_type` without its version for a reply of the service, the whole type for a general one."""
        full = self.headers["ce_type"]
        return full if full.startswith("saga.") else full.split(".")[-2]

    @property
    def code(self) -> str:
        """The code of a refusal or a fault."""
        return str(self.body.get("code", ""))


@dataclass(slots=True)
class Ask:
    """A record on the commands topic, to be changed before it is handed in. A header that is None is left out."""

    type: str
    value: bytes | None
    id: str = field(default_factory=lambda: str(uuid4()))
    undoes: str = ""
    key: bytes = b"key"
    headers: dict[str, str | bytes | None] = field(default_factory=dict)

    def all_headers(self) -> dict[str, str | bytes | None]:
        """Every header of the record."""
        return {
            "ce_specversion": "1.0",
            "ce_id": self.id,
            "ce_idempotencykey": self.id,
            "ce_source": "/saga",
            "ce_type": self.type,
            "ce_undoes": self.undoes or None,
            "ce_attempt": "1",
            "ce_sagaid": "saga-1",
            "ce_epoch": EPOCH,
            "ce_tenant": "default",
            "ce_definition": "test",
            "ce_step": "step",
            "ce_answerwithinms": "3000",
            "content-type": "application/json",
            **self.headers,
        }


class Bench:
    """A participant's gate on a database, without topics. What it sends is kept in `sent`."""

    def __init__(self, participant: Participant, dsn: str, *, scripts: Sequence[str] = (), moment: Moment = nobody_watches) -> None:
        self.participant = participant
        self.database = Database(participant, dsn, scripts=scripts)
        self.sent: list[Staged] = []
        self.gate = Gate(participant, self.database, self.sent.extend, moment)
        self._offsets = count()

    async def __aenter__(self) -> Self:
        await self.database.open()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.database.close()

    async def do(self, command: Command[Any], *, id: str | None = None, **headers: str) -> Said:  # noqa: A002
        """Hand in a do and read its answer."""
        return await self.hand_in(self.ask(command, id=id, **headers))

    async def undo(self, do_id: str, command: Command[Any], *, id: str | None = None, **headers: str) -> Said:  # noqa: A002
        """Hand in the undo of a do and read its answer."""
        return await self.hand_in(self.ask(command, id=id, undoes=do_id, **headers))

    async def fence(self, do_id: str, *, id: str | None = None) -> Said:  # noqa: A002
        """Hand in a fence and read its answer."""
        return await self.hand_in(Ask(FENCE_TYPE, b"{}", id=id or str(uuid4()), undoes=do_id))

    def ask(self, command: Command[Any], *, id: str | None = None, undoes: str = "", **headers: str) -> Ask:  # noqa: A002
        """The record of a command; `headers` are CloudEvents attributes by their bare names."""
        named: dict[str, str | bytes | None] = {f"ce_{name}": value for name, value in headers.items()}
        return Ask(command.message_type, command.body(), id=id or str(uuid4()), undoes=undoes, headers=named)

    async def hand_in(self, ask: Ask) -> Said:
        """Handle a record; the reply to it. Raises AssertionError if there was none."""
        replies = [said for said in await self.hand_in_all(ask) if said.headers.get("ce_causationid") == ask.id]
        assert len(replies) == 1, f"{len(replies)} replies to {ask.type}"
        return replies[0]

    async def hand_in_all(self, ask: Ask) -> list[Said]:
        """Handle a record; everything that was sent for it, domain events included."""
        before = len(self.sent)
        await self.gate.handle(self.record(ask))
        return [read(staged.record) for staged in self.sent[before:]]

    def record(self, ask: Ask) -> InboundRecord:
        """The record as Kafka would deliver it."""
        headers = tuple((name, value.encode() if isinstance(value, str) else value) for name, value in ask.all_headers().items() if value)
        return InboundRecord(self.participant.commands_topic, 0, next(self._offsets), ask.key, ask.value, headers)


def read(record: OutboundRecord) -> Said:
    """A record that was sent."""
    return Said(record, {name: value.decode() for name, value in record.headers}, orjson.loads(record.value))
