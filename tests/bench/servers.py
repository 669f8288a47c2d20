"""Real servers that keep what they acknowledge, and what a process has used."""

import asyncio
import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import psutil

from saga.embedded.kafka import EmbeddedKafka
from saga.embedded.postgres import EmbeddedPostgres

ROOT = Path(__file__).parent.parent.parent
PARTITIONS = 6
POSTGRES = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "512MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "off",
}
FSYNC_EACH = "log.flush.interval.messages=1"
READY_WITHIN = 60.0
_WAL = "select pg_current_wal_insert_lsn() - '0/0'::pg_lsn"
_TABLES = """select coalesce(sum(pg_total_relation_size(c.oid)), 0)
from pg_class as c join pg_namespace as n on n.oid = c.relnamespace where c.relkind = 'r' and n.nspname = $1"""


class LastingKafka(EmbeddedKafka):
    """One that is to work hard: Java compiles and collects as it does by itself."""

    java = ()


@asynccontextmanager
async def servers(*settings: str, data: Path | None = None) -> AsyncIterator[tuple[LastingKafka, EmbeddedPostgres, Path]]:
    """A broker with these settings, a Postgres that begins with a copy of `data`, and a folder; gone at the end."""
    home = new_home()
    kafka = LastingKafka(settings=[one for one in settings if one])
    try:
        if data is not None:
            await asyncio.to_thread(subprocess.run, ["cp", "--archive", "--reflink=auto", data, home / "postgres"], check=True)
        await asyncio.to_thread(kafka.start)
        async with EmbeddedPostgres(home / "postgres", POSTGRES) as postgres:
            yield kafka, postgres, home
    finally:
        await asyncio.to_thread(kafka.stop)
        shutil.rmtree(home, ignore_errors=True)


async def written_to(dsn: str, schema: str) -> tuple[int, int]:
    """Bytes of WAL that the server has written, and bytes of the tables and indexes of a schema."""
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        return int(await connection.fetchval(_WAL)), int(await connection.fetchval(_TABLES, schema))
    finally:
        await connection.close()


def new_home() -> Path:
    """A new folder that the database's own user may pass through."""
    home = Path(tempfile.mkdtemp(prefix="saga-bench-"))
    home.chmod(0o711)
    return home


def used_by(pid: int) -> float:
    """CPU seconds of a process and all that it has begotten, those that have ended among them."""
    total, process = 0.0, psutil.Process(pid)
    for one in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            used = one.cpu_times()
            total += used.user + used.system + used.children_user + used.children_system
    return total
