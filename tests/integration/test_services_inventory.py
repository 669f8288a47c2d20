"""The inventory service on a real database: several warehouses, reservations that expire, and pieces that are never lost."""

import asyncio

import pytest

from contracts.inventory import ReleaseStock, ReserveStock, ShipOut
from contracts.values import Line
from saga.sdk.testing import Bench, Said
from services.inventory.app import sums
from tests.integration.services_bench import Opened, change, ledger, row, stocks, sweep, warehouses

pytestmark = pytest.mark.integration

TEA = (Line(sku="tea", quantity=2), Line(sku="cup", quantity=1))
FIVE = (Line(sku="tea", quantity=5),)
OVERDUE = "update reservation set expires_at = clock_timestamp()"


def out(kept: Said) -> ShipOut:
    return ShipOut(order_id="1", reservation_id=kept.body["reservation_id"], tracking_number="1Z")


async def stock(bench: Bench) -> dict[str, tuple[int, int, int]]:
    """On hand, reserved, shipped of tea, by warehouse."""
    async with bench.database.reading() as db:
        rows = await db.fetch("select * from stock where sku = 'tea' order by warehouse")
        assert all(each.good for each in await sums(db))
    return {each["warehouse"]: (each["on_hand"], each["reserved"], each["shipped"]) for each in rows}


async def test_stock_is_never_oversold_by_orders_at_the_same_time(postgres_dsn: str) -> None:  # S15 I12
    async with stocks(postgres_dsn, tea=11, cup=50) as bench:
        orders = [ReserveStock(order_id=str(n), lines=TEA if n % 2 else TEA[::-1]) for n in range(20)]
        await asyncio.gather(*(bench.gate.handle(bench.record(bench.ask(order, id=order.order_id))) for order in orders))

        assert await row(bench, "select sum(on_hand)::int, sum(reserved)::int, min(on_hand - reserved)::int from stock") == (61, 15, 1)
        assert await ledger(bench) == {"reserved": 10, "out-of-stock": 15}


async def test_nothing_of_an_order_is_reserved_when_one_line_is_short(postgres_dsn: str) -> None:
    async with stocks(postgres_dsn, cup=50, tea=1) as bench:
        said = await bench.do(ReserveStock(order_id="1", lines=TEA))

        assert (said.outcome, said.body) == ("refused", {"sku": "tea"})
        assert await row(bench, "select sum(reserved)::int from stock") == (0,)


async def test_goods_are_conserved_when_released_and_when_shipped_out(postgres_dsn: str) -> None:  # I12
    async with stocks(postgres_dsn, cup=10, tea=10) as bench:
        kept = await bench.do(ReserveStock(order_id="1", lines=TEA))
        await bench.do(ReserveStock(order_id="2", lines=TEA), id="do")
        await bench.undo("do", ReleaseStock(order_id="2"))
        out = ShipOut(order_id="1", reservation_id=kept.body["reservation_id"], tracking_number="1Z")
        said = [await bench.hand_in_all(bench.ask(out, id="out")) for _ in range(2)]

        assert [[each.type for each in answers] for answers in said] == [["StockShipped", *["StockLevelChanged"] * 2], ["StockShipped"]]
        assert await row(bench, "select on_hand, reserved, shipped from stock where sku = 'tea'") == (8, 0, 2)
        assert await ledger(bench) == {"reserved": 4, "released": 2, "shipped": 2}


def two(dsn: str) -> Opened:
    return warehouses(dsn, north={"tea": 3}, south={"tea": 4})


async def test_reservation_is_split_over_warehouses_when_none_has_it_all(postgres_dsn: str) -> None:  # I12
    async with two(postgres_dsn) as bench:
        kept = await bench.do(ReserveStock(order_id="1", lines=FIVE))
        assert kept.body["warehouses"] == ["north", "south"]
        assert await stock(bench) == {"north": (3, 1, 0), "south": (4, 4, 0)}
        said = await bench.hand_in_all(bench.ask(out(kept)))

        assert [(each.type, each.body.get("on_hand")) for each in said] == [("StockShipped", None), ("StockLevelChanged", 2)]
        assert await stock(bench) == {"north": (2, 0, 1), "south": (0, 0, 4)}


async def test_order_that_all_warehouses_together_cannot_serve_takes_nothing(postgres_dsn: str) -> None:
    async with two(postgres_dsn) as bench:
        said = await bench.do(ReserveStock(order_id="1", lines=(Line(sku="tea", quantity=8),)))

        assert (said.outcome, said.body) == ("refused", {"sku": "tea"})
        assert await stock(bench) == {"north": (3, 0, 0), "south": (4, 0, 0)}


async def test_split_reservations_at_the_same_time_sell_each_piece_once(postgres_dsn: str) -> None:  # S15 I12
    async with warehouses(postgres_dsn, north={"tea": 7}, south={"tea": 7}, west={"tea": 7}) as bench:
        orders = [ReserveStock(order_id=str(n), lines=FIVE) for n in range(12)]
        await asyncio.gather(*(bench.gate.handle(bench.record(bench.ask(order, id=order.order_id))) for order in orders))

        reserved = [each[1] for each in (await stock(bench)).values()]
        assert sum(reserved) == 20
        assert (await ledger(bench))["out-of-stock"] == 8


