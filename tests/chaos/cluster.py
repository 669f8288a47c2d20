"""The cluster: three brokers, a Postgres pair, three coordinators, four services twice each, and the links between them."""

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from saga.embedded.kafka import free_ports
from saga.embedded.processes import Child, wait_until
from saga.embedded.team import _all_ready
from saga.errors import ConfigurationError
from saga.store.migrate import migrate
from services.demo.store import PARTICIPANTS
from tests.chaos.bank import Bank
from tests.chaos.brokers import Brokers
from tests.chaos.links import Link
from tests.chaos.pair import Pair

COORDINATORS = tuple(f"coordinator-{number}" for number in (1, 2, 3))
SERVICES = tuple(f"{name}-{number}" for name in PARTICIPANTS for number in (1, 2))
CLIENTS = (*COORDINATORS, "services")
LIFECYCLE = "saga.lifecycle"
EVENTS = tuple(f"{name}.events" for name in PARTICIPANTS)
COMMANDS = tuple(f"{name}.commands" for name in PARTICIPANTS)
PARTITIONS = 6
READY_WITHIN = 90.0
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")


@dataclass
class Cluster:
    """What runs. `tended` are children whose death the run itself mends, unless a fault keeps them down (`down`)."""

    home: Path
    bank: Bank
    brokers: Brokers
    pair: Pair
    links: dict[tuple[str, int], Link] = field(default_factory=dict)
    children: dict[str, Child] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    exits: Counter[str] = field(default_factory=Counter)
    epoch: int = 1
    tree: Path | None = None

    def dsn(self, client: str, database: str) -> str:
        """Both servers, through the client's links; the one that takes writes is chosen."""
        places = ",".join(f"127.0.0.1:{self.links[client, number].port}" for number in (0, 1))
        return f"postgresql://postgres:{self.pair.password()}@{places}/{database}?target_session_attrs=read-write"

    def links_of(self, client: str, servers: str = "both") -> list[Link]:
        """The links of a client to `kafka`, to `postgres`, or to both."""
        found: list[Link] = []
        if servers != "kafka":
            found += [link for (name, _), link in self.links.items() if name == client]
        if servers != "postgres":
            found += [link for (name, _), link in self.brokers.links.items() if name == client]
        return found

    async def kill(self, name: str) -> None:
        """SIGKILL, and nobody starts it again until `revive`."""
        self.down.add(name)
        child = self.children[name]
        child.kill()
        if child.process is not None:
            await child.process.wait()

    async def revive(self, name: str) -> None:
        """Start it again."""
        await self.children[name].start()
        self.down.discard(name)

    def signal(self, name: str, number: signal.Signals) -> bool:
        """Send a signal; False if the process is not there."""
        child = self.children[name]
        if child.process is None or not child.alive:
            return False
        child.process.send_signal(number)
        return True

    async def raise_epoch(self) -> None:
        """A rolling restart of the coordinators with the next epoch, as the manual asks for after a promotion."""
        self.epoch += 1
        for name in COORDINATORS:
            self.down.add(name)
            await self.children[name].stop()
            self.children[name] = self._coordinator(name)
            await self.revive(name)

    async def tend(self) -> None:
        """Start again what ended by itself, as any supervisor of processes would; for ever."""
        while True:
            for name, child in self.children.items():
                if name not in self.down and not child.alive:
                    self.exits[f"{name.rpartition('-')[0]} exit {child.process.returncode if child.process else '?'}"] += 1
                    print(f"{name} ended by itself: {child.last_words(8)[-2_000:]}", file=sys.stderr, flush=True)
                    await child.start()
            await asyncio.sleep(0.3)

    async def ready(self, within: float = READY_WITHIN) -> None:
        """Wait until every process says that it is ready. Raises Unavailable with the last words of those that do not."""
        urls = list(self.urls.values())
        await wait_until(lambda: _all_ready(urls), "the cluster", within, ())

    async def start(self, *, faketime: bool) -> None:
        """Everything, servers first; not all at once, for a small machine would take too long for each."""
        await self.pair.start("coordinator", "services")
        await self.brokers.start()
        for client in CLIENTS:
            for number in (0, 1):
                link = self.links[client, number] = Link(self.pair.ports[number])
                await link.start()
        await migrate(self.pair.dsn("coordinator"))
        await self.brokers.create(dict.fromkeys((LIFECYCLE, *EVENTS, *COMMANDS), PARTITIONS))
        ports = free_ports(len(COORDINATORS) + len(SERVICES))
        self.urls = {name: f"http://127.0.0.1:{port}" for name, port in zip((*COORDINATORS, *SERVICES), ports, strict=True)}
        self._clocks(faketime)
        for name in (*SERVICES, *COORDINATORS):
            self.children[name] = self._coordinator(name) if name in COORDINATORS else self._service(name)
            await self.children[name].start()
        await self.ready()

    async def stop(self) -> None:
        """End everything that was started."""
        for name in self.children:
            self.signal(name, signal.SIGCONT)
        for link in (*self.links.values(), *self.brokers.links.values()):
            link.speak()
        await asyncio.gather(*(child.stop() for child in self.children.values()))
        for link in (*self.links.values(), *self.brokers.links.values()):
            await link.stop()
        await asyncio.gather(asyncio.to_thread(self.brokers.stop), asyncio.to_thread(self.pair.stop))

    def clock(self, name: str) -> Path:
        """The file that says what time it is for a coordinator."""
        return self.home / f"{name}.clock"

    def _clocks(self, faketime: bool) -> None:
        self._faketime = faketime
        for name in COORDINATORS:
            self.clock(name).write_text("+0\n")

    def _coordinator(self, name: str) -> Child:
        environment = {
            "SAGA_INSTANCE_ID": name,
            "SAGA_POSTGRES_DSN": self.dsn(name, "coordinator"),
            "SAGA_POSTGRES_ROLE": "saga_service",
            "SAGA_KAFKA_BOOTSTRAP": self.brokers.bootstrap(name),
            "SAGA_DEFINITIONS": "services.order.fulfilment",
            "SAGA_HTTP_PORT": self.urls[name].rpartition(":")[2],
            "SAGA_INSECURE_DEV": "true",
            "SAGA_EPOCH": str(self.epoch),
            "SAGA_SESSION_TIMEOUT": "6",
            "SAGA_HTTP_RATE": "0",
            "SAGA_CLAIM_FOR": "5",
            "SAGA_CLAIM_BACKOFF": "5",
        }
        if self._faketime:
            clock = {"FAKETIME_TIMESTAMP_FILE": str(self.clock(name)), "FAKETIME_CACHE_DURATION": "1"}
            clock["FAKETIME_FORCE_MONOTONIC_FIX"] = "0"  # else the library slows every change of threads down to seconds
            environment |= {"LD_PRELOAD": str(FAKETIME), "DONT_FAKE_MONOTONIC": "1", **clock}
        return Child(name, ("-m", "saga", "serve"), self._planted(environment), self.home / f"{name}.log")

    def _service(self, name: str) -> Child:
        service = name.rpartition("-")[0]
        environment = {
            "SERVICE_INSTANCE_ID": name,
            "SERVICE_POSTGRES_DSN": self.dsn("services", "services"),
            "SERVICE_KAFKA_BOOTSTRAP": self.brokers.bootstrap("services"),
            "SERVICE_HTTP_PORT": self.urls[name].rpartition(":")[2],
            "SERVICE_SESSION_TIMEOUT": "6",
            "SERVICE_SEED": orjson.dumps(self.bank.seed_of(service)).decode(),
            "SERVICE_FAULTS": orjson.dumps(self.bank.faults_of(service)).decode(),
        }
        return Child(name, ("-m", f"services.{service}"), self._planted(environment), self.home / f"{name}.log")

    def _planted(self, environment: dict[str, str]) -> dict[str, str]:
        return environment | ({"PYTHONPATH": str(self.tree), "PYTHONSAFEPATH": "1"} if self.tree else {})


@contextlib.asynccontextmanager
async def running(bank: Bank, faults: frozenset[str], tree: Path | None = None) -> AsyncIterator[Cluster]:
    """A cluster for the time of a run; everything of it is gone afterwards. `tree`: where its processes find their code, if not here."""
    _refuse_what_cannot_be(faults)
    with tempfile.TemporaryDirectory(prefix="saga-chaos-", ignore_cleanup_errors=True) as directory:
        home = Path(directory)
        os.chmod(home, 0o711)
        cluster = Cluster(home, bank, Brokers(home, CLIENTS), Pair(home, own_disks="disk" in faults), tree=tree)
        try:
            await cluster.start(faketime="clock" in faults)
            yield cluster
        finally:
            await cluster.stop()


def _refuse_what_cannot_be(faults: frozenset[str]) -> None:
    if "clock" in faults and not FAKETIME.exists():
        raise ConfigurationError(f"--faults clock: {FAKETIME} is not there (Debian package libfaketime); install it or leave clock out")
