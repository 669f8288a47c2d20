"""Servers, two coordinators and four participants of which each may be of either release, and customers who never stop ordering."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import httpx2

from saga.embedded.application import Place
from saga.embedded.kafka import EmbeddedKafka, free_ports
from saga.embedded.postgres import EmbeddedPostgres
from saga.embedded.processes import Child, wait_until
from saga.errors import Unavailable
from saga.transport.topics import create_topics
from services.demo.application import DemoApplication, application
from services.demo.store import PARTICIPANTS, read_states
from tests.upgrade.tree import Release

READY_WITHIN = 90.0
PARTITIONS = 6
TRIES = 4
TOPICS = ("saga.lifecycle", *(f"{name}.{kind}" for name in PARTICIPANTS for kind in ("commands", "events")))


@dataclass
class Running:
    """A process in its place, of the release it has now."""

    child: Child
    release: Release
    url: str


class Town:
    """Replicas by number, participants by name."""

    def __init__(self, place: Place, home: Path, orders: int, seed: int) -> None:
        self.place = place
        self.application: DemoApplication = application(orders, seed)
        self.current: Release | None = None
        self.placed = 0
        self.begun_again = 0
        self.replicas: dict[int, Running] = {}
        self.participants: dict[str, Running] = {}
        self._home = home
        self._numbers = count(1)
        self._all: list[Child] = []

    async def replica(self, number: int, release: Release, *, kill: bool = False) -> None:
        """Replica `number` is of this release from now on: the old one drains, or is killed, before the new one begins."""
        if (old := self.replicas.pop(number, None)) is not None:
            if kill:
                old.child.kill()
            await old.child.stop()
        (port,) = free_ports(1)
        url = f"http://127.0.0.1:{port}"
        child = release.child(f"replica {number}", ("-m", "saga", "serve"), self.settings(number, port), self._log("replica"))
        self.replicas[number] = Running(await self._begun(child, url), release, url)

    async def participant(self, name: str, release: Release) -> None:
        """A participant of this release beside the one that there is, which ends once both work: two releases on one database."""
        (port,) = free_ports(1)
        url = f"http://127.0.0.1:{port}"
        environment = next(env for one, _, env in self.application.processes(self._place_with(name, url)) if one == name)
        if name == "order":  # older releases hold a late record in memory and lose it when they end: fine for answers, not for starts
            environment = {**environment, "SERVICE_FAULTS": "{}"}
        child = release.child(name, ("-m", f"services.{name}"), environment, self._log(name))
        child = await (self._begun(child, url) if release is self.current else self._begun_again(child, url))
        old, self.participants[name] = self.participants.get(name), Running(child, release, url)
        self.place = self._place_with(name, url)
        if old is not None:
            await old.child.stop()

    def settings(self, number: int = 0, port: int = 0) -> dict[str, str]:
        """The environment of a coordinator, or of a command on its database."""
        return {
            "SAGA_INSTANCE_ID": f"replica-{number}",
            "SAGA_POSTGRES_DSN": self.place.coordinator_dsn,
            "SAGA_KAFKA_BOOTSTRAP": self.place.bootstrap,
            "SAGA_DEFINITIONS": DemoApplication.definitions,
            "SAGA_HTTP_PORT": str(port),
            "SAGA_INSECURE_DEV": "true",
            "SAGA_CLAIM_FOR": "3",
            "SAGA_CLAIM_BACKOFF": "3",
            "SAGA_SEND_TIMEOUT": "3",
            "SAGA_SESSION_TIMEOUT": "6",
        }

    async def order(self, stop: asyncio.Event, every: float) -> None:
        """Customers, until told to stop: one order after the other."""
        async with httpx2.AsyncClient(timeout=10) as client:
            for one in self.application.orders:
                if stop.is_set():
                    return
                await self.application.place(client, self.place, one)
                self.placed += 1
                await asyncio.sleep(every)

    async def until_ended(self, seconds: float) -> int:
        """How many orders have not ended after so long, as the services' own tables say."""
        left = self.placed
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while left := self.placed - await self.application.ended(self.place):  # noqa: ASYNC110 - tables have no event to wait for
                    await asyncio.sleep(0.2)
        return left

    async def moves_on(self, orders: int, seconds: float = 60.0) -> bool:
        """Whether so many more orders end in time: what is in force now works."""
        states, _ = await read_states(self.place.services_dsn)
        wanted = sum(state == "confirmed" for state in states.values()) + orders
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while sum(state == "confirmed" for state in (await read_states(self.place.services_dsn))[0].values()) < wanted:  # noqa: ASYNC110 - tables have no event to wait for
                    await asyncio.sleep(0.1)
                return True
        return False

    def last_words(self) -> str:
        """The end of every log, for a story."""
        return "\n".join(f"--- {child.name}\n{child.last_words(5)}" for child in self._all)

    def tracebacks(self) -> list[str]:
        """Processes that logged what no release should: an error of its own."""
        return [child.name for child in self._all if '"loop failed"' in child.log.read_text(errors="replace")]

    async def stop(self) -> None:
        """End every process."""
        await asyncio.gather(*(child.stop() for child in self._all))

    async def _begun_again(self, child: Child, url: str) -> Child:
        """Of an older release whatever starts processes starts this one again, as it would in production: it may have faults that are
        mended by now. The current release gets no second try."""
        for _ in range(TRIES - 1):
            try:
                return await self._begun(child, url)
            except Unavailable:
                self.begun_again += 1
                await child.stop()
        return await self._begun(child, url)

    def _place_with(self, name: str, url: str) -> Place:
        return replace(self.place, service_urls={**self.place.service_urls, name: url})

    async def _begun(self, child: Child, url: str) -> Child:
        self._all.append(child)
        await child.start()
        await wait_until(lambda: _ready(url), child.name, READY_WITHIN, [child])
        return child

    def _log(self, name: str) -> Path:
        return self._home / f"{next(self._numbers):03}-{name}.log"


@asynccontextmanager
async def town(home: Path, orders: int, seed: int, say: Callable[[str], None]) -> AsyncIterator[Town]:
    """PostgreSQL and Kafka with its topics; no process of ours yet."""
    async with contextlib.AsyncExitStack() as stack:
        postgres = await stack.enter_async_context(EmbeddedPostgres())
        kafka = await asyncio.to_thread(stack.enter_context, EmbeddedKafka())
        await create_topics(kafka.bootstrap, TOPICS, PARTITIONS)
        place = Place(
            coordinator_dsn=await postgres.create_database("coordinator"),
            services_dsn=await postgres.create_database("services"),
            bootstrap=kafka.bootstrap,
            coordinator_url="",
            service_urls=dict.fromkeys(PARTICIPANTS, "http://127.0.0.1:1"),
            fetch_wait=0.5,
            session_timeout=6.0,
        )
        say("PostgreSQL and Kafka are there")
        made = Town(place, home, orders, seed)
        stack.push_async_callback(made.stop)
        yield made


async def _ready(url: str) -> bool:
    async with httpx2.AsyncClient(timeout=2) as client:
        with contextlib.suppress(httpx2.HTTPError):
            return (await client.get(f"{url}/readyz")).status_code == httpx2.codes.OK
    return False
