"""The one transaction of a batch (design section 7): clock, then reads, then one write in a fixed order, then COMMIT."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from saga.ports.records import DeadRow, HeldRecord, HeldRow, RecordFilter
from saga.ports.streams import Batch, KeyRow, LoadedVersion, PausedDefinition, SagaKey
from saga.store import dead_letters, held, outbox, projection, streams
from saga.store.access import write_audit
from saga.store.batch import write
from saga.store.pool import Pool, Session


class UnitOfWork:
    """An open transaction: `saga.ports.streams.Transaction` on Postgres. Not for two tasks at once."""

    def __init__(self, session: Session, clock: Mapping[str, Any], unknown_saga_for: timedelta) -> None:
        self.now: datetime = clock["now"]
        self.timeline: str = clock["timeline"]
        self.paused = _paused(clock["paused"])
        self.failure: BaseException | None = None
        self._session = session
        self._unknown_saga_for = unknown_saga_for

    async def load(self, sagas: Collection[UUID]) -> dict[UUID, list[bytes]]:
        """Whole streams of those that have events."""
        return await streams.load(self._session, sagas) if sagas else {}

    async def find_keys(self, keys: Collection[SagaKey]) -> dict[SagaKey, KeyRow]:
        """The rows of these keys that exist."""
        return await streams.find_keys(self._session, keys) if keys else {}

    async def take_held(self, loaded: Collection[LoadedVersion], limit: int) -> list[HeldRecord]:
        """Held records to try again, locked until the end."""
        return await held.take_held(self._session, loaded, limit, self.now - self._unknown_saga_for)

    async def take_held_now(self, tenant: str, wanted: RecordFilter, limit: int) -> list[HeldRow]:
        """Held records that a person tries now, locked until the end."""
        return await held.take_held_now(self._session, tenant, wanted, limit)

    async def take_dead(self, tenant: str, wanted: RecordFilter, limit: int) -> list[DeadRow]:
        """Open dead letters, locked until the end."""
        return await dead_letters.take_dead(self._session, tenant, wanted, limit)

    async def write(self, batch: Batch) -> None:
        """Everything the batch writes, in the order that keeps two batches from waiting for each other in a circle."""
        try:
            await self._write(batch)
        except BaseException as error:
            self.failure = error
            raise

    async def _write(self, batch: Batch) -> None:
        session = self._session
        if batch.keys:
            await streams.take_keys(session, batch.keys)
        if batch.appends or batch.checks or batch.pointers or batch.rows:
            await write(session, batch, self.now)
        await outbox.delete_pointers(session, batch.acknowledged)
        if batch.held or batch.released:
            await held.write_held(session, batch.held, batch.released, self.now)
        if batch.dead:
            await dead_letters.bury(session, batch.dead, self.now)
        if batch.settled and batch.act:
            await dead_letters.settle(session, batch.settled, batch.act, self.now)
        await projection.set_aside(session, batch)
        if batch.proof_of_commit:
            await session.run("prove_commit", batch.owner or outbox.NOBODY)
        if batch.audit:
            await write_audit(session, batch.audit, self.now)


def _paused(rows: str | None) -> Mapping[tuple[str, str], PausedDefinition]:
    if rows is None:
        return {}
    read = [PausedDefinition(**{**row, "paused_at": datetime.fromisoformat(row["paused_at"])}) for row in orjson.loads(rows)]
    return {(row.tenant, row.definition): row for row in read}


@asynccontextmanager
async def transaction(pool: Pool, unknown_saga_for: timedelta) -> AsyncIterator[UnitOfWork]:
    """Open a transaction; COMMIT on leaving, ROLLBACK on an exception, also on one of `write` that the caller has swallowed."""
    async with pool.session() as session:
        try:
            await session.begin()
            (clock,) = await session.fetch("read_clock")
            unit = UnitOfWork(session, clock, unknown_saga_for)
            yield unit
            if unit.failure is not None:
                raise unit.failure
        except BaseException:
            await session.roll_back()
            raise
        await session.commit()