async def test_reservation_expires_by_the_database_clock_and_its_pieces_are_free_again(postgres_dsn: str) -> None:
    opened = two(postgres_dsn)
    async with opened as bench:
        kept = await bench.do(ReserveStock(order_id="1", lines=FIVE), id="do")
        assert await sweep(opened, bench) == 0
        assert await row(bench, "select expires_at - now() > '14 minutes' from reservation") == (True,)
        await change(bench, OVERDUE)

        assert await sweep(opened, bench) == 1
        assert await stock(bench) == {"north": (3, 0, 0), "south": (4, 0, 0)}
        assert await row(bench, "select distinct command_id, do_id from ledger where effect = 'expired'") == ("", "do")
        assert kept.body["expires_at"].endswith("Z")


async def test_reservation_that_is_overdue_and_not_swept_yet_is_shipped(postgres_dsn: str) -> None:
    opened = two(postgres_dsn)
    async with opened as bench:
        kept = await bench.do(ReserveStock(order_id="1", lines=FIVE))
        await change(bench, OVERDUE)

        assert (await bench.do(out(kept))).outcome == "succeeded"
        assert await sweep(opened, bench) == 0


async def test_undo_of_an_expired_reservation_succeeds_and_puts_nothing_back_twice(postgres_dsn: str) -> None:  # I3 I12
    opened = two(postgres_dsn)
    async with opened as bench:
        await bench.do(ReserveStock(order_id="1", lines=FIVE), id="do")
        await change(bench, OVERDUE)
        await sweep(opened, bench)
        said = [await bench.undo("do", ReleaseStock(order_id="1"), id="undo") for _ in range(2)]

        assert [each.type for each in said] == ["saga.undone.v1"] * 2
        assert await stock(bench) == {"north": (3, 0, 0), "south": (4, 0, 0)}
        assert await ledger(bench) == {"reserved": 2, "expired": 2}


async def test_paid_order_whose_reservation_expired_is_picked_again_wherever_there_are_pieces(postgres_dsn: str) -> None:
    opened = two(postgres_dsn)
    async with opened as bench:
        kept = await bench.do(ReserveStock(order_id="1", lines=(Line(sku="tea", quantity=3),)))
        await change(bench, OVERDUE)
        await sweep(opened, bench)
        await bench.do(ReserveStock(order_id="2", lines=(Line(sku="tea", quantity=2),)))
        said = [await bench.do(out(kept), id="out") for _ in range(2)]

        assert (kept.body["warehouses"], [each.outcome for each in said]) == (["north"], ["succeeded"] * 2)
        assert await stock(bench) == {"north": (3, 2, 0), "south": (1, 0, 3)}
        assert await ledger(bench) == {"reserved": 2, "expired": 1, "picked-again": 1, "shipped": 1}


async def test_paid_order_whose_pieces_have_gone_is_refused_and_ships_once_there_are_some(postgres_dsn: str) -> None:
    opened = two(postgres_dsn)
    async with opened as bench:
        kept = await bench.do(ReserveStock(order_id="1", lines=FIVE))
        await change(bench, OVERDUE)
        await sweep(opened, bench)
        await bench.do(ReserveStock(order_id="2", lines=FIVE), id="other")
        refused = await bench.do(out(kept), id="out")
        await bench.undo("other", ReleaseStock(order_id="2"))

        assert (refused.outcome, refused.code) == ("refused", "expired")
        assert (await bench.do(out(kept), id="out")).outcome == "refused"
        assert (await bench.do(out(kept), id="out of generation 1")).outcome == "succeeded"
        assert sum(shipped for _, _, shipped in (await stock(bench)).values()) == 5


async def test_sweeps_side_by_side_expire_each_reservation_once(postgres_dsn: str) -> None:  # P6
    opened = warehouses(postgres_dsn, north={"tea": 30}, south={"tea": 30})
    async with opened as bench:
        for number in range(10):
            await bench.do(ReserveStock(order_id=str(number), lines=FIVE))
        await change(bench, OVERDUE)

        assert sum(await asyncio.gather(*(sweep(opened, bench) for _ in range(4)))) == 10
        assert await stock(bench) == {"north": (30, 0, 0), "south": (30, 0, 0)}


async def test_sweep_leaves_a_reservation_that_somebody_has_in_hand_and_takes_the_next(postgres_dsn: str) -> None:  # P6
    opened = warehouses(postgres_dsn, north={"tea": 30})
    async with opened as bench:
        for number in ("1", "2"):
            await bench.do(ReserveStock(order_id=number, lines=FIVE), id=number)
        await change(bench, OVERDUE)
        async with bench.database.transaction() as db:
            await db.execute("select from reservation where do_id = '1' for update")
            assert await sweep(opened, bench) == 1

        assert await row(bench, "select do_id from ledger where effect = 'expired'") == ("2",)
        assert await sweep(opened, bench) == 1
