"""Sagas that are there already, as many as asked: copies of one that the core decided, each under an id and a key of its own.

Made by SQL and not by the coordinator, because five million would take hours. What a copy lacks: its commands have the ids of the first
one, and all began at one moment. Neither is looked at where only their number counts.
"""

import atexit
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg

from saga.core.events import Event
from saga.core.project import SagaRow, row_of
from saga.core.state import State
from saga.core.upcast import encode
from saga.definition.graph import Definition
from saga.definition.registry import Registry
from saga.embedded.postgres import EmbeddedPostgres
from saga.store.migrate import migrate
from tests.bench.core_row import story
from tests.bench.servers import POSTGRES, new_home

AT_A_TIME = 100_000
CHECKPOINT_WITHIN = 600.0
_filled: dict[int, Path] = {}
_KEY = "stored-{:09}"
_IDS = "create temp table made as select uuidv7() as id, 'stored-' || lpad(n::text, 9, '0') as key from generate_series($1::int, $2::int) n"
_KEYS = "insert into saga.saga_key select 'default', $1, key, id, convert_to(key, 'UTF8'), '\\x00'::bytea from made"
_ROWS = """insert into saga.saga select id, $1, 'default', $2, $3, key, $4, $5, $6, $7, $8, $9, $10, '{}', null from made"""


def shop() -> Definition:
    """The definition that the bench plays."""
    registry = Registry()
    registry.load("tests.bench.shop")
    (definition,) = registry.all()
    return definition


async def filled(count: int) -> Path:
    """The data of a server whose database `bench` has so many sagas that completed yesterday, to be copied; gone when this process ends.

    Why kept: to load five million takes nine minutes and to copy them one or two, and several rows want them.
    """
    if count not in _filled:
        home = new_home()
        atexit.register(shutil.rmtree, home, ignore_errors=True)
        async with EmbeddedPostgres(home / "postgres", POSTGRES) as postgres:
            dsn = await postgres.create_database("bench")
            await migrate(dsn)
            await store(dsn, count, datetime.now(UTC) - timedelta(days=1))
            connection = await asyncpg.connect(dsn, timeout=10)
            try:
                await connection.execute("checkpoint", timeout=CHECKPOINT_WITHIN)  # a stop that has much to write is cut short
            finally:
                await connection.close()
        _filled[count] = home / "postgres"
    return _filled[count]


async def store(dsn: str, count: int, at: datetime, *, begun: bool = False, first: int = 1) -> None:
    """Add so many sagas that completed at that time, or (`begun`) whose first command was sent then. Keys are numbered from `first`."""
    definition, key = shop(), _KEY.format(0)
    events, state = _one(definition, key, at, begun=begun)
    row = row_of(UUID(int=0), state)
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        for begin in range(first, first + count, AT_A_TIME):
            async with connection.transaction():
                await connection.execute(_IDS, begin, min(begin + AT_A_TIME, first + count) - 1)
                await _insert(connection, events, key.encode(), row)
                await connection.execute("drop table made")
        await connection.execute("vacuum analyze saga.saga, saga.saga_event, saga.saga_key")
    finally:
        await connection.close()


def _one(definition: Definition, key: str, at: datetime, *, begun: bool) -> tuple[Sequence[Event], State]:
    events: list[Event] = []
    for decision in story(definition, key, at):
        events += decision.events
        if begun:
            break
    return events, decision.states[-1]


async def _insert(connection: asyncpg.Connection, events: Sequence[Event], key: bytes, row: SagaRow) -> None:
    await connection.execute(_KEYS, row.definition)
    for version, event in enumerate(events, 1):
        data, copied = encode(event), "$2::bytea"
        for place in _places(data, key):
            copied = f"overlay({copied} placing convert_to(key, 'UTF8') from {place + 1} for {len(key)})"
        await connection.execute(f"insert into saga.saga_event select id, $1::int, {copied} from made", version, data)
    values = (row.version, row.definition, row.definition_version, row.status, row.ended, row.due_at, row.started_at, row.last_progress)
    await connection.execute(_ROWS, *values, row.ended_at, row.waits_for)


def _places(data: bytes, key: bytes) -> Iterator[int]:
    place = data.find(key)
    while place >= 0:
        yield place
        place = data.find(key, place + len(key))
