"""Small batches, rows and records for tests of stores."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from saga.core.project import SagaRow
from saga.ports.messaging import InboundRecord
from saga.ports.streams import Append, Batch, KeyRow, LoadedVersion, SagaKey, Store, Transaction

START = datetime(2026, 1, 1, tzinfo=UTC)
LOADED = [LoadedVersion("fulfil-order", 1)]


class Database(Protocol):
    """A store, and a hand on its clock."""

    store: Store

    async def age(self, seconds: float) -> None:
        """Let that much time pass for what is stored."""


def saga(number: int) -> UUID:
    """Ids in order of their numbers."""
    return UUID(int=number)


def row(number: int, version: int = 1, **changes: object) -> SagaRow:
    plain = SagaRow(
        saga_id=saga(number),
        version=version,
        tenant="default",
        definition="fulfil-order",
        definition_version=1,
        key=f"order-{number}",
        status="running",
        ended=False,
        due_at=None,
        started_at=START,
        last_progress=START,
        ended_at=None,
        waits_for="the answer to reserve_stock",
        parked_steps=(),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def key_row(number: int, key: str = "") -> KeyRow:
    return KeyRow(SagaKey("default", "fulfil-order", key or f"order-{number}"), saga(number), b"order", b"\x01" * 32)


def record(offset: int = 0, value: bytes | None = b"{}", topic: str = "order.events") -> InboundRecord:
    return InboundRecord(topic, 0, offset, b"key", value, (("ce_id", b"1"), ("empty", None), ("ce_id", b"\xff")), 17)


def started(number: int, *bodies: bytes, **changes: object) -> Batch:
    """A batch that begins a stream, with its row."""
    stream = bodies or (b"started",)
    return Batch(appends=[Append(saga(number), 0, stream)], rows=[row(number, len(stream), **changes)])


async def write(store: Store, batch: Batch) -> None:
    """The batch, in a transaction of its own."""
    async with store.transaction() as transaction:
        await transaction.write(batch)


@asynccontextmanager
async def opened(store: Store, batch: Batch) -> AsyncIterator[Transaction]:
    """A transaction that has written and not yet committed."""
    async with store.transaction() as transaction:
        await transaction.write(batch)
        yield transaction
