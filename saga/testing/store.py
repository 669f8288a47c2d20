"""The coordinator's database in memory: the same answers as Postgres (one conformance suite says so), and faults on demand.

    store = MemoryStore()
    store.now += timedelta(seconds=30)                        # the database's clock, turned by hand
    store.fail_next("committed", UnknownOutcome("lost"))      # the commit happened, its answer did not come
    store.fail_next("commit", UnknownOutcome("lost"))         # it did not happen, and nobody knows
    store.hook = pause                                        # awaited at every point below: interleave two replicas there

Points: begin, find_keys, load, take_held, take_held_now, take_dead, write, commit (before it counts), committed (after), and each
method of the store by name.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from saga.core.project import SagaRow
from saga.errors import UnknownOutcome
from saga.ports.streams import KeyRow, LoadedVersion, Page, Pointer, SagaFilter, SagaKey
from saga.testing.store_access import MemoryAccess
from saga.testing.store_records import MemoryRecords
from saga.testing.store_transaction import Data, Locks, MemoryTransaction


class MemoryStore(MemoryAccess, MemoryRecords):
    """`saga.ports.streams.Store` without a server. `clock` replaces the clock that is turned by hand."""

    def __init__(self, *, clock: Callable[[], datetime] | None = None, unknown_saga_for: float = 60.0) -> None:
        super().__init__(clock)
        self.timeline = "memory/00000001"
        self._unknown_saga_for = timedelta(seconds=unknown_saga_for)
        self._locks = Locks()
        self._open: list[MemoryTransaction] = []
        self._ghosts: list[MemoryTransaction] = []

    def settle_ghosts(self, *, applied: bool) -> None:
        """Commits whose outcome was unknown turn out to have happened, or not."""
        for ghost in self._ghosts:
            if applied and not ghost.doomed:
                ghost.apply()
            self._locks.release(ghost)
        self._ghosts.clear()

    def fail_over(self, to: Data | None = None) -> None:
        """Another server takes over: another timeline, open transactions are lost, and with `to` (a copy of `data` from before) also
        what was committed since."""
        self.timeline = f"memory/{int(self.timeline.rpartition('/')[2], 16) + 1:08X}"
        for transaction in [*self._open, *self._ghosts]:
            transaction.doomed = True
        self._locks = Locks()
        self._ghosts.clear()
        if to is not None:
            self.data = to.copy()

    def transaction(self) -> AbstractAsyncContextManager[MemoryTransaction]:
        """The one transaction of a batch."""
        return self._transaction()

    async def due_sagas(self, loaded: Collection[LoadedVersion], limit: int) -> list[UUID]:
        """Sagas whose due time has passed, oldest first, that this replica may act on."""
        await self._point("due_sagas")
        due = [
            (row.due_at, row.saga_id)
            for row in self.data.rows.values()
            if row.due_at is not None
            and row.due_at <= self.now
            and not row.ended
            and row.status != "paused"
            and row.saga_id not in self.data.quarantined
            and LoadedVersion(row.definition, row.definition_version) in loaded
        ]
        return [saga_id for _, saga_id in sorted(due)[:limit]]

    async def claim_pointers(self, owner: UUID, limit: int, backoff: float) -> list[Pointer]:
        """Pointers whose time has passed, now this owner's for `backoff` seconds."""
        await self._point("claim_pointers")
        free = [
            (claim.until, pointer)
            for pointer, claim in self.data.outbox.items()
            if claim.until <= self.now and self._locks.free(("pointer", pointer))
        ]
        claimed = [pointer for _, pointer in sorted(free)[:limit]]
        until = self.now + timedelta(seconds=backoff)
        for pointer in claimed:
            self.data.outbox[pointer] = replace(self.data.outbox[pointer], owner=owner, until=until)
        return sorted(claimed, key=lambda pointer: (self.data.outbox[pointer].created_at, pointer))

    async def delete_pointers(self, acknowledged: Collection[Pointer]) -> None:
        """Acknowledged pointers out; those that somebody has locked stay."""
        await self._point("delete_pointers")
        for pointer in acknowledged:
            if self._locks.free(("pointer", pointer)):
                self.data.outbox.pop(pointer, None)

    async def load(self, saga_id: UUID) -> list[bytes]:
        """One whole stream."""
        await self._point("load")
        return list(self.data.events.get(saga_id, ()))

    async def get(self, saga_id: UUID) -> SagaRow | None:
        """The row of one saga."""
        await self._point("get")
        return self.data.rows.get(saga_id)

    async def list_sagas(self, wanted: SagaFilter, limit: int, after: UUID | None) -> Page:
        """A page of rows, newest first."""
        await self._point("list_sagas")
        rows = sorted((row for row in self.data.rows.values() if _shown(row, wanted)), key=lambda row: row.saga_id, reverse=True)
        rows = [row for row in rows if after is None or row.saga_id < after]
        page = tuple(rows[:limit])
        return Page(page, page[-1].saga_id if len(rows) > limit and page else None)

    async def find_key(self, key: SagaKey) -> KeyRow | None:
        """The row of one key."""
        await self._point("find_key")
        return self.data.keys.get(key)

    async def rebuild_rows(self, rows: Sequence[SagaRow]) -> int:
        """Rows of replay, each unless live writes have overtaken it."""
        await self._point("rebuild_rows")
        fresh = [row for row in rows if row.saga_id not in self.data.rows or self.data.rows[row.saga_id].version <= row.version]
        for row in fresh:
            self.data.rows[row.saga_id] = row
            self.data.quarantined.pop(row.saga_id, None)
        return len(fresh)

    async def streams_after(self, after: UUID | None, limit: int) -> list[tuple[UUID, list[bytes]]]:
        """Whole streams in order of saga_id."""
        await self._point("streams_after")
        wanted = sorted(saga_id for saga_id in self.data.events if after is None or saga_id > after)[:limit]
        return [(saga_id, list(self.data.events[saga_id])) for saga_id in wanted]

    async def rows_of(self, sagas: Collection[UUID]) -> dict[UUID, SagaRow]:
        """The rows of these sagas."""
        await self._point("rows_of")
        return {saga_id: self.data.rows[saga_id] for saga_id in sagas if saga_id in self.data.rows}

    async def figures(self) -> Mapping[str, Any]:
        """Counts for gauges."""
        await self._point("figures")
        return _figures(self.data, self.now)

    async def ping(self) -> None:
        """Answers, unless a fault was planted."""
        await self._point("ping")

    async def close(self) -> None:
        """Nothing to close."""

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[MemoryTransaction]:
        await self._point("begin")
        opened = MemoryTransaction(self.data, self._locks, self._point, (self.now, self.timeline, self._unknown_saga_for))
        self._open.append(opened)
        try:
            yield opened
            if opened.failure is not None:
                raise opened.failure
            await self._commit(opened)
        finally:
            self._open.remove(opened)
            if opened not in self._ghosts:
                self._locks.release(opened)

    async def _commit(self, opened: MemoryTransaction) -> None:
        await self._point("commit")
        if opened.doomed:
            raise UnknownOutcome("the connection was lost at COMMIT")
        if self._haunted:
            self._haunted -= 1
            self._ghosts.append(opened)
            raise UnknownOutcome("no answer to COMMIT")
        opened.apply()
        await self._point("committed")


def _figures(data: Data, now: datetime) -> dict[str, Any]:
    ages = [(now - claim.created_at).total_seconds() for claim in data.outbox.values()]
    return {
        "open": dict(Counter(row.status for row in data.rows.values() if not row.ended)),
        "outbox": len(ages),
        "outbox_age": max(ages, default=0.0),
        "held": len(data.held),
        "dead": sum(row.redriven_at is None for row in data.dead.values()),
    }


def _shown(row: SagaRow, wanted: SagaFilter) -> bool:
    return (
        wanted.tenant in (None, row.tenant)
        and wanted.definition in (None, row.definition)
        and (wanted.visible is None or row.definition in wanted.visible)
        and wanted.status in (None, row.status)
        and wanted.key in (None, row.key)
        and (wanted.started_after is None or row.started_at >= wanted.started_after)
        and (wanted.started_before is None or row.started_at < wanted.started_before)
    )
