"""Every wait on Postgres has an end, every error of it has one meaning, and no message shows a password."""

import asyncio
import os
import signal
from contextlib import AsyncExitStack

import asyncpg
import pytest
from store_shapes import LOADED, opened, record, row, saga, started, write

from saga.config import Settings
from saga.embedded.postgres import EmbeddedPostgres
from saga.errors import ConfigurationError, SagaError, Unavailable, UnknownOutcome, WrongExpectedVersion
from saga.ports.streams import Append, Batch, DeadLetter, HeldRecord, Pointer
from saga.store.pool import Limits
from saga.store.postgres import PostgresStore
from saga.store.sqlstate import meaning_of, translated

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("state", "becomes", "at_commit"),
    [
        ("40001", WrongExpectedVersion, WrongExpectedVersion),
        ("40P01", WrongExpectedVersion, WrongExpectedVersion),
        ("55P03", WrongExpectedVersion, WrongExpectedVersion),
        ("25P03", UnknownOutcome, UnknownOutcome),
        ("57P05", UnknownOutcome, UnknownOutcome),
        ("57014", Unavailable, UnknownOutcome),
        ("57P01", Unavailable, UnknownOutcome),
        ("57P02", Unavailable, UnknownOutcome),
        ("57P03", Unavailable, UnknownOutcome),
        ("08006", Unavailable, UnknownOutcome),
        ("53100", Unavailable, UnknownOutcome),
        ("53300", Unavailable, UnknownOutcome),
        ("25006", Unavailable, Unavailable),
        ("28P01", ConfigurationError, UnknownOutcome),
        ("42501", ConfigurationError, UnknownOutcome),
        ("23505", asyncpg.UniqueViolationError, UnknownOutcome),
    ],
)
def test_each_error_of_the_server_has_one_meaning(state: str, becomes: type[Exception], at_commit: type[Exception]) -> None:  # P3
    error = asyncpg.PostgresError.new({"C": state, "M": "words of the server"})
    meaning = meaning_of(error)
    assert type(translated(error, meaning)) is becomes
    assert type(translated(error, meaning, committing=True)) is at_commit


async def test_a_server_that_is_not_there_is_unavailable_without_its_password() -> None:
    settings = Settings(postgres_dsn="postgresql://saga:s3cret@127.0.0.1:1/saga")
    with pytest.raises(Unavailable) as refused:
        await PostgresStore.connect(settings)
    assert "s3cret" not in str(refused.value)
    assert refused.value.what == "postgres"


async def test_a_wrong_password_is_a_wrong_setting_and_is_not_shown(postgres_server: EmbeddedPostgres) -> None:
    dsn = f"postgresql://postgres:s3cret@127.0.0.1:{postgres_server.port}/postgres"
    with pytest.raises(ConfigurationError) as refused:
        await PostgresStore.connect(Settings(postgres_dsn=dsn))
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("change", [{"postgres_dsn": "nonsense://"}, {"postgres_role": 'no"body'}])
async def test_a_setting_that_cannot_work_is_said_at_the_start(migrated_dsn: str, change: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError):
        await PostgresStore.connect(Settings(**({"postgres_dsn": migrated_dsn} | change)))


async def test_a_server_that_takes_no_writes_is_left(migrated_dsn: str) -> None:  # P4
    store = await PostgresStore.connect(Settings(postgres_dsn=migrated_dsn))
    admin = await asyncpg.connect(migrated_dsn)
    name = await admin.fetchval("select current_database()")
    await admin.execute(f'alter database "{name}" set default_transaction_read_only = on')
    with pytest.raises(Unavailable):
        await PostgresStore.connect(Settings(postgres_dsn=migrated_dsn), Limits(connect=1.0))
    await admin.execute("set default_transaction_read_only = off")
    await admin.execute(f'alter database "{name}" reset default_transaction_read_only')
    await admin.close()
    await write(store, started(1))
    await store.close()


async def test_a_frozen_server_is_unavailable_within_the_limit(migrated_dsn: str) -> None:  # P12
    settings = Settings(postgres_dsn=migrated_dsn, pool_engine=1)
    store = await PostgresStore.connect(settings, Limits(statement=0.4, rollback=0.3, close=0.5))
    admin = await asyncpg.connect(migrated_dsn)
    mine = "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    pids = [found["pid"] for found in await admin.fetch(mine)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(Unavailable):
            await asyncio.wait_for(store.due_sagas(LOADED, 10), 3)
        await asyncio.wait_for(write(store, started(1)), 3)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    await asyncio.wait_for(store.close(), 5)
    await admin.close()


