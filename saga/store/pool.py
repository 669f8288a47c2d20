"""Connections. Every wait has an end: for a free connection, for a statement, for COMMIT, for closing (hazard P12, P15)."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import asyncpg

from saga.errors import ConfigurationError, Unavailable, UnknownOutcome
from saga.secrets.hosts import any_host
from saga.secrets.servers import PostgresLogin
from saga.store.queries import sql
from saga.store.sqlstate import DRIVER_ERRORS, UNREADABLE, Meaning, meaning_of, refused, translated

NEVER = 86_400.0
_BEGIN = "begin isolation level read committed, read write"


@dataclass(frozen=True, slots=True)
class Limits:
    """Spans in seconds. The server ends a statement before we give up on it; past `statement` or `commit` the socket is closed."""

    connect: float = 5.0
    statement: float = 12.0
    statement_at_server: float = 10.0
    lock: float = 2.0
    idle_in_transaction: float = 5.0
    commit: float = 10.0
    rollback: float = 2.0
    close: float = 5.0


class Session:
    """A connection in use. Its statements are named, bounded in time, and raise our errors."""

    def __init__(self, connection: Any, limits: Limits) -> None:
        self._connection = connection
        self._limits = limits
        self.left: Meaning | None = None

    async def fetch(self, name: str, *args: object) -> Sequence[Any]:
        """All rows of a named query."""
        rows: Sequence[Any] = await self._bounded("fetch", sql(name), *args)
        return rows

    async def run(self, name: str, *args: object) -> None:
        """A named query whose rows nobody wants."""
        await self._bounded("fetch", sql(name), *args)

    async def begin(self) -> None:
        """READ COMMITTED, whatever the login's default is."""
        await self._bounded("execute", _BEGIN)

    async def commit(self) -> None:
        """COMMIT, never cancelled: neither by our caller nor by a time-out. Raises UnknownOutcome when no answer comes in time."""
        sent = asyncio.ensure_future(self._say("commit"))
        cancelled = await _outlast(sent, self._limits.commit)
        if not sent.done():
            await self._give_up(sent)
            raise UnknownOutcome(f"no answer to COMMIT within {self._limits.commit:g} s")
        if (error := sent.exception()) is not None:
            raise self._seen(error, committing=True) from error
        if sent.result() != "COMMIT":
            raise Unavailable("postgres", "a statement had failed before COMMIT; nothing was written")
        if cancelled is not None:
            raise cancelled

    async def roll_back(self) -> None:
        """ROLLBACK; a connection that does not manage it in time is closed, which comes to the same."""
        if self._is_closed():
            return
        sent = asyncio.ensure_future(self._say("rollback"))
        cancelled = await _outlast(sent, self._limits.rollback)
        if not sent.done() or sent.exception() is not None:
            await self._give_up(sent)
        if cancelled is not None:
            raise cancelled

    async def _say(self, word: str) -> str:
        """A word without a time-out of the driver: past that it would send a cancel request."""
        status: str = await self._connection.execute(word, timeout=NEVER)
        return status

    async def _bounded(self, how: str, *args: object) -> Any:
        try:
            return await getattr(self._connection, how)(*args, timeout=self._limits.statement)
        except DRIVER_ERRORS as error:
            if isinstance(error, TimeoutError):
                self._terminate()  # what it is doing is not known any more
            seen = self._seen(error)
            if seen is error:
                raise
            raise seen from error

    def _seen(self, error: BaseException, *, committing: bool = False) -> BaseException:
        meaning = meaning_of(error, closed=self._is_closed())
        if meaning in (Meaning.LOST, Meaning.STANDBY):
            self.left = meaning
        return translated(error, meaning, committing=committing)

    async def _give_up(self, sent: "asyncio.Task[str]") -> None:
        """Close the socket; never cancel, which would send a cancel request and leave a COMMIT visible but not replicated."""
        self._terminate()
        await asyncio.wait({sent}, timeout=1)
        if sent.done() and not sent.cancelled():
            sent.exception()  # seen, so that nobody warns of it

    def _is_closed(self) -> bool:
        try:
            return bool(self._connection.is_closed())
        except asyncpg.InterfaceError:  # a lost connection goes back to its pool by itself, and its proxy refuses every call
            return True

    def _terminate(self) -> None:
        with suppress(asyncpg.InterfaceError):
            self._connection.terminate()


