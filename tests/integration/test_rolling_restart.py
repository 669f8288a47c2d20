"""Two replicas restarted by SIGTERM in turn, twice round, while orders flow: real Kafka, PostgreSQL, and the ledgers judge."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import httpx2
import pytest
from compose import free_port

from saga.config import Settings
from saga.embedded.application import Place
from saga.embedded.kafka import EmbeddedKafka
from saga.embedded.postgres import EmbeddedPostgres
from saga.embedded.processes import Child, wait_until
from saga.examining import apply_topics
from saga.store.migrate import migrate
from services.demo.application import DemoApplication, application
from services.demo.store import read_ledgers

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

ORDERS = 300
ROUNDS = 2
EVERY = 0.1  # seconds from one order to the next while replicas restart


class Shop:
    """The application, its place, and the replicas in front of it."""

    def __init__(self, place: Place, urls: list[str], replicas: list[Child], services: list[Child]) -> None:
        self.application: DemoApplication = application(ORDERS, 5)
        self.place = place
        self.urls = urls
        self.replicas = replicas
        self.services = services
        self.placed = 0
        self.placed_while_one_was_away = 0
        self.away = False

    async def order(self, restarted: asyncio.Event) -> None:
        """Place every order: at a steady pace until the restarts are over, then the rest."""
        async with httpx2.AsyncClient(timeout=10) as client:
            for one in self.application.orders:
                await self.application.place(client, self.place, one)
                self.placed += 1
                self.placed_while_one_was_away += self.away
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(EVERY):
                        await restarted.wait()

    async def restart(self, number: int) -> int:
        """SIGTERM, wait for the end, start it again, wait until it is ready; its exit code."""
        replica = self.replicas[number]
        assert replica.process is not None
        self.away = True
        await replica.stop()
        code = replica.process.returncode
        await replica.start()
        await wait_until(lambda: ready(self.urls[number]), replica.name, 60, [replica])
        self.away = False
        return -1 if code is None else code

    async def until_ended(self) -> None:
        """Wait until the services say that every order has."""
        async with asyncio.timeout(90):
            while await self.application.ended(self.place) < ORDERS:  # noqa: ASYNC110 - ledgers have no event to wait for
                await asyncio.sleep(0.2)


async def ready(url: str) -> bool:
    async with httpx2.AsyncClient(timeout=2) as client:
        with contextlib.suppress(httpx2.HTTPError):
            return (await client.get(f"{url}/readyz")).status_code == httpx2.codes.OK
    return False


def replica_of(place: Place, number: int, port: int, home: Path) -> Child:
    given = {
        "SAGA_INSTANCE_ID": f"coordinator-{number}",
        "SAGA_POSTGRES_DSN": place.coordinator_dsn,
        "SAGA_KAFKA_BOOTSTRAP": place.bootstrap,
        "SAGA_DEFINITIONS": "services.order.fulfilment",
        "SAGA_HTTP_PORT": str(port),
        "SAGA_INSECURE_DEV": "true",
        "SAGA_STRICT_TOPICS": "on",
        "SAGA_TOPIC_PARTITIONS": "6",
    }
    return Child(f"coordinator-{number}", ("-m", "saga", "serve"), given, home / f"coordinator-{number}.log")


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with contextlib.AsyncExitStack() as stack:
        postgres = await stack.enter_async_context(EmbeddedPostgres())
        kafka = await asyncio.to_thread(stack.enter_context, EmbeddedKafka())
        await apply_topics(
            Settings(kafka_bootstrap=kafka.bootstrap, definitions=("services.order.fulfilment",), topic_partitions=6), dry_run=False
        )
        place = Place(
            coordinator_dsn=await postgres.create_database("coordinator"),
            services_dsn=await postgres.create_database("services"),
            bootstrap=kafka.bootstrap,
            coordinator_url="",
            service_urls={name: f"http://127.0.0.1:{free_port()}" for name in DemoApplication.participants},
            fetch_wait=0.5,
            session_timeout=10.0,
        )
        await migrate(place.coordinator_dsn)
        ports = [free_port(), free_port()]
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        replicas = [replica_of(place, number, port, tmp_path) for number, port in enumerate(ports, 1)]
        services = [Child(name, words, env, tmp_path / f"{name}.log") for name, words, env in application(ORDERS, 5).processes(place)]
        for child in (*services, *replicas):
            stack.push_async_callback(child.stop)
            await child.start()
        for url in (*urls, *place.service_urls.values()):
            await wait_until(lambda url=url: ready(url), url, 60, [*services, *replicas])
        yield Shop(place, urls, replicas, services)


async def test_replicas_restarted_in_turn_under_load_end_every_order_right(
    shop: Shop, record_property: Callable[[str, object], None]
) -> None:  # K3, P2, I12
    restarted = asyncio.Event()
    ordering = asyncio.create_task(shop.order(restarted))
    codes = [await shop.restart(number) for _ in range(ROUNDS) for number in range(len(shop.replicas))]
    during = shop.placed
    restarted.set()
    await ordering
    await shop.until_ended()
    figures = await shop.application.figures(shop.place, ())
    assert codes == [0, 0, 0, 0]
    assert 20 < shop.placed_while_one_was_away <= during < ORDERS, "orders must flow while replicas are away"
    assert (figures.unfinished, figures.duplicate_effects, figures.stock_missing) == ((), 0, 0)
    assert figures.completed + figures.compensated == ORDERS
    assert figures.money_captured_minor == figures.money_expected_minor > 0
    assert await unsent(shop.place.coordinator_dsn) == 0
    waits = await seconds_of(shop, "good")
    record_property("longest_good_order_seconds", waits[-1])
    record_property("median_good_order_seconds", waits[len(waits) // 2])
    assert "Traceback" not in "".join(replica.log.read_text() for replica in shop.replicas)


async def seconds_of(shop: Shop, kind: str) -> list[float]:
    """From placed to the end, of orders that nothing but a restart could delay; sorted."""
    seconds = (await read_ledgers(shop.place.services_dsn)).seconds
    return sorted(round(seconds[one.order_id], 2) for one in shop.application.orders if one.kind == kind)


async def unsent(dsn: str) -> int:
    """Pointers in the outbox once the replicas have had a moment to delete what was acknowledged."""
    connection = await asyncpg.connect(dsn)
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(30):
                while await connection.fetchval("select count(*) from saga.outbox"):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.1)
        return int(await connection.fetchval("select count(*) from saga.outbox"))
    finally:
        await connection.close()