async def test_closing_does_not_wait_for_a_transaction_without_end(migrated_dsn: str) -> None:  # P12
    store = await PostgresStore.connect(Settings(postgres_dsn=migrated_dsn), Limits(close=0.3, rollback=0.3))
    with pytest.raises(SagaError):
        async with opened(store, started(1)):
            await asyncio.wait_for(store.close(), 3)


async def test_questions_cannot_use_up_the_connections_of_the_engine(migrated_dsn: str) -> None:  # P15
    settings = Settings(postgres_dsn=migrated_dsn, pool_api=1, pool_engine=1)
    store = await PostgresStore.connect(settings, Limits(connect=0.5))
    admin = await asyncpg.connect(migrated_dsn)
    async with admin.transaction():
        await admin.execute("lock table saga.definition in access exclusive mode")
        asking = asyncio.create_task(store.definitions())
        while not await admin.fetchval("select count(*) from pg_locks where not granted"):  # noqa: ASYNC110 -- the test has a limit
            await asyncio.sleep(0.01)
        with pytest.raises(Unavailable):
            await store.get(saga(1))
        await write(store, started(1))
    assert await asking == []
    await admin.close()
    await store.close()


async def test_a_full_engine_pool_says_so_within_the_limit(migrated_dsn: str) -> None:  # P15
    store = await PostgresStore.connect(Settings(postgres_dsn=migrated_dsn, pool_engine=1), Limits(connect=0.3))
    async with store.transaction():
        with pytest.raises(Unavailable, match="connection"):
            await store.due_sagas(LOADED, 1)
    assert await store.due_sagas(LOADED, 1) == []
    await store.close()


async def test_a_table_changed_under_prepared_statements_costs_a_second_try(migrated_dsn: str) -> None:  # P8
    store = await PostgresStore.connect(Settings(postgres_dsn=migrated_dsn))
    await write(store, started(1))
    admin = await asyncpg.connect(migrated_dsn)
    await admin.execute("alter table saga.saga_key alter column body_hash type text using encode(body_hash, 'hex')")
    await admin.execute("alter table saga.saga_key alter column body_hash type bytea using decode(body_hash, 'hex')")
    await admin.execute("alter table saga.saga add column new_one text")
    await admin.close()
    for number in (2, 3):
        await write(store, started(number))
    assert await store.get(saga(3)) == row(3)
    await store.close()


def busy_batch(number: int, order: int) -> Batch:
    """Touches the same rows as every other: sagas, pointers, held records, dead letters, in the order or against it."""
    sagas = [saga(index) for index in range(1, 6)][::order]
    records = [record(index) for index in range(5)][::order]
    return Batch(
        appends=[Append(one, number, (b"more",)) for one in sagas],
        rows=[row(one.int, number + 1) for one in sagas],
        pointers=[Pointer(one, number + 1) for one in sagas],
        acknowledged=[Pointer(one, version) for one in sagas for version in range(1, number + 1)],
        held=[HeldRecord(one, "fulfil-order", "version-not-loaded", "fulfil-order", 2) for one in records],
        dead=[DeadLetter(one, "fulfil-order", "bad-value", "wrong") for one in records],
    )


async def contend(store: PostgresStore, order: int, sagas: int) -> int:
    """Append to the same streams as a rival until they have 15 events each; how many batches won."""
    won = 0
    while (number := len(await store.load(saga(1)))) < 15:
        try:
            await write(store, busy_batch(number, order))
            won += 1
        except WrongExpectedVersion:
            continue
    return won


async def test_batches_that_touch_the_same_rows_never_deadlock(migrated_dsn: str) -> None:  # P2, check-store rule 5
    async with AsyncExitStack() as stack:
        stores = [await PostgresStore.connect(Settings(postgres_dsn=migrated_dsn)) for _ in range(3)]
        for store in stores:
            stack.push_async_callback(store.close)
        won = await asyncio.gather(*(contend(store, order, 5) for store, order in zip(stores, (1, -1, 1), strict=True)))
        assert sum(won) == 15
        assert [len(await stores[0].load(saga(number))) for number in range(1, 6)] == [15] * 5
    admin = await asyncpg.connect(migrated_dsn)
    await admin.execute("select pg_stat_force_next_flush()")
    assert await admin.fetchval("select deadlocks from pg_stat_database where datname = current_database()") == 0
    await admin.close()
