"""COMMIT: never cancelled, and when its answer does not come the outcome is unknown, whatever it was (hazard P1)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import asyncpg
import pytest
from cutting_proxy import At, CuttingProxy
from store_shapes import opened, row, saga, started, write

from saga.config import Settings
from saga.errors import Unavailable, UnknownOutcome
from saga.ports.streams import Append, Batch
from saga.store.pool import Limits
from saga.store.postgres import PostgresStore

pytestmark = pytest.mark.integration
SHORT = Limits(commit=0.5, rollback=0.5, close=1.0)


@pytest.fixture
async def proxy(migrated_dsn: str) -> AsyncIterator[CuttingProxy]:
    async with CuttingProxy(migrated_dsn).running() as proxy:
        yield proxy


@pytest.fixture
async def store(proxy: CuttingProxy) -> AsyncIterator[PostgresStore]:
    store = await PostgresStore.connect(Settings(postgres_dsn=proxy.dsn), SHORT)
    yield store
    proxy.at = At.NOTHING
    await store.close()


@pytest.mark.parametrize(("at", "applied"), [(At.REQUEST_CUT, False), (At.ANSWER_CUT, True), (At.ANSWER_KEPT, True)])
async def test_a_commit_without_an_answer_has_an_unknown_outcome(
    store: PostgresStore, proxy: CuttingProxy, at: At, applied: bool
) -> None:  # P1
    proxy.at = at
    with pytest.raises(UnknownOutcome):
        await write(store, started(1))

    proxy.at = At.NOTHING
    assert await store.load(saga(1)) == ([b"started"] if applied else [])
    assert proxy.cancels == 0  # check-store rule 7
    await write(store, Batch(appends=[Append(saga(2), 0, (b"next",))], proof_of_commit=True))


async def test_a_cancelled_caller_waits_for_its_commit(store: PostgresStore, proxy: CuttingProxy) -> None:  # check-store rule 7
    proxy.at = At.ANSWER_KEPT
    writing = asyncio.create_task(write(store, started(1)))
    await asyncio.wait_for(proxy.committing.wait(), 5)
    writing.cancel()
    done, _ = await asyncio.wait({writing}, timeout=0.1)
    assert not done

    proxy.release.set()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert await store.load(saga(1)) == [b"started"]
    assert proxy.cancels == 0


async def test_a_commit_after_a_batch_cut_short_writes_a_proof(store: PostgresStore, migrated_dsn: str) -> None:  # P1
    await write(store, Batch(proof_of_commit=True))
    connection = await asyncpg.connect(migrated_dsn)
    assert await connection.fetchval("select count(*) from saga.proof_of_commit") == 1
    await connection.close()


async def terminate_others(dsn: str) -> None:
    """End every other connection to this database, as an administrator or a failover does."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()"
    )
    await connection.close()


async def events_of(dsn: str, number: int) -> list[bytes]:
    """A stream as the database has it, read past the store."""
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch("select data from saga.saga_event where saga_id = $1 order by version", saga(number))
    await connection.close()
    return [found["data"] for found in rows]


async def test_a_connection_lost_before_commit_is_unavailable_and_wrote_nothing(store: PostgresStore, migrated_dsn: str) -> None:  # P3
    with pytest.raises(Unavailable):  # noqa: PT012 -- what fails is the second statement
        async with store.transaction() as transaction:
            await terminate_others(migrated_dsn)
            await transaction.write(started(1))
    assert await events_of(migrated_dsn, 1) == []


async def test_a_connection_lost_after_the_write_is_an_unknown_outcome(store: PostgresStore, migrated_dsn: str) -> None:  # P1
    with pytest.raises(UnknownOutcome):
        async with opened(store, started(1)):
            await terminate_others(migrated_dsn)
    assert await events_of(migrated_dsn, 1) == []


async def test_the_pool_recovers_when_all_its_connections_were_lost(store: PostgresStore, migrated_dsn: str) -> None:  # P12
    await asyncio.gather(*(store.ping() for _ in range(4)))
    await terminate_others(migrated_dsn)
    with suppress(Unavailable):  # not raised where the loss was noticed before
        await asyncio.gather(*(store.ping() for _ in range(4)))
    await asyncio.gather(*(store.ping() for _ in range(4)))


async def test_a_frozen_rival_is_ended_by_the_server_and_learns_that_it_does_not_know(migrated_dsn: str) -> None:  # check-store rule 6
    settings = Settings(postgres_dsn=migrated_dsn)
    frozen = await PostgresStore.connect(settings, Limits(idle_in_transaction=0.4))
    live = await PostgresStore.connect(settings, Limits(lock=5.0))
    with pytest.raises(UnknownOutcome):
        async with opened(frozen, started(1)):
            await asyncio.wait_for(write(live, started(1, b"live")), 4)
    assert await live.load(saga(1)) == [b"live"]
    await write(frozen, Batch(appends=[Append(saga(1), 1, (b"back",))], rows=[row(1, 2)]))
    await frozen.close()
    await live.close()
