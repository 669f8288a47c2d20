"""The row of the whole reference application: four services with their ledgers, orders over REST."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any

import httpx2

from saga.embedded.application import Place
from saga.embedded.kafka import free_ports
from saga.embedded.processes import Child, wait_until
from saga.embedded.team import _all_ready
from saga.store.migrate import migrate
from saga.transport.topics import create_topics
from services.demo.application import DemoApplication
from services.demo.orders import CATALOGUE, CURRENCY, DemoOrder
from tests.bench.figures import Figure, Outcome, Sizes
from tests.bench.servers import PARTITIONS, READY_WITHIN, ROOT, servers, used_by

BEGIN, END = 0.2, 0.95
IN_FLIGHT = 60
LOOK_EVERY = 0.5
STANDS_STILL = 60.0
UNITS = tuple(CATALOGUE)
CUSTOMERS = tuple(f"customer-{number:03}" for number in range(200))
RICH = 10**12


async def application(sizes: Sizes) -> Outcome:
    """Orders through all four services of the reference application, with their ledgers."""
    shop = _Shop(sizes.carts)
    async with _town(shop) as town:
        moments: list[tuple[float, int, Mapping[str, float]]] = []
        placing, told = asyncio.create_task(town.place_all()), (0, monotonic())
        while (ended := await shop.ended(town.place)) < sizes.carts:
            town.ended = ended
            if BEGIN * sizes.carts <= ended <= END * sizes.carts:
                moments.append((monotonic(), ended, town.cpu()))
            if ended > told[0]:
                told = (ended, monotonic())
            elif monotonic() - told[1] > STANDS_STILL:
                raise TimeoutError(f"{ended} of {sizes.carts} orders have ended, and no more do")
            await asyncio.sleep(LOOK_EVERY)
        town.ended = ended
        await placing
        found = await shop.figures(town.place, ())
    faults = []
    if found.completed != sizes.carts or found.duplicate_effects or found.stock_missing:
        faults.append(f"of {sizes.carts} orders {found.completed} completed; effects twice {found.duplicate_effects}")
    if found.money_captured_minor != found.money_expected_minor:
        faults.append(f"captured {found.money_captured_minor}, expected {found.money_expected_minor}")
    if len(moments) < 2:
        raise ValueError(f"{sizes.carts} orders are too few to measure anything")
    (began, first, before), (until, last, after) = moments[0], moments[-1]
    cpu = {name: round((after[name] - used) / (last - first) * 1000, 3) for name, used in before.items()}
    rate = Figure("rate", (last - first) / (until - began), "/s", 1_200, more=True)
    return Outcome([rate, Figure("cpu per 1,000", sum(cpu.values()), "s")], faults, {"cpu_s_per_1000": cpu})


class _Shop(DemoApplication):
    """Only good orders, a fast card network, a carrier with room for all, reservations that hold, and no row that every order wants."""

    told_within = 300.0

    def __init__(self, count: int) -> None:
        super().__init__(0, seed=1)
        self.orders = [_order(number) for number in range(count)]

    def _faults(self, name: str) -> dict[str, Any]:
        return {}

    def _seed(self, name: str) -> dict[str, Any]:
        if name == "payment":
            return {"currency": CURRENCY, "accounts": dict.fromkeys(CUSTOMERS, RICH), "cards": {"latency": 0.0}}
        if name == "shipping":
            return {"carriers": {"swift": {"prefix": "SW"}}}
        return {word: given for word, given in super()._seed(name).items() if word != "hold_seconds"}


def _order(number: int) -> DemoOrder:
    sku = UNITS[number % len(UNITS)]
    return DemoOrder(f"b-{number:06}", "good", CUSTOMERS[number % len(CUSTOMERS)], ((sku, 1),), CATALOGUE[sku])


@dataclass
class _Town:
    """Where the application runs. `ended`: orders, as far as is known."""

    shop: _Shop
    place: Place
    children: Sequence[Child]
    servers: Mapping[str, int]
    ended: int = 0

    async def place_all(self) -> None:
        """Place all orders, so many under way."""
        async with httpx2.AsyncClient(timeout=30, trust_env=False) as client, asyncio.TaskGroup() as group:
            for number, order in enumerate(self.shop.orders):
                while number - self.ended >= IN_FLIGHT:  # noqa: ASYNC110 - the services' tables have no event to wait for
                    await asyncio.sleep(0.01)
                group.create_task(self.shop.place(client, self.place, order))

    def cpu(self) -> dict[str, float]:
        """Seconds until now, by process; `customers` is who places the orders and looks how far they are."""
        pids = {child.name: child.process.pid for child in self.children if child.process is not None}
        used = {name: used_by(pid) for name, pid in {**pids, **self.servers}.items()}
        return {**used, "customers": sum(os.times()[:2])}


@asynccontextmanager
async def _town(shop: _Shop) -> AsyncIterator[_Town]:
    async with contextlib.AsyncExitStack() as stack:
        kafka, postgres, home = await stack.enter_async_context(servers())
        for database in ("coordinator", "services"):
            await postgres.create_database(database)
        await migrate(postgres.dsn("coordinator"))
        topics = [f"{name}.{kind}" for name in shop.participants for kind in ("commands", "events")]
        await create_topics(kafka.bootstrap, ["saga.lifecycle", *topics], PARTITIONS)
        ports = free_ports(1 + len(shop.participants))
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        place = Place(
            coordinator_dsn=postgres.dsn("coordinator"),
            services_dsn=postgres.dsn("services"),
            bootstrap=kafka.bootstrap,
            coordinator_url=urls[0],
            service_urls=dict(zip(shop.participants, urls[1:], strict=True)),
            fetch_wait=0.5,
            session_timeout=6.0,
        )
        coordinator = {
            "SAGA_POSTGRES_DSN": place.coordinator_dsn,
            "SAGA_KAFKA_BOOTSTRAP": place.bootstrap,
            "SAGA_DEFINITIONS": shop.definitions,
            "SAGA_HTTP_PORT": str(ports[0]),
            "SAGA_INSECURE_DEV": "true",
        }
        children = [Child(name, words, _here(given), home / f"{name}.log") for name, words, given in shop.processes(place)]
        children.append(Child("coordinator", ("-m", "saga", "serve"), _here(coordinator), home / "coordinator.log"))
        for child in children:
            stack.push_async_callback(child.stop)
            await child.start()
        await wait_until(lambda: _all_ready(urls), "the application", READY_WITHIN, children)
        yield _Town(shop, place, children, {"kafka": kafka.pid, "postgres": postgres.pid})


def _here(given: Mapping[str, str]) -> dict[str, str]:
    return {"PYTHONPATH": str(ROOT), **given}
