"""What people ask the memory store about records that are kept."""

from collections.abc import Iterator

from saga.ports.records import ALL_RECORDS, Counted, DeadRow, HeldRow, RecordFilter
from saga.testing.store_definitions import MemoryDefinitions
from saga.testing.store_kept import find_dead, find_held, held_row


class MemoryRecords(MemoryDefinitions):
    """The part of `saga.ports.streams.Store` about dead letters and held records."""

    async def dead_letters(self, tenant: str | None, limit: int, after: str | None, wanted: RecordFilter = ALL_RECORDS) -> list[DeadRow]:
        """Dead letters, newest first."""
        await self._point("dead_letters")
        rows = sorted(self._dead(tenant, wanted), key=lambda row: (row.dead_at, row.id), reverse=True)
        last = next((row for row in self.data.dead.values() if row.id == after), None)
        if after is not None and last is None:
            return []
        return [row for row in rows if last is None or (row.dead_at, row.id) < (last.dead_at, last.id)][:limit]

    async def dead_letter(self, tenant: str, letter: str) -> DeadRow | None:
        """One of them."""
        await self._point("dead_letter")
        return next(self._dead(tenant, RecordFilter(ids=(letter,))), None)

    async def count_dead(self, tenant: str, wanted: RecordFilter) -> Counted:
        """How many open ones a filter finds."""
        await self._point("count_dead")
        return Counted(sum(row.redriven_at is None for row in self._dead(tenant, wanted)), self.now)

    async def held_records(self, tenant: str, limit: int, wanted: RecordFilter = ALL_RECORDS) -> list[HeldRow]:
        """Held records in the order of the log."""
        await self._point("held_records")
        return [held_row(key, held) for key, held in find_held(self.data.held, tenant, wanted)][:limit]

    async def count_held(self, tenant: str, wanted: RecordFilter) -> Counted:
        """How many a filter finds."""
        await self._point("count_held")
        return Counted(len(list(find_held(self.data.held, tenant, wanted))), self.now)

    def _dead(self, tenant: str | None, wanted: RecordFilter) -> Iterator[DeadRow]:
        return (row for _, row in find_dead(self.data.dead, self.data.rows, tenant, wanted) if row.redriven_at is None or not wanted.open)
