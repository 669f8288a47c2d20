"""After the run all rows of sagas are lost, and made anew from the events beside the running cluster: only rows may come of it (I9)."""

import asyncpg

from saga.config import Settings
from saga.runtime.replay import replay
from saga.store.postgres import PostgresStore
from tests.chaos.observer import Observer
from tests.chaos.streams_check import Story


async def rebuilt(dsn: str, observer: Observer) -> list[Story]:
    """What a rebuild did beside writing the rows that were there. The cluster is at rest."""
    records = observer.seen.records
    rows = await _lose_rows(dsn)
    store = await PostgresStore.connect(Settings(postgres_dsn=dsn))
    try:
        report = await replay(store, check=False)
        after = await replay(store, check=True)
    finally:
        await store.close()
    stories = [("I9", f"{rows} rows were lost, {report.written} are there again")] if report.written != rows else []
    if not after.clean:
        stories.append(
            ("I8", f"{len(after.differing)} rows differ from their events after a rebuild, {len(after.unreadable)} cannot be read")
        )
    if await observer.read_all() or observer.seen.records != records:
        stories.append(("I9", f"a rebuild added {observer.seen.records - records} records to topics"))
    return stories


async def _lose_rows(dsn: str) -> int:
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        return int((await connection.execute("delete from saga.saga")).split()[1])
    finally:
        await connection.close()
