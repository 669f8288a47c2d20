"""Fixtures for all tests: one embedded PostgreSQL a session (started by the first test that needs it), a fresh database a test.

And an end for a test that does not end: its time-out interrupts it, but what it then waits for while it cleans up nobody interrupts.
"""

import faulthandler
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from uuid import uuid4

import pytest

from saga.embedded.postgres import EmbeddedPostgres
from saga.store.migrate import migrate

_TEMPLATE = "migrated"
CLEANED_UP_WITHIN = 120.0  # seconds, more than any test needs
_STDERR = pytest.StashKey[int]()
Fresh = Callable[[], AbstractAsyncContextManager[str]]


def pytest_configure(config: pytest.Config) -> None:
    """Keep the real standard error: while a test runs, it is captured."""
    config.stash[_STDERR] = os.dup(2)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """A test that cannot be cleaned up ends the run and says where it stands, else CI would wait for it until somebody ends CI."""
    faulthandler.dump_traceback_later(CLEANED_UP_WITHIN, exit=True, file=item.config.stash[_STDERR])
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[EmbeddedPostgres]:
    """The server itself. A test that freezes or kills the server starts one of its own."""
    with EmbeddedPostgres() as server:
        yield server


@pytest.fixture
async def postgres_dsn(postgres_server: EmbeddedPostgres) -> AsyncIterator[str]:
    """The DSN (superuser) of a fresh, empty database, dropped after the test together with what is still connected to it."""
    name = f"test_{uuid4().hex}"
    yield await postgres_server.create_database(name)
    await postgres_server.drop_database(name)


@pytest.fixture(scope="session")
def migrated_database(postgres_server: EmbeddedPostgres) -> Fresh:
    """Makes fresh databases with the coordinator's schema in them, copies of one that was migrated once."""
    made: list[str] = []

    @asynccontextmanager
    async def fresh() -> AsyncIterator[str]:
        if not made:
            await migrate(await postgres_server.create_database(_TEMPLATE))
            made.append(_TEMPLATE)
        name = f"test_{uuid4().hex}"
        yield await postgres_server.create_database(name, _TEMPLATE)
        await postgres_server.drop_database(name)

    return fresh


@pytest.fixture
async def migrated_dsn(migrated_database: Fresh) -> AsyncIterator[str]:
    """As postgres_dsn, with the coordinator's schema in it."""
    async with migrated_database() as dsn:
        yield dsn
