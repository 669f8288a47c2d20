"""One measurement: servers of its own, replicas, the world, and what each of them uses."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import psutil

from saga.embedded.kafka import EmbeddedKafka, free_ports
from saga.embedded.postgres import EmbeddedPostgres
from saga.embedded.processes import Child, wait_until
from saga.embedded.team import _all_ready
from saga.store.migrate import migrate
from saga.transport.topics import create_topics
from tests.bench.servers import FSYNC_EACH, PARTITIONS, READY_WITHIN, ROOT, servers, used_by, written_to
from tests.bench.stored import filled, store
from tests.bench.verify import faults_of
from tests.bench.world import TOPICS, lay

ENDS_WITHIN = 60.0
WARMING = 100  # orders under way while everything warms up


@dataclass(frozen=True, slots=True)
class Wanted:
    """A measurement. `rate` 0 is a closed loop with `in_flight` orders under way; before an open one, `warm` of the orders are such a loop,
    so that the broker's compiler is through with its work, which takes a core.

    Before it: so many sagas are stored that have ended (`stored`) and that wait for an answer until an hour from now (`begun`), and so many
    records lie on a topic that no saga listens to (`backlog`). `hold`: no participant answers before every order has been asked for.
    """

    orders: int
    in_flight: int = 2_000
    rate: float = 0.0
    warm: int = 0
    failing: bool = False
    replicas: int = 1
    fsync_each: bool = False
    hold: bool = False
    stored: int = 0
    begun: int = 0
    backlog: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)


def open_loop(rate: float, orders: int, warm: int) -> Wanted:
    """So many orders at a rate, after those that warm up."""
    return Wanted(orders=warm + orders, rate=rate, warm=warm, in_flight=WARMING)


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
        self.urls: list[str] = []
        self.said: dict[str, Any] = {"ended": 0, "started": 0, "asked": 0}
        self.latencies: list[float] = []
        self._world: asyncio.subprocess.Process | None = None

    async def open(self) -> None:
        """Replicas that are ready."""
        for _ in range(self.wanted.replicas):
            await self.join()
        await self.ready()

    async def join(self) -> Child:
        """One replica more; it is not ready yet."""
        number, (port,) = len(self.replicas) + 1, free_ports(1)
        self.replicas.append(Child(f"coordinator-{number}", ("-m", "saga", "serve"), self._environment(number, port), self._log(number)))
        self.urls.append(f"http://127.0.0.1:{port}")
        await self.replicas[-1].start()
        return self.replicas[-1]

    async def ready(self) -> None:
        """Wait until all replicas are. Raises Unavailable with their last words."""
        await wait_until(lambda: _all_ready(self.urls), "the coordinator", READY_WITHIN, self.replicas)

    def resident(self) -> float:
        """The memory of the largest replica, in MiB."""
        pids = [replica.process.pid for replica in self.replicas if replica.process is not None]
        return max(psutil.Process(pid).memory_info().rss for pid in pids) / 2**20

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
            "warm": self.wanted.warm,
            "failing": self.wanted.failing,
            "hold": self.wanted.hold,
        }
        pipe = asyncio.subprocess.PIPE
        self._world = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.world", json.dumps(asked), cwd=ROOT, stdin=pipe, stdout=pipe, limit=1 << 24
        )
        assert self._world.stdout is not None
        far, moved = (0, 0), monotonic()
        while line := await asyncio.wait_for(self._world.stdout.readline(), ENDS_WITHIN):
            self.said = json.loads(line)
            self.latencies += self.said["latencies"]
            now = (self.said["asked"], self.said["ended"])
            if now != far:
                far, moved = now, monotonic()
            elif monotonic() - moved > ENDS_WITHIN:
                raise TimeoutError(f"nothing has happened for {ENDS_WITHIN:.0f} s: {far[1]} of {self.wanted.orders} sagas have ended")
            yield self.said

    async def moment(self) -> Moment:
        """Now."""
        wal, tables = await written_to(self.dsn, "saga")
        return Moment(monotonic(), self.said["ended"], self._cpu(), wal, tables)

    async def faults(self) -> list[str]:
        """What is wrong with the results."""
        return await faults_of(self.wanted.orders, self.said, self.dsn, failing=self.wanted.failing)

    def _cpu(self) -> dict[str, float]:
        assert self._world is not None
        pids = {replica.name: replica.process.pid for replica in self.replicas if replica.process is not None}
        pids |= {"world": self._world.pid, "kafka": self.kafka.pid, "postgres": self.postgres.pid}
        return {name: used_by(pid) for name, pid in pids.items()}

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


@asynccontextmanager
async def stage(wanted: Wanted) -> AsyncIterator[Stage]:
    """Servers that keep what they acknowledge, an empty database, replicas that are ready; gone at the end."""
    data = await filled(wanted.stored) if wanted.stored else None
    async with servers(FSYNC_EACH if wanted.fsync_each else "", data=data) as (kafka, postgres, home):
        dsn = await postgres.create_database("bench")
        await migrate(dsn)
        await create_topics(kafka.bootstrap, TOPICS, PARTITIONS)
        if wanted.begun:
            await store(dsn, wanted.begun, datetime.now(UTC) + timedelta(hours=1), begun=True, first=wanted.stored + 1)
        if wanted.backlog:
            await asyncio.to_thread(lay, kafka.bootstrap, wanted.backlog)
        made = Stage(wanted, kafka, postgres, home, dsn)
        try:
            await made.open()
            yield made
        finally:
            await made.close()
