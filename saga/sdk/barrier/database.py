"""The service's schema in Postgres: a small pool, the tables, one transaction at a time.

Every wait is bounded: for a connection, for a statement, for a lock, and for a handler that forgets to finish (the server ends it).
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from saga.errors import ConfigurationError, Unavailable
from saga.sdk.barrier.queries import script
from saga.sdk.barrier.transaction import LocalTransaction
from saga.sdk.participant import Participant

CONNECT_TIMEOUT = 5.0
ACQUIRE_TIMEOUT = 10.0
CLOSE_TIMEOUT = 5.0
SESSION = {
    "application_name": "saga-participant",
    "statement_timeout": "10000",
    "lock_timeout": "5000",
    "idle_in_transaction_session_timeout": "20000",
    "default_transaction_isolation": "read committed",
}

_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.exceptions.AdminShutdownError,
    asyncpg.exceptions.CrashShutdownError,
    asyncpg.exceptions.CannotConnectNowError,
    asyncpg.exceptions.InsufficientResourcesError,
    asyncpg.exceptions.ReadOnlySQLTransactionError,
    asyncpg.exceptions.IdleInTransactionSessionTimeoutError,
    OSError,
)


class Database:
    """A pool on the schema of one participant. `scripts` are the service's own SQL texts, each safe to run at every start."""

    def __init__(self, participant: Participant, dsn: str, *, schema: str = "", size: int = 6, scripts: Sequence[str] = ()) -> None:
        self._participant = participant
        self._dsn = dsn
        self._schema = schema or participant.name.replace("-", "_")
        self._size = size
        self._scripts = tuple(scripts)
        self._pool: asyncpg.Pool | None = None

    async def open(self) -> None:
        """Connect and bring the tables up to date. Raises Unavailable, or ConfigurationError if the server refuses who we say we are."""
        settings = {**SESSION, "search_path": self._schema}
        pool = asyncpg.create_pool(
            self._dsn, min_size=1, max_size=self._size, timeout=CONNECT_TIMEOUT, server_settings=settings, reset=_keep_as_it_is
        )
        try:
            await pool
            await self._migrate(pool)
        except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError) as error:
            pool.terminate()
            raise ConfigurationError(f"Postgres refuses the connection: {error}") from None
        except _AWAY as error:
            pool.terminate()
            raise Unavailable("postgres", type(error).__name__) from None
        self._pool = pool

    async def _migrate(self, pool: asyncpg.Pool) -> None:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("set local statement_timeout = '60s'; set local lock_timeout = '30s'")
            await connection.execute("select pg_advisory_xact_lock(hashtextextended(concat('saga schema ', $1::text), 0))", self._schema)
            await connection.execute(await connection.fetchval("select format('create schema if not exists %I', $1::text)", self._schema))
            for text in (script("schema"), *self._scripts):
                await connection.execute(text)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[LocalTransaction]:
        """Begin; commit on leaving, roll back on an exception.

        Raises Unavailable when the server is away or the connection was lost: nothing is known of the commit then, and whoever asked
        looks again.
        """
        async with self._connection() as connection, connection.transaction(isolation="read_committed"):
            yield LocalTransaction(connection, self._participant.source, self._participant.events_topic)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[LocalTransaction]:
        """A connection for questions, each in a transaction of its own."""
        async with self._connection() as connection:
            yield LocalTransaction(connection, self._participant.source, self._participant.events_topic)

    async def ping(self) -> None:
        """Raises Unavailable when the server does not answer."""
        async with self.reading() as db:
            await db.fetchval("select 1 from barrier limit 1")

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        pool = self._pool
        if pool is None:
            raise Unavailable("postgres", "not connected yet")
        try:
            connection = await pool.acquire(timeout=ACQUIRE_TIMEOUT)
        except _AWAY as error:
            raise Unavailable("postgres", type(error).__name__) from error
        try:
            yield connection
        except _AWAY as error:
            raise Unavailable("postgres", type(error).__name__) from error
        finally:
            await pool.release(connection, timeout=CLOSE_TIMEOUT)

    async def close(self) -> None:
        """Close the pool; what does not close in time is cut."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await pool.close()
        except TimeoutError:
            pool.terminate()


async def _keep_as_it_is(_connection: asyncpg.Connection) -> None:
    """Nothing to reset: we set nothing for a session, and the usual reset is a round trip per transaction."""
