"""The coordinator's database, in memory and on Postgres, behind one face: what is shown here holds for both."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import asyncpg
import pytest
from store_shapes import Database

from saga.config import Settings
from saga.ports.streams import Store
from saga.store.pool import Limits
from saga.store.postgres import PostgresStore
from saga.testing.store import MemoryStore
from tests.simulate.calm import calm_store


@dataclass
class InMemory:
    store: MemoryStore

    async def age(self, seconds: float) -> None:
        self.store.now += timedelta(seconds=seconds)


@dataclass
class OnPostgres:
    """Its clock cannot be turned, so all stored times are moved into the past."""

    store: PostgresStore
    dsn: str

    async def age(self, seconds: float) -> None:
        connection = await asyncpg.connect(self.dsn)
        span = timedelta(seconds=seconds)
        await connection.execute(
            "update saga.outbox set claim_until = claim_until - $1::interval, created_at = created_at - $1::interval", span
        )
        await connection.execute("update saga.saga set due_at = due_at - $1::interval", span)
        await connection.execute("update saga.held_record set held_at = held_at - $1::interval", span)
        await connection.execute("update saga.replica set seen_at = seen_at - $1::interval", span)
        await connection.close()


@pytest.fixture(params=["memory", "simulated", "postgres"])
async def database(request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    if request.param != "postgres":
        yield InMemory(calm_store() if request.param == "simulated" else MemoryStore())
        return
    async with request.getfixturevalue("migrated_database")() as dsn:
        store = await PostgresStore.connect(Settings(postgres_dsn=dsn, postgres_role="saga_service"), Limits(lock=0.3))
        yield OnPostgres(store, dsn)
        await store.close()


@pytest.fixture
def store(database: Database) -> Store:
    return database.store


@pytest.fixture(params=["memory", "simulated", "postgres"])
async def key_store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """Keys are changed with the login that migrates, not with the service's role."""
    if request.param != "postgres":
        yield calm_store() if request.param == "simulated" else MemoryStore()
        return
    async with request.getfixturevalue("migrated_database")() as dsn:
        store = await PostgresStore.connect(Settings(postgres_dsn=dsn))
        yield store
        await store.close()
