"""What a batch reads does not grow with what is stored, also where the server's plans were made while its tables were small."""

from collections.abc import Sequence
from uuid import UUID, uuid4

import asyncpg
import pytest

from saga.store.queries import sql
from tests.integration.pages import pages_of

pytestmark = pytest.mark.integration

BATCHES, SAGAS = 30, 20
_READ = """
    select t.relname, t.seq_tup_read + coalesce(sum(i.idx_tup_read), 0) as read
    from pg_stat_user_tables as t join pg_stat_user_indexes as i on i.relid = t.relid
    where t.relname in ('saga_key', 'saga_event') group by t.relname, t.seq_tup_read
"""


class Writer:
    """Starts sagas and goes on with them, by the statements of a batch."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def start(self, sagas: Sequence[UUID]) -> None:
        count = len(sagas)
        tenants, definitions, keys = ["default"] * count, ["order"] * count, [str(saga) for saga in sagas]
        await self._connection.fetch(sql("find_keys"), tenants, definitions, keys)
        await self._connection.fetch(sql("take_keys"), tenants, definitions, keys, list(sagas), [b"k"] * count, [b"h"] * count)
        await self._append(sagas, 1)

    async def go_on(self, sagas: Sequence[UUID], version: int) -> None:
        await self._connection.fetch(sql("read_streams"), list(sagas))
        await self._append(sagas, version)

    async def _append(self, sagas: Sequence[UUID], version: int) -> None:
        count = len(sagas)
        bodies, bases = [b"x" * 400] * count, [version - 1] * count
        added = await self._connection.fetch(sql("append_events"), list(sagas), [version] * count, bodies, bases, [])
        assert len(added) == count

    async def has_read(self) -> dict[str, int]:
        """Rows and index entries that were read until now, by table."""
        await self._connection.execute("select pg_stat_force_next_flush()")
        return {row["relname"]: int(row["read"]) for row in await self._connection.fetch(_READ)}


async def test_a_batch_of_one_reads_no_more_where_much_is_stored(migrated_dsn: str) -> None:
    connection = await asyncpg.connect(migrated_dsn)
    writer = Writer(connection)
    for _ in range(BATCHES):
        sagas = [uuid4() for _ in range(SAGAS)]
        await writer.start(sagas)
        await writer.go_on(sagas, 2)
    before = await writer.has_read()
    for _ in range(BATCHES):
        saga = [uuid4()]
        await writer.start(saga)
        await writer.go_on(saga, 2)
    after = await writer.has_read()
    read = {table: after[table] - before[table] for table in after}
    assert max(read.values()) < 10 * BATCHES, read
    await connection.close()


DUE = 5_000
_FILL = """
    insert into saga.saga (saga_id, version, tenant, definition, definition_version, key, status, ended, due_at, started_at, last_progress,
                           waits_for, parked_steps)
    select gen_random_uuid(), 1, 'default', 'order', 1, n::text, 'running', false, '2026-01-01', '2026-01-01', '2026-01-01', '', '{}'
    from generate_series(1, $1::integer) as n
"""


async def test_a_round_of_deadlines_reads_a_round_of_sagas_however_many_are_due(migrated_dsn: str) -> None:  # S13
    connection = await asyncpg.connect(migrated_dsn)
    await connection.execute(_FILL, DUE)
    await connection.execute("analyze saga.saga")
    assert await pages_of(connection, "due_sagas", "array['order']", "array[1]", "20") < 30
    await connection.close()
