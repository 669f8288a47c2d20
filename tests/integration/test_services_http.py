"""HTTP of the services: orders come in once, ledgers can be read, readiness says what is missing."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from saga.ports.messaging import OutboundRecord, Revoked
from saga.sdk.service import Service
from saga.sdk.settings import load_settings
from services.inventory import app as inventory_app
from services.order import app as order_app
from services.payment import app as payment_app
from services.shipping import app as shipping_app
from tests.integration.participants import eventually

pytestmark = pytest.mark.integration

PRICE = {"minor": 4999, "currency": "EUR"}
ADDRESS = {"name": "Ada", "street": "12 St James's Square", "city": "London", "postcode": "SW1Y 4JH", "country": "GB"}
ORDER: dict[str, Any] = {
    "order_id": "1042",
    "customer_id": "ada",
    "lines": [{"sku": "tea", "quantity": 2, "price": PRICE}],
    "address": ADDRESS,
}


class Quiet:
    """A log that nobody else uses: as consumer it has nothing, as producer it keeps what it gets."""

    def __init__(self, _revoked: Revoked | None = None) -> None:
        self.records: list[OutboundRecord] = []

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def poll(self, _max_records: int, timeout: float) -> list[Any]:
        await asyncio.sleep(timeout)
        return []

    async def send(self, records: Any) -> list[bool]:
        self.records += records
        return [True] * len(records)


class Running:
    """A service on Postgres without Kafka, and a client of its app."""

    def __init__(self, module: Any, dsn: str, **settings: Any) -> None:
        loaded = load_settings(postgres_dsn=dsn, poll_timeout=0.05, sweep_every=0.1, **settings)
        self.wire = Quiet()
        self.service = Service(module.parts(loaded), loaded, Quiet, self.wire)  # type: ignore[arg-type]
        app: FastAPI = module.build_app(self.service)
        self.client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://service")

    async def __aenter__(self) -> "Running":
        self.task = asyncio.create_task(self.service.run())
        await eventually(self.ready)
        return self

    async def ready(self) -> bool:
        return (await self.client.get("/readyz")).status_code == 200

    async def has_sent(self) -> bool:
        return bool(self.wire.records)

    async def __aexit__(self, *_: object) -> None:
        self.service.stop()
        await self.task
        await self.client.aclose()


@pytest.fixture
async def orders(postgres_dsn: str) -> AsyncIterator[Running]:
    async with Running(order_app, postgres_dsn) as running:
        yield running


async def test_order_is_taken_once_and_published_once(orders: Running) -> None:  # S9
    answers = await asyncio.gather(*(orders.client.post("/orders", json=ORDER) for _ in range(5)))

    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 201]
    await eventually(orders.has_sent)
    [placed] = orders.wire.records
    assert (placed.topic, placed.key) == ("order.events", b"1042")
    assert b'"total":{"currency":"EUR","minor":9998}' in placed.value
    assert (await orders.client.get("/orders/1042")).json()["state"] == "placed"


async def test_another_order_under_the_same_id_conflicts(orders: Running) -> None:  # S9
    await orders.client.post("/orders", json=ORDER)
    answer = await orders.client.post("/orders", json={**ORDER, "customer_id": "eve"})

    assert (answer.status_code, answer.json()["title"]) == (409, "conflicting-order")
    assert answer.headers["content-type"] == "application/problem+json"


BROKEN: list[tuple[Any, str]] = [
    ({**ORDER, "total": {"minor": 1, "currency": "EUR"}}, "wrong-total"),
    ({**ORDER, "lines": []}, "invalid-order"),
    ({**ORDER, "order_id": 1042}, "invalid-order"),
    ([ORDER], "not-an-object"),
]


@pytest.mark.parametrize(("body", "code"), BROKEN, ids=[code for _, code in BROKEN])
async def test_broken_order_is_refused_with_its_place(orders: Running, body: Any, code: str) -> None:
    answer = await orders.client.post("/orders", json=body)

    assert (answer.status_code, answer.json()["title"]) == (422, code)
    assert orders.wire.records == []


async def test_unknown_order_is_not_found(orders: Running) -> None:
    assert (await orders.client.get("/orders/none")).status_code == 404


SHELF = {"warehouse": "main", "sku": "tea", "at_first": 9, "on_hand": 9, "reserved": 0, "shipped": 0}
ROUTES = [
    (payment_app, {"accounts": {"ada": 500}}, "/payments", []),
    (inventory_app, {"stock": {"tea": 9}}, "/stock", [SHELF]),
    (shipping_app, {}, "/shipments", []),
    (order_app, {}, "/orders", []),
]


@pytest.mark.parametrize(("module", "seed", "route", "rows"), ROUTES, ids=["payment", "inventory", "shipping", "order"])
async def test_ledgers_can_be_read(postgres_dsn: str, module: Any, seed: Any, route: str, rows: Any) -> None:
    async with Running(module, postgres_dsn, seed=seed) as running:
        assert (await running.client.get(route)).json() == rows
        assert (await running.client.get("/ledger")).json() == []
        assert (await running.client.get("/sums")).json()["good"] is True
        assert "nothing yet" in (await running.client.get("/")).text
        assert (await running.client.get("/barrier")).json()["commands"] == 0
        assert (await running.client.get("/livez")).status_code == 200


async def test_readiness_says_what_is_missing_and_requests_get_503_meanwhile() -> None:
    loaded = load_settings(postgres_dsn="postgresql://nobody@127.0.0.1:1/none")
    service = Service(order_app.parts(loaded), loaded, Quiet, Quiet())  # type: ignore[arg-type]
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(order_app.build_app(service)), base_url="http://s") as client:
        ready, placed = await client.get("/readyz"), await client.post("/orders", json=ORDER)

    assert (ready.status_code, set(ready.json()["faults"])) == (503, {"postgres", "kafka"})
    assert (placed.status_code, placed.headers["retry-after"]) == (503, "1")
