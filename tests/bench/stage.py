"""One measurement: servers of its own, replicas, the world, and what each of them uses."""

import asyncio
import contextlib
import json
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import asyncpg
import psutil

from saga.embedded.kafka import EmbeddedKafka, free_ports
from saga.embedded.postgres import EmbeddedPostgres
from saga.embedded.processes import Child, wait_until
from saga.embedded.team import _all_ready
from saga.store.migrate import migrate
from saga.transport.topics import create_topics
from tests.bench.world import TOPICS

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
ENDS_WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """A measurement. `rate` 0 is a closed loop with `in_flight` orders under way."""

    orders: int
    in_flight: int = 2_000
    rate: float = 0.0
    failing: bool = False
    replicas: int = 1
    fsync_each: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Moment:
    """What was used and written until then. CPU in seconds by process, `wal` and `tables` in bytes."""

    at: float
    ended: int
    cpu: dict[str, float]
    wal: int
    tables: int


class Stage:
    """Where a measurement takes place."""

    def __init__(self, wanted: Wanted, kafka: EmbeddedKafka, postgres: EmbeddedPostgres, home: Path, dsn: str) -> None:
        self.wanted = wanted
        self.kafka = kafka
        self.postgres = postgres
        self.home = home
        self.dsn = dsn
        self.replicas: list[Child] = []
        self.said: dict[str, Any] = {"ended": 0, "started": 0}
        self.latencies: list[float] = []
        self._world: asyncio.subprocess.Process | None = None

    async def open(self) -> None:
        """Replicas that are ready."""
        ports = free_ports(self.wanted.replicas)
        for number, port in enumerate(ports, 1):
            self.replicas.append(
                Child(f"coordinator-{number}", ("-m", "saga", "serve"), self._environment(number, port), self._log(number))
            )
            await self.replicas[-1].start()
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        await wait_until(lambda: _all_ready(urls), "the coordinator", READY_WITHIN, self.replicas)

    async def close(self) -> None:
        """Everybody ends."""
        if self._world is not None and self._world.returncode is None:
            assert self._world.stdin is not None
            self._world.stdin.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(5):
                    await self._world.wait()
            if self._world.returncode is None:
                self._world.kill()
        await asyncio.gather(*(replica.stop() for replica in self.replicas))

    async def play(self) -> AsyncIterator[dict[str, Any]]:
        """Start the world; what it says, as it says it, to its last word. Raises TimeoutError when nothing ends any more."""
        asked = {
            "bootstrap": self.kafka.bootstrap,
            "orders": self.wanted.orders,
            "in_flight": self.wanted.in_flight,
            "rate": self.wanted.rate,
            "failing": self.wanted.failing,
        }
        pipe = asyncio.subprocess.PIPE
        self._world = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.world", json.dumps(asked), cwd=ROOT, stdin=pipe, stdout=pipe, limit=1 << 24
        )
        assert self._world.stdout is not None
        ended, moved = 0, monotonic()
        while line := await asyncio.wait_for(self._world.stdout.readline(), ENDS_WITHIN):
            self.said = json.loads(line)
            self.latencies += self.said["latencies"]
            if self.said["ended"] != ended:
                ended, moved = self.said["ended"], monotonic()
            elif monotonic() - moved > ENDS_WITHIN:
                raise TimeoutError(f"no saga has ended for {ENDS_WITHIN:.0f} s: {ended} of {self.wanted.orders}")
            yield self.said

    async def moment(self) -> Moment:
        """Now."""
        connection = await asyncpg.connect(self.dsn, timeout=10)
        try:
            wal = int(await connection.fetchval("select pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))
            tables = int(
                await connection.fetchval(
                    "select sum(pg_total_relation_size(oid)) from pg_class where relkind = 'r' and relnamespace = 'saga'::regnamespace"
                )
            )
        finally:
            await connection.close()
        return Moment(monotonic(), self.said["ended"], self._cpu(), wal, tables)

    def _cpu(self) -> dict[str, float]:
        assert self._world is not None
        pids = {replica.name: replica.process.pid for replica in self.replicas if replica.process is not None}
        pids |= {"world": self._world.pid, "kafka": self.kafka.pid, "postgres": self.postgres.pid}
        return {name: _used(psutil.Process(pid)) for name, pid in pids.items()}

    def _log(self, number: int) -> Path:
        return self.home / f"coordinator-{number}.log"

    def _environment(self, number: int, port: int) -> dict[str, str]:
        return {
            "PYTHONPATH": str(ROOT),
            "SAGA_POSTGRES_DSN": self.dsn,
            "SAGA_KAFKA_BOOTSTRAP": self.kafka.bootstrap,
            "SAGA_DEFINITIONS": "tests.bench.shop",
            "SAGA_HTTP_PORT": str(port),
            "SAGA_INSTANCE_ID": f"coordinator-{number}",
            "SAGA_INSECURE_DEV": "true",
            **self.wanted.settings,
        }


class _Kafka(EmbeddedKafka):
    """One that is to work hard: Java compiles and collects as it does by itself."""

    java = ()


@asynccontextmanager
async def stage(wanted: Wanted) -> AsyncIterator[Stage]:
    """Servers that keep what they acknowledge, an empty database, replicas that are ready; gone at the end."""
    home = _home()
    kafka = _Kafka(settings=(FSYNC_EACH,) if wanted.fsync_each else ())
    try:
        await asyncio.to_thread(kafka.start)
        async with EmbeddedPostgres(home / "postgres", POSTGRES) as postgres:
            dsn = await postgres.create_database("bench")
            await migrate(dsn)
            await create_topics(kafka.bootstrap, TOPICS, PARTITIONS)
            made = Stage(wanted, kafka, postgres, home, dsn)
            try:
                await made.open()
                yield made
            finally:
                await made.close()
    finally:
        await asyncio.to_thread(kafka.stop)
        shutil.rmtree(home, ignore_errors=True)


def _home() -> Path:
    """A folder that the database's own user may pass through."""
    home = Path(tempfile.mkdtemp(prefix="saga-bench-"))
    home.chmod(0o711)
    return home


def _used(process: psutil.Process) -> float:
    """CPU seconds of a process and all that it has begotten, those that have ended among them."""
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            used = one.cpu_times()
            total += used.user + used.system + used.children_user + used.children_system
    return total