class Pool:
    """A bounded number of connections to one database."""

    def __init__(self, pool: Any, limits: Limits, settings: Mapping[str, str]) -> None:
        self._pool = pool
        self._limits = limits
        self._settings = settings

    @classmethod
    async def open(cls, login: PostgresLogin, size: int, role: str, limits: Limits, settings: Mapping[str, str]) -> "Pool":
        """Open one connection now, others when needed. Raises Unavailable, or ConfigurationError for a login or role that cannot work."""

        async def become(connection: Any) -> None:
            if role:
                quoted = role.replace('"', '""')
                await connection.execute(f'set role "{quoted}"', timeout=limits.statement)

        try:
            pool = await asyncpg.create_pool(
                min_size=0,
                init_size=1,
                max_size=size,
                connect=any_host(asyncpg.connect),
                init=become,
                reset=_keep_session,
                **_arguments(login, limits, settings),
            )
        except (*UNREADABLE, *DRIVER_ERRORS) as error:
            raise not_connected(error) from None
        return cls(pool, limits, settings)

    async def renew(self, login: PostgresLogin) -> None:
        """New connections use this login from now on, and the others are closed when they are given back: nothing at work is cut.

        It must have been tried: see `try_login`.
        """
        self._pool.set_connect_args(**_arguments(login, self._limits, self._settings))
        await self._pool.expire_connections()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """A connection for a while. Raises Unavailable when none is free or can be made within the connect limit."""
        connection = await self._acquire()
        session = Session(connection, self._limits)
        try:
            yield session
        finally:
            if session.left is not None:
                await self._pool.expire_connections()  # the others are old connections to the same server
            with suppress(*DRIVER_ERRORS):
                await self._pool.release(connection, timeout=self._limits.rollback)

    async def fetch(self, name: str, *args: object) -> Sequence[Any]:
        """One named query in a transaction of its own."""
        async with self.session() as session:
            return await session.fetch(name, *args)

    async def close(self) -> None:
        """Close what is idle, wait for the rest within the limit, then close the sockets."""
        try:
            async with asyncio.timeout(self._limits.close):
                await self._pool.close()
        except (TimeoutError, *DRIVER_ERRORS):
            self._pool.terminate()

    async def _acquire(self) -> Any:
        try:
            return await self._pool.acquire(timeout=self._limits.connect)
        except TimeoutError:
            raise Unavailable("postgres", f"no connection was free, and none could be made, within {self._limits.connect:g} s") from None
        except DRIVER_ERRORS as error:
            meaning = meaning_of(error, closed=self._pool.is_closing())
            raise refused(error) or translated(error, meaning) from None


async def try_login(login: PostgresLogin, limits: Limits) -> None:
    """Open a connection and close it. Raises LoginRefused or ConfigurationError when it is refused, Unavailable when nobody answers."""
    try:
        connection = await any_host(asyncpg.connect)(**_arguments(login, limits, {}))
        await connection.close(timeout=limits.close)
    except (*UNREADABLE, *DRIVER_ERRORS) as error:
        raise not_connected(error) from None


def not_connected(error: BaseException) -> BaseException:
    """What a caller sees of a connection that was not made. Of a DSN that cannot be read nothing is shown: it holds the password."""
    if (no_entry := refused(error)) is not None:  # first: a certificate's error is a ValueError too
        return no_entry
    if isinstance(error, UNREADABLE):
        return ConfigurationError(f"SAGA_POSTGRES_DSN cannot be read ({type(error).__name__})")
    return translated(error, meaning_of(error))


async def _outlast(task: "asyncio.Task[str]", within: float) -> asyncio.CancelledError | None:
    """Wait for the task, at most so long, also when we are cancelled meanwhile; the cancellation is handed back."""
    loop = asyncio.get_running_loop()
    until = loop.time() + within
    cancelled: asyncio.CancelledError | None = None
    while not task.done() and (left := until - loop.time()) > 0:
        try:
            await asyncio.wait({task}, timeout=left)
        except asyncio.CancelledError as error:
            cancelled = error
    return cancelled


async def _keep_session(_connection: Any) -> None:
    """Between two uses nothing has to be reset: no statement of ours changes a session, so the round trip is saved."""


def _arguments(login: PostgresLogin, limits: Limits, settings: Mapping[str, str]) -> dict[str, Any]:
    return {
        **login.arguments(),
        "timeout": limits.connect,
        "target_session_attrs": "read-write",
        "server_settings": _server_settings(limits) | dict(settings),
    }


def _server_settings(limits: Limits) -> dict[str, str]:
    return {
        "application_name": "saga-coordinator",
        "default_transaction_isolation": "read committed",
        "lock_timeout": f"{limits.lock * 1000:.0f}",
        "statement_timeout": f"{limits.statement_at_server * 1000:.0f}",
        "idle_in_transaction_session_timeout": f"{limits.idle_in_transaction * 1000:.0f}",
        "jit": "off",
        "timezone": "UTC",
    }
