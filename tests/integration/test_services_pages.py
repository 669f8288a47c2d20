"""The pages of the services' ledgers: text only, a page at a time, sums that add up; and holds that end by themselves."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from contracts.inventory import ReserveStock
from contracts.values import Line
from saga.sdk.testing import Bench
from services.inventory import app as inventory_app
from services.inventory.handlers import inventory
from services.order import app as order_app
from tests.integration.participants import eventually
from tests.integration.test_services_http import ORDER, Running

pytestmark = pytest.mark.integration

SCRIPT = "<script>alert('x')</script>"
HOSTILE = [{"after": -1}, {"after": 2**63}, {"limit": 0}, {"limit": 1_001}, {"order_id": "a\x00b"}, {"order_id": "x" * 201}]


@pytest.fixture
async def orders(postgres_dsn: str) -> AsyncIterator[Running]:
    async with Running(order_app, postgres_dsn) as running:
        yield running


async def place(running: Running, *order_ids: str) -> None:
    for order_id in order_ids:
        answer = await running.client.post("/orders", json={**ORDER, "order_id": order_id})
        assert answer.status_code == 201


async def test_a_script_in_an_order_id_stays_text_on_a_page_that_runs_none(orders: Running) -> None:  # A11
    await place(orders, SCRIPT)
    whole, of_one = await orders.client.get("/"), await orders.client.get("/", params={"order_id": SCRIPT})

    for page in (whole, of_one):
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "<script" not in page.text.lower()
        assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;" in page.text
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "script-src" not in policy
        assert "unsafe" not in policy
    assert 'href="?order_id=%3Cscript%3E' in whole.text


async def test_ledger_is_read_to_its_end_a_page_at_a_time_and_by_order(orders: Running) -> None:
    await place(orders, *(f"order-{n}" for n in range(7)))
    read: list[dict[str, Any]] = []
    while page := (await orders.client.get("/ledger", params={"after": read[-1]["entry"] if read else 0, "limit": 3})).json():
        assert len(page) <= 3
        read += page

    assert [entry["order_id"] for entry in read] == [f"order-{n}" for n in range(7)]
    [only] = (await orders.client.get("/ledger", params={"order_id": "order-4"})).json()
    assert only == read[4]
    assert [order["order_id"] for order in (await orders.client.get("/orders?after=order-4")).json()] == ["order-5", "order-6"]


async def test_page_shows_the_newest_first_and_leads_to_what_is_older(orders: Running) -> None:
    await place(orders, *(f"order-{n:02}-" for n in range(51)))
    newest = (await orders.client.get("/")).text
    older = newest.partition('rel="next" href="')[2].partition('"')[0]
    rest = (await orders.client.get(f"/{older}")).text

    assert [f"order-{n:02}-" in newest for n in (50, 1, 0)] == [True, True, False]
    assert "order-00-" in rest
    assert 'rel="next"' not in rest
    assert "placed, by order and by ledger: 51, both ways" in rest


async def test_history_of_an_order_says_when_it_came_into_which_state(orders: Running) -> None:
    await place(orders, "1042", "other")
    [placed] = (await orders.client.get("/orders/1042/history")).json()

    assert (placed["state"], placed["command_id"], placed["at"][-1]) == ("placed", "", "Z")
    assert (await orders.client.get("/orders/1042/history", params={"after": placed["entry"]})).json() == []


async def test_sums_that_do_not_add_up_are_said_to_be_wrong(orders: Running) -> None:
    await place(orders, "1042")
    async with orders.service.transaction(b"") as db:
        await db.execute("delete from ledger")

    sums = (await orders.client.get("/sums")).json()
    assert (sums["good"], sums["sums"]) == (
        False,
        [{"text": "placed, by order and by ledger", "one_way": 1, "other_way": 0, "good": False}],
    )
    assert "1 one way, 0 the other: WRONG" in (await orders.client.get("/")).text


@pytest.mark.parametrize("parameters", HOSTILE, ids=str)
async def test_impossible_questions_are_refused(orders: Running, parameters: dict[str, Any]) -> None:
    assert (await orders.client.get("/ledger", params=parameters)).status_code == 422
    assert (await orders.client.get("/orders/a%00b")).status_code == 422


async def test_running_service_ends_reservations_whose_time_is_over(postgres_dsn: str) -> None:
    async with Running(inventory_app, postgres_dsn, seed={"stock": {"tea": 9}, "hold_seconds": 0.2}) as running:
        async with Bench(inventory, postgres_dsn) as bench:
            await bench.do(ReserveStock(order_id="1", lines=(Line(sku="tea", quantity=2),)))

        async def expired() -> bool:
            return [row["effect"] for row in (await running.client.get("/ledger")).json()] == ["reserved", "expired"]

        await eventually(expired)
        assert (await running.client.get("/stock")).json()[0]["reserved"] == 0
        assert (await running.client.get("/sums")).json()["good"] is True


async def test_sweep_that_fails_is_named_and_the_service_is_not_ready_meanwhile(postgres_dsn: str) -> None:
    async with Running(inventory_app, postgres_dsn, seed={"stock": {"tea": 9}}) as running:
        async with running.service.transaction(b"") as db:
            await db.execute("alter table reservation rename to elsewhere")

        async def named() -> bool:
            answer = await running.client.get("/readyz")
            return bool(answer.json()["faults"] == {"sweep": "stopped by UndefinedTableError"})

        await eventually(named)
