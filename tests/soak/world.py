"""The whole application on real servers, with orders that come at a steady rate and meet every trouble of the demonstration."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import httpx2

from saga.embedded.application import Place
from saga.embedded.kafka import EmbeddedKafka
from saga.embedded.postgres import EmbeddedPostgres
from saga.embedded.processes import Child, wait_until
from saga.store.migrate import migrate
from saga.transport.topics import create_topics
from services.demo.application import DemoApplication
from tests.hostile.stage import free_port

FASTER = 24
PARTITIONS = 6
KAFKA = (
    f"log.retention.ms={3_600_000 // FASTER}",
    "log.segment.bytes=4194304",
    f"log.roll.ms={900_000 // FASTER}",
    "log.retention.check.interval.ms=5000",
    "file.delete.delay.ms=1000",
)
POSTGRES = {"autovacuum_naptime": f"{60 // FASTER + 1}s", "max_connections": "200"}
LOG = Path("kafka")


@dataclass
class World:
    """Where everything is, and what was placed so far."""

    place: Place
    application: DemoApplication
    coordinator: Child
    services: list[Child]
    home: Path
    placed: int = 0
    cancelled: set[str] = field(default_factory=set)
    places: set["asyncio.Task[None]"] = field(default_factory=set)

    @property
    def children(self) -> list[Child]:
        return [self.coordinator, *self.services]

    async def order(self, rate: float, until: float) -> None:
        """Place orders, so many a second, until the clock says so; then wait for those on their way."""
        began, first = monotonic(), self.placed
        async with httpx2.AsyncClient(timeout=30, trust_env=False) as client:
            while monotonic() < until and self.placed < len(self.application.orders):
                if self.placed - first < (monotonic() - began) * rate:
                    self._place(client)
                else:
                    await asyncio.sleep(0.5 / rate)
            if self.places:
                await asyncio.wait(self.places)

    def _place(self, client: httpx2.AsyncClient) -> None:
        order = self.application.orders[self.placed]
        self.placed += 1
        task = asyncio.create_task(self._one(client, order))
        self.places.add(task)
        task.add_done_callback(self.places.discard)

    async def _one(self, client: httpx2.AsyncClient, order: object) -> None:
        await self.application.place(client, self.place, order)  # type: ignore[arg-type]
        if order.kind == "cancelled":  # type: ignore[attr-defined]
            await self._cancel(client, order.order_id)  # type: ignore[attr-defined]

    async def _cancel(self, client: httpx2.AsyncClient, key: str) -> None:
        for _ in range(100):
            with contextlib.suppress(httpx2.HTTPError):
                found = (await client.get(f"{self.place.coordinator_url}/v1/sagas", params={"key": key})).json().get("items")
                if found:
                    url = f"{self.place.coordinator_url}/v1/sagas/{found[0]['saga_id']}/cancel"
                    answer = await client.post(url, json={"reason": "the customer changed their mind"}, headers={"X-Actor": "soak"})
                    if answer.status_code == httpx2.codes.OK:
                        self.cancelled.add(key)
                    if answer.status_code < 500:
                        return
            await asyncio.sleep(0.1)

    async def start_coordinator(self) -> None:
        """Start it (again) and wait until it is ready."""
        await self.coordinator.start()
        await wait_until(lambda: _all_ready([self.place.coordinator_url]), "the coordinator", 60, [self.coordinator])


@asynccontextmanager
async def world(orders: int, seed: int, planted: str = "") -> AsyncIterator[World]:
    """Start all of it."""
    async with contextlib.AsyncExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="saga-soak-")))
        postgres = await stack.enter_async_context(EmbeddedPostgres(settings=POSTGRES))
        for database in ("coordinator", "services"):
            await postgres.create_database(database)
        await migrate(postgres.dsn("coordinator"))
        kafka = stack.enter_context(EmbeddedKafka(settings=KAFKA, directory=home / LOG))
        application = DemoApplication(orders, seed)
        topics = [f"{name}.{kind}" for name in application.participants for kind in ("commands", "events")]
        await create_topics(kafka.bootstrap, ["saga.lifecycle", *topics], PARTITIONS)
        place = Place(
            coordinator_dsn=postgres.dsn("coordinator"),
            services_dsn=postgres.dsn("services"),
            bootstrap=kafka.bootstrap,
            coordinator_url=f"http://127.0.0.1:{free_port()}",
            service_urls={name: f"http://127.0.0.1:{free_port()}" for name in application.participants},
            fetch_wait=0.5,
            session_timeout=6.0,
        )
        services = [Child(name, words, given, home / f"{name}.log") for name, words, given in application.processes(place)]
        coordinator = Child(
            "coordinator",
            ("-m", "tests.hostile.planted" if planted else "saga", "serve"),
            _environment(place, planted),
            home / "coordinator.log",
        )
        for child in (*services, coordinator):
            stack.push_async_callback(child.stop)
            await child.start()
        urls = [*place.service_urls.values(), place.coordinator_url]
        await wait_until(lambda: _all_ready(urls), "the application", 90, [*services, coordinator])
        yield World(place, application, coordinator, services, home)


def _environment(place: Place, planted: str) -> dict[str, str]:
    return {
        "PYTHONPATH": str(Path.cwd()),
        "SAGA_INSTANCE_ID": "soak",
        "SAGA_POSTGRES_DSN": place.coordinator_dsn,
        "SAGA_KAFKA_BOOTSTRAP": place.bootstrap,
        "SAGA_DEFINITIONS": DemoApplication.definitions,
        "SAGA_HTTP_PORT": place.coordinator_url.rpartition(":")[2],
        "SAGA_HTTP_RATE": "0",
        "SAGA_SESSION_TIMEOUT": str(place.session_timeout),
        "SAGA_TOPIC_PARTITIONS": str(PARTITIONS),
        "SAGA_CLAIM_FOR": "3",
        "SAGA_CLAIM_BACKOFF": "3",
        "SAGA_UNKNOWN_SAGA_FOR": str(60 / FASTER),
        "SAGA_CACHE_BYTES": "4000000",
        "SAGA_INSECURE_DEV": "true",
        "SAGA_PLANTED": planted,
    }


async def _all_ready(urls: list[str]) -> bool:
    async with httpx2.AsyncClient(timeout=2, trust_env=False) as client:
        for url in urls:
            try:
                if (await client.get(f"{url}/readyz")).status_code != httpx2.codes.OK:
                    return False
            except httpx2.HTTPError:
                return False
    return True
