"""Migrations: numbered files, applied once, in order, each in a transaction of its own; forward only.

Several replicas may migrate at once: one holds the lock, the others wait and find nothing left to do. A file that was applied and then
edited is refused. The first line says whether code of the release before can go on running: `-- breaking: no -- why`, or
`-- breaking: yes -- what to stop first`.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import asyncpg

from saga.errors import ConfigurationError, Unavailable
from saga.secrets.hosts import any_host
from saga.secrets.servers import PostgresLogin, as_login
from saga.store.pool import Session
from saga.store.queries import sql
from saga.store.sqlstate import DRIVER_ERRORS, UNREADABLE, meaning_of, refused, translated

_FILE = re.compile(r"[0-9]{4}_[a-z0-9_]+\.sql")
_HEADER = re.compile(r"-- breaking: (no|yes) -- .+")
_CONNECT_WITHIN = 10.0
_STEP_WITHIN = 600.0
_TAKE_TURNS = "set local lock_timeout = '60s'; set local statement_timeout = '600s'"
_DO_NOT_BLOCK_OTHERS = "set local lock_timeout = '2s'"


@dataclass(frozen=True, slots=True)
class Migration:
    """One file. `breaking`: code of the release before must be stopped first."""

    name: str
    text: str
    breaking: bool

    @property
    def checksum(self) -> bytes:
        """SHA-256 of the file."""
        return hashlib.sha256(self.text.encode()).digest()


def packaged() -> tuple[Migration, ...]:
    """The migrations of this release, in order. Raises ConfigurationError for a file without number or header."""
    found = sorted(files("saga.store").joinpath("sql/migrations").iterdir(), key=lambda path: path.name)
    return tuple(parse(path.name, path.read_text("utf-8")) for path in found)


def parse(name: str, text: str) -> Migration:
    """A migration file. Raises ConfigurationError when its name or its first line is not as it must be."""
    header = _HEADER.fullmatch(text.partition("\n")[0])
    if not _FILE.fullmatch(name) or header is None:
        raise ConfigurationError(f"migration {name}: it needs a name like 0001_what.sql and a first line '-- breaking: no -- why'")
    return Migration(name.removesuffix(".sql"), text, header[1] == "yes")


async def migrate(login: PostgresLogin | str, migrations: Sequence[Migration] | None = None) -> list[str]:
    """Apply what is missing; the names of what was applied now. Safe to run at several replicas at once, and again after a failure.

    Raises Unavailable when the server is away or somebody holds a table, ConfigurationError when a file was edited after it was applied.
    """
    wanted = packaged() if migrations is None else tuple(migrations)
    applied: list[str] = []
    try:
        connection = await any_host(asyncpg.connect)(
            **as_login(login).arguments(), timeout=_CONNECT_WITHIN, command_timeout=_STEP_WITHIN, target_session_attrs="read-write"
        )
        try:
            while (name := await _next(connection, wanted)) is not None:
                applied.append(name)
        finally:
            await connection.close(timeout=_CONNECT_WITHIN)
    except asyncpg.LockNotAvailableError:
        raise Unavailable("postgres", "a table was in use for longer than a migration may wait; run it again") from None
    except (*UNREADABLE, *DRIVER_ERRORS) as error:
        raise _seen(error) from error
    return applied


def _seen(error: BaseException) -> BaseException:
    if (no_entry := refused(error)) is not None:
        return no_entry
    if isinstance(error, UNREADABLE):
        return ConfigurationError(f"the DSN cannot be read ({type(error).__name__})")
    return translated(error, meaning_of(error))


async def _next(connection: Any, wanted: Sequence[Migration]) -> str | None:
    """Apply the first migration that is missing. If we die in it, nothing of it stays."""
    async with connection.transaction():
        await connection.execute(_TAKE_TURNS)
        await connection.fetch(sql("lock_migrations"))
        if not await connection.fetchval(sql("schema_exists")):
            await connection.execute(sql("create_schema"))
        await connection.execute(sql("create_migration"))
        checksums = {row["name"]: row["checksum"] for row in await connection.fetch(sql("read_migrations"))}
        missing = _missing(wanted, checksums)
        if missing is None:
            return None
        await connection.execute(_DO_NOT_BLOCK_OTHERS)
        await connection.execute(missing.text)
        await connection.execute(sql("add_migration"), missing.name, missing.checksum, missing.breaking)
        return missing.name


def _missing(wanted: Iterable[Migration], checksums: Mapping[str, bytes]) -> Migration | None:
    missing = None
    for migration in wanted:
        known = checksums.get(migration.name)
        if known is not None and known != migration.checksum:
            raise ConfigurationError(f"migration {migration.name} was edited after it had been applied: undo the edit, write a new file")
        if known is None and missing is None:
            missing = migration
        if known is not None and missing is not None:
            raise ConfigurationError(f"migration {missing.name} comes before {migration.name}, which is applied: give it a higher number")
    return missing


async def check_schema(session: Session) -> None:
    """Raises Unavailable when the database lacks a migration of this release, or has a breaking one of a later release."""
    try:
        rows = await session.fetch("read_migrations")
    except ConfigurationError:
        raise Unavailable("postgres", "the database has no schema yet, or this login may not read it: run `saga migrate`") from None
    known = {migration.name for migration in packaged()}
    if missing := sorted(known - {row["name"] for row in rows}):
        raise Unavailable("postgres", f"the schema lacks migration {missing[0]}: run `saga migrate`")
    if later := [row["name"] for row in rows if row["breaking"] and row["name"] not in known]:
        raise Unavailable("postgres", f"the schema has the breaking migration {later[0]} of a later release")
