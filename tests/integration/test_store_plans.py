"""What a batch reads does not grow with what is stored, also where the server's plans were made while its tables were small."""

from collections.abc import AsyncIterator, Sequence
from uuid import uuid4

import asyncpg
import pytest
from store_shapes import START, key_row, row, saga

from saga.ports.streams import Append, Batch, Pointer
from saga.store import outbox, streams
from saga.store.batch import write
from saga.store.pool import Limits, Session
from saga.store.queries import sql
from tests.integration.pages import pages_of

pytestmark = pytest.mark.integration

BATCHES, SAGAS = 30, 20
_READ = """
    select t.relname, t.seq_tup_read + coalesce(sum(i.idx_tup_read), 0) as read
    from pg_stat_user_tables as t join pg_stat_user_indexes as i on i.relid = t.relid
    where t.schemaname = 'saga' group by t.relname, t.seq_tup_read
"""
_PLANNED = "select generic_plans, custom_plans from pg_prepared_statements where statement = $1"


class Writer:
    """Starts sagas and goes on with them, as batches do."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._session = Session(connection, Limits())
        self._last = 0

    async def batch(self, size: int) -> None:
        """So many sagas are started, and go on."""
        sagas = range(self._last + 1, self._last + 1 + size)
        self._last += size
        keys = [key_row(number) for number in sagas]
        assert await streams.find_keys(self._session, [row.key for row in keys]) == {}
        await streams.take_keys(self._session, keys)
        await self._write(sagas, 1)
        assert len(await streams.load(self._session, [saga(number) for number in sagas])) == size
        await self._write(sagas, 2)
        await outbox.delete_pointers(self._session, [Pointer(saga(number), version) for number in sagas for version in (1, 2)])

    async def _write(self, sagas: Sequence[int], version: int) -> None:
        appends = [Append(saga(number), version - 1, (b"x" * 400,)) for number in sagas]
        pointers = [Pointer(saga(number), version) for number in sagas]
        rows = [row(number, version) for number in sagas]
        await write(self._session, Batch(appends=appends, pointers=pointers, rows=rows, owner=uuid4()), START)

    async def has_read(self) -> dict[str, int]:
        """Rows and index entries that were read until now, by table."""
        await self._connection.execute("select pg_stat_force_next_flush()")
        return {row["relname"]: int(row["read"]) for row in await self._connection.fetch(_READ)}

    async def planned(self, query: str) -> tuple[int, int]:
        """How often a statement was run by its one plan, and how often by a plan made for that time."""
        return tuple(await self._connection.fetchrow(_PLANNED, sql(query)))


@pytest.fixture
async def writer(migrated_dsn: str) -> AsyncIterator[Writer]:
    connection = await asyncpg.connect(migrated_dsn)
    yield Writer(connection)
    await connection.close()


async def test_a_batch_of_one_reads_no_more_where_much_is_stored(writer: Writer) -> None:
    for _ in range(BATCHES):
        await writer.batch(SAGAS)
    before = await writer.has_read()
    for _ in range(BATCHES):
        await writer.batch(1)
    after = await writer.has_read()
    read = {table: after[table] - before[table] for table in after}
    assert max(read.values()) < 10 * BATCHES, read


@pytest.mark.parametrize("query", ["find_keys", "take_keys", "read_streams", "write_batch"])
async def test_a_statement_of_every_batch_is_not_planned_anew_each_time(writer: Writer, query: str) -> None:
    for number in range(BATCHES):
        await writer.batch(1 + number % 3)
    one, anew = await writer.planned(query)
    assert one > anew


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
