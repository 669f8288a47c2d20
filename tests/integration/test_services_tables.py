"""A service that starts on the tables of its first release: it changes them once and loses no row."""

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from contracts.inventory import ReserveStock, ShipOut
from contracts.payment import CapturePayment
from contracts.values import Line
from saga.errors import Unavailable
from saga.sdk.barrier.database import Database
from saga.sdk.testing import Bench
from services.inventory.app import sums as inventory_sums
from services.payment.app import sums as payment_sums
from tests.integration.services_bench import Opened, carriers, payments, row, stocks, sweep

pytestmark = pytest.mark.integration

FIRST = Path(__file__).parent / "first_tables"


async def first_tables(opened: Opened, dsn: str) -> Opened:
    participant = opened.parts.participant
    database = Database(participant, dsn, scripts=[(FIRST / f"{participant.name}.sql").read_text()])
    await database.open()
    await database.close()
    return opened


async def add_up(bench: Bench, sums: Any) -> bool:
    async with bench.database.reading() as db:
        return all(each.good for each in await sums(db))


async def test_stock_of_one_warehouse_lies_in_main_and_its_reservations_never_expire(postgres_dsn: str) -> None:  # L8
    opened = await first_tables(stocks(postgres_dsn, tea=100), postgres_dsn)
    async with opened as bench:
        assert await row(bench, "select warehouse, at_first, on_hand, reserved, shipped from stock") == ("main", 9, 8, 2, 1)
        assert await add_up(bench, inventory_sums)
        assert await sweep(opened, bench) == 0
        await bench.do(ReserveStock(order_id="3", lines=(Line(sku="tea", quantity=6),)))
        said = await bench.do(ShipOut(order_id="1", reservation_id="res-1", tracking_number="1Z"))

        assert said.outcome == "succeeded"
        assert await row(bench, "select on_hand, reserved, shipped from stock") == (6, 6, 3)
        assert await add_up(bench, inventory_sums)


async def test_payment_that_was_held_by_ourselves_is_captured_and_the_network_ignores_what_it_does_not_know(postgres_dsn: str) -> None:
    opened = await first_tables(payments(postgres_dsn), postgres_dsn)
    async with opened as bench:
        said = await bench.do(CapturePayment(payment_id="pay-1"))

        assert (said.outcome, await sweep(opened, bench)) == ("succeeded", 1)
        assert await add_up(bench, payment_sums)


async def test_replicas_may_change_the_tables_at_the_same_time(postgres_dsn: str) -> None:  # P8
    for opened in (stocks(postgres_dsn), payments(postgres_dsn), carriers(postgres_dsn, swift={})):
        await first_tables(opened, postgres_dsn)

        async def start(opened: Opened = opened) -> None:
            async with Opened(opened.parts, postgres_dsn):
                pass

        await asyncio.gather(*(start() for _ in range(3)))


async def test_an_instance_begins_beside_one_at_work_without_waiting_for_its_tables(postgres_dsn: str) -> None:  # P8
    opened = stocks(postgres_dsn, tea=5)
    async with opened as bench, bench.database.transaction() as db:
        for table in ("barrier", "outbox", "stock", "reservation", "ledger"):
            await db.execute(f"lock table {table} in row exclusive mode")
        async with asyncio.timeout(5), Opened(opened.parts, postgres_dsn):
            pass


async def test_tables_that_others_hold_are_waited_for_and_nobody_dies_of_it(postgres_dsn: str) -> None:  # P8
    opened = await first_tables(stocks(postgres_dsn), postgres_dsn)
    connection = await asyncpg.connect(postgres_dsn)
    async with connection.transaction():
        await connection.execute("lock table inventory.stock in row exclusive mode")
        with pytest.raises(Unavailable, match="while others work on them"):
            await Database(opened.parts.participant, postgres_dsn, scripts=opened.parts.scripts).open()
    await connection.close()
    async with opened:
        pass
