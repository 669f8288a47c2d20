"""The shipping service on a real database: which carrier takes a parcel, and what is answered when none does."""

import asyncio

import pytest

from contracts.shipping import ArrangeShipment
from contracts.values import Address
from saga.sdk.testing import Bench, Said
from services.shipping.app import sums
from tests.integration.services_bench import carriers, change, ledger, row

pytestmark = pytest.mark.integration

ADDRESS = Address(name="Ada", street="12 St James's Square", city="London", postcode="SW1Y 4JH", country="GB")


async def arrange(bench: Bench, order_id: str = "1", do_id: str = "do", attempt: int = 1) -> Said:
    return await bench.do(ArrangeShipment(order_id=order_id, address=ADDRESS), id=do_id, attempt=str(attempt))


async def test_preferred_carrier_gets_the_parcel_and_the_next_one_when_it_is_full(postgres_dsn: str) -> None:
    async with carriers(postgres_dsn, swift={"prefix": "SW", "capacity": 2}, steady={"prefix": "ST"}) as bench:
        said = [await arrange(bench, str(n), f"do-{n}") for n in range(4)]

        assert [each.body["carrier"] for each in said] == ["swift", "swift", "steady", "steady"]
        assert [each.body["tracking_number"] for each in said][::2] == ["SW000000000001", "ST000000000001"]
        async with bench.database.reading() as db:
            assert all(each.good for each in await sums(db))


async def test_carrier_has_room_again_when_its_window_has_passed(postgres_dsn: str) -> None:
    async with carriers(postgres_dsn, swift={"capacity": 1, "window": 60.0}) as bench:
        await arrange(bench, "1", "do-1")
        full = await arrange(bench, "2", "do-2")
        await change(bench, "update shipment set at = at - interval '61 seconds'")

        assert (full.outcome, full.code) == ("failed", "carriers-full")
        assert 50_000 < int(full.headers["ce_retryafterms"]) <= 60_000
        assert (await arrange(bench, "2", "do-2", attempt=2)).outcome == "succeeded"


async def test_carriers_that_are_all_full_are_asked_again_until_one_sells_one_label(postgres_dsn: str) -> None:
    moods = {"moods": [{"marker": "full", "calls": 2, "pause": 3.0}]}
    async with carriers(postgres_dsn, swift=moods, steady={"moods": [{"marker": "full", "calls": 2, "pause": 0.7}]}) as bench:
        said = [await arrange(bench, "full", attempt=n) for n in (1, 2, 3, 4)]

        assert [each.outcome for each in said] == ["failed", "failed", "succeeded", "succeeded"]
        assert (said[0].code, said[0].headers["ce_retryafterms"]) == ("carriers-full", "700")
        assert await ledger(bench) == {"label": 1}


async def test_country_that_no_carrier_serves_is_refused_and_one_that_another_serves_is_not(postgres_dsn: str) -> None:
    async with carriers(postgres_dsn, swift={"refuses": ["GB"]}) as bench:
        said = await arrange(bench)
        assert (said.outcome, said.type, said.body) == ("refused", "ShipmentRejected", {"reason": "country-not-served"})
        assert await ledger(bench) == {"rejected": 1}
    async with carriers(postgres_dsn, swift={"refuses": ["GB"]}, steady={}) as bench:
        assert (await arrange(bench, do_id="do-2")).body["carrier"] == "steady"


async def test_carrier_that_is_full_keeps_a_parcel_that_another_never_takes_waiting(postgres_dsn: str) -> None:
    full = {"moods": [{"marker": "", "calls": 1}]}
    async with carriers(postgres_dsn, swift=full, steady={"refuses": ["GB"]}) as bench:
        assert [(await arrange(bench, attempt=n)).outcome for n in (1, 2)] == ["failed", "succeeded"]


async def test_label_numbers_are_drawn_once_each_by_orders_at_the_same_time(postgres_dsn: str) -> None:
    swift, steady = {"prefix": "SW", "capacity": 8, "latency": 0.005}, {"prefix": "ST"}
    async with carriers(postgres_dsn, swift=swift, steady=steady) as bench:
        await asyncio.gather(*(arrange(bench, str(n), f"do-{n}") for n in range(20)))

        assert await row(bench, "select count(*), count(distinct tracking_number) from shipment") == (20, 20)
        assert await row(bench, "select drawn, (select drawn from carrier where name = 'steady') from carrier where name = 'swift'") == (
            8,
            12,
        )
