"""The service's schema in Postgres: a small pool, the tables, one transaction at a time.

Every wait is bounded: for a connection, for a statement, for a lock, for a handler that forgets to finish (the server ends it), and for a
server that has gone without a word.
"""

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg

from saga.errors import ConfigurationError, LoginRefused, Unavailable
from saga.ports.deployment import EMBEDDED_POSTGRES
from saga.sdk.barrier.queries import script
from saga.sdk.barrier.transaction import LocalTransaction
from saga.sdk.participant import Participant
from saga.secrets.hosts import any_host
from saga.secrets.servers import PostgresLogin, as_login

CONNECT_TIMEOUT = 5.0
ACQUIRE_TIMEOUT = 10.0
CLOSE_TIMEOUT = 5.0
ANSWER_TIMEOUT = 15.0  # longer than the server's own bounds: it ends what takes too long, this ends what nobody answers any more
MIGRATE_TIMEOUT = 75.0
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
    asyncpg.TargetServerAttributeNotMatched,
    asyncpg.exceptions.AdminShutdownError,
    asyncpg.exceptions.CrashShutdownError,
    asyncpg.exceptions.CannotConnectNowError,
    asyncpg.exceptions.InsufficientResourcesError,
    asyncpg.exceptions.ReadOnlySQLTransactionError,
    asyncpg.exceptions.IdleInTransactionSessionTimeoutError,
    OSError,
)

_WAITS = {"timeout": CONNECT_TIMEOUT, "command_timeout": ANSWER_TIMEOUT}
_HELD = (asyncpg.exceptions.DeadlockDetectedError, asyncpg.exceptions.LockNotAvailableError, asyncpg.exceptions.QueryCanceledError)
_APPLIED = "create table if not exists applied_script (digest bytea primary key, at timestamptz not null default clock_timestamp())"
_REFUSALS = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError)


class Database:
    """A pool on the schema of one participant. `scripts` are the service's own SQL texts, each safe to run at every start."""

    def __init__(
        self,
        participant: Participant,
        login: PostgresLogin | str,
        *,
        schema: str = "",
        size: int = 6,
        scripts: Sequence[str] = (),
        production: bool = False,
    ) -> None:
        self._participant = participant
        self._login = as_login(login)
        self._schema = schema or participant.name.replace("-", "_")
        self._size = size
        self._scripts = tuple(scripts)
        self._production = production
        self._pool: asyncpg.Pool | None = None

    async def open(self) -> None:
        """Connect and bring the tables up to date. Raises Unavailable; ConfigurationError if the server refuses who we say we
        are, and in production for an embedded one."""
        try:
            pool = asyncpg.create_pool(
                min_size=1, max_size=self._size, connect=any_host(asyncpg.connect), reset=_keep_as_it_is, **self._arguments(self._login)
            )
        except ValueError as error:
            raise ConfigurationError(f"SERVICE_POSTGRES_DSN cannot be read ({type(error).__name__})") from None
        try:
            await pool
            if self._production and await pool.fetchval("select current_setting('cluster_name')") == EMBEDDED_POSTGRES:
                raise ConfigurationError("SERVICE_POSTGRES_DSN: this is an embedded server, for development; this is production")
            await self._migrate(pool)
        except ConfigurationError:
            pool.terminate()
            raise
        except (*_REFUSALS, *_AWAY, *_HELD, ValueError) as error:
            pool.terminate()
            raise _not_connected(error) from None
        self._pool = pool

    async def renew(self, login: PostgresLogin) -> None:
        """New connections use this login from now on; the others are closed when they are given back, so nothing at work is cut.

        Raises LoginRefused or ConfigurationError when it does not work; then nothing has changed. Where the server is away it cannot be
        tried and is taken.
        """
        try:
            connection = await any_host(asyncpg.connect)(**self._arguments(login))
            await connection.close(timeout=CLOSE_TIMEOUT)
        except (*_REFUSALS, *_AWAY, ValueError) as error:
            fault = _not_connected(error)
            if isinstance(fault, LoginRefused | ConfigurationError):
                raise fault from None
        self._login = login
        if self._pool is not None:
            self._pool.set_connect_args(**self._arguments(login))
            await self._pool.expire_connections()

    def _arguments(self, login: PostgresLogin) -> dict[str, Any]:
        settings = {**SESSION, "search_path": self._schema}
        return {**login.arguments(), **_WAITS, "target_session_attrs": "read-write", "server_settings": settings}

    async def _migrate(self, pool: asyncpg.Pool) -> None:
        """Run the texts that were never run here, one instance after the other. Why not all of them at every start: `if not exists` locks
        a table before it looks, so an instance that begins beside others at work would stop them, or meet them in a deadlock."""
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("set local statement_timeout = '60s'")
            lock = "select pg_advisory_xact_lock(hashtextextended(concat('saga schema ', $1::text), 0))"
            await connection.execute(lock, self._schema, timeout=MIGRATE_TIMEOUT)
            await connection.execute("set local lock_timeout = '2s'")  # whoever waits for a table makes all others wait behind it
            await connection.execute(await connection.fetchval("select format('create schema if not exists %I', $1::text)", self._schema))
            await connection.execute(_APPLIED)
            known = {bytes(row["digest"]) for row in await connection.fetch("select digest from applied_script")}
            for text in (script("schema"), *self._scripts):
                if (digest := hashlib.sha256(text.encode()).digest()) not in known:
                    await connection.execute(text, timeout=MIGRATE_TIMEOUT)
                    await connection.execute("insert into applied_script (digest) values ($1) on conflict do nothing", digest)

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
        except _REFUSALS as error:
            raise LoginRefused("postgres", str(error)) from None
        except _AWAY as error:
            raise _not_connected(error) from error
        try:
            yield connection
        except _AWAY as error:
            raise Unavailable("postgres", type(error).__name__) from error
        finally:
            with suppress(*_AWAY):
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


def _not_connected(error: BaseException) -> BaseException:
    """What is said of a connection that was not made; of a DSN that cannot be read nothing is shown, for it holds the password."""
    if isinstance(error, _HELD):
        return Unavailable("postgres", f"its tables could not be changed while others work on them ({type(error).__name__})")
    if isinstance(error, ssl.SSLCertVerificationError):
        return LoginRefused("postgres", f"its certificate is not trusted: {error.verify_message}")
    if isinstance(error, ssl.SSLError):
        return LoginRefused("postgres", f"TLS fails: {error.reason or type(error).__name__}")
    if isinstance(error, ConnectionError) and "rejected SSL upgrade" in str(error):
        return LoginRefused("postgres", "it does not speak TLS, and SERVICE_POSTGRES_SSLMODE or the DSN demands it")
    if isinstance(error, _REFUSALS):
        return ConfigurationError(f"Postgres refuses the connection: {error}")
    if isinstance(error, ValueError):
        return ConfigurationError(f"SERVICE_POSTGRES_DSN cannot be read ({type(error).__name__})")
    return Unavailable("postgres", type(error).__name__)
