"""The four services on a real database: what their commands do, what they never do, and what their ledgers show of it."""

import asyncio
from collections import Counter
from contextlib import AbstractAsyncContextManager

import pytest

from contracts.inventory import ReleaseStock, ReserveStock, ShipOut
from contracts.order import AcceptOrder, ConfirmOrder, RejectOrder
from contracts.payment import AuthorizePayment, CapturePayment, VoidPayment
from contracts.shipping import ArrangeShipment
from contracts.values import Address, Line
from saga.messages import Money
from saga.sdk.service import Parts
from saga.sdk.settings import load_settings
from saga.sdk.testing import Bench, Said
from services.inventory.app import parts as inventory_parts
from services.order.app import parts as order_parts
from services.payment.app import parts as payment_parts
from services.shipping.app import parts as shipping_parts

pytestmark = pytest.mark.integration

ADDRESS = Address(name="Ada", street="12 St James's Square", city="London", postcode="SW1Y 4JH", country="GB")
TEA = (Line(sku="tea", quantity=2), Line(sku="cup", quantity=1))


def authorize(order_id: str = "1", minor: int = 4_000) -> AuthorizePayment:
    return AuthorizePayment(order_id=order_id, customer_id="ada", amount=Money(minor=minor, currency="EUR"))


async def opened(parts: Parts, dsn: str) -> Bench:
    bench = Bench(parts.participant, dsn, scripts=parts.scripts)
    await bench.database.open()
    async with bench.database.transaction() as db:
        await parts.seed(db)
    return bench


class Opened(AbstractAsyncContextManager[Bench]):
    """A service's bench with its tables seeded."""

    def __init__(self, parts: Parts, dsn: str) -> None:
        self._parts, self._dsn = parts, dsn

    async def __aenter__(self) -> Bench:
        self._bench = await opened(self._parts, self._dsn)
        return self._bench

    async def __aexit__(self, *_: object) -> None:
        await self._bench.database.close()


def payments(dsn: str, balance: int = 10_000) -> Opened:
    return Opened(payment_parts(load_settings(seed={"accounts": {"ada": balance}})), dsn)


def stocks(dsn: str, **stock: int) -> Opened:
    return Opened(inventory_parts(load_settings(seed={"stock": stock})), dsn)


async def row(bench: Bench, query: str) -> tuple[object, ...]:
    async with bench.database.reading() as db:
        found = await db.fetchrow(query)
    assert found is not None
    return tuple(found.values())


async def ledger(bench: Bench) -> Counter[str]:
    async with bench.database.reading() as db:
        return Counter(row["effect"] for row in await db.fetch("select effect from ledger"))


ACCOUNT = "select balance, held from account where customer_id = 'ada'"


async def test_payment_is_held_then_captured(postgres_dsn: str) -> None:
    async with payments(postgres_dsn) as bench:
        held = await bench.do(authorize())
        assert await row(bench, ACCOUNT) == (10_000, 4_000)
        said = await bench.hand_in_all(bench.ask(CapturePayment(payment_id=held.body["payment_id"])))

        assert [each.type for each in said] == ["PaymentCaptured", "PaymentSettled"]
        assert said[0].body["order_id"] == "1"
        assert await row(bench, ACCOUNT) == (6_000, 0)
        assert await ledger(bench) == {"authorized": 1, "captured": 1}


async def test_payment_is_voided_by_the_id_of_its_do_alone(postgres_dsn: str) -> None:
    async with payments(postgres_dsn) as bench:
        held = await bench.do(authorize(), id="do")
        assert (await bench.undo("do", VoidPayment(order_id="1"))).outcome == "succeeded"
        assert (await bench.undo("do", VoidPayment(order_id="1"))).outcome == "succeeded"
        refused = await bench.do(CapturePayment(payment_id=held.body["payment_id"]))

        assert (refused.outcome, refused.body["reason"]) == ("refused", "not-held")
        assert await row(bench, ACCOUNT) == (10_000, 0)
        assert await ledger(bench) == {"authorized": 1, "voided": 1, "capture-refused": 1}


async def test_captured_payment_is_not_voided(postgres_dsn: str) -> None:
    async with payments(postgres_dsn) as bench:
        held = await bench.do(authorize(), id="do")
        await bench.do(CapturePayment(payment_id=held.body["payment_id"]))

        assert (await bench.undo("do", VoidPayment(order_id="1"))).outcome == "refused"
        assert await row(bench, ACCOUNT) == (6_000, 0)


async def test_account_is_never_overdrawn_by_orders_at_the_same_time(postgres_dsn: str) -> None:  # I12
    async with payments(postgres_dsn, balance=10_000) as bench:
        await asyncio.gather(*(bench.gate.handle(bench.record(bench.ask(authorize(str(n), 3_000)))) for n in range(12)))

        assert await ledger(bench) == {"authorized": 3, "declined": 9}
        assert await row(bench, ACCOUNT) == (10_000, 9_000)


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


async def test_busy_carrier_is_asked_again_until_it_sells_one_label(postgres_dsn: str) -> None:
    parts = shipping_parts(load_settings(seed={"carrier": {"busy_share": 1.0, "busy_calls": 2}}))
    async with Opened(parts, postgres_dsn) as bench:
        ask = ArrangeShipment(order_id="1", address=ADDRESS)
        said = [await bench.do(ask, id="do", attempt=str(n)) for n in (1, 2, 3, 4)]

        assert [each.outcome for each in said] == ["failed", "failed", "succeeded", "succeeded"]
        assert (said[0].code, said[0].headers["ce_retryafterms"]) == ("carrier-busy", "200")
        assert await ledger(bench) == {"label": 1}


async def test_carrier_that_never_serves_a_country_refuses(postgres_dsn: str) -> None:
    parts = shipping_parts(load_settings(seed={"carrier": {"refuses": ["GB"]}}))
    async with Opened(parts, postgres_dsn) as bench:
        said = await bench.do(ArrangeShipment(order_id="1", address=ADDRESS))

        assert (said.outcome, said.type, said.body) == ("refused", "ShipmentRejected", {"reason": "country-not-served"})


def accept(order_id: str = "1", quantity: int = 1) -> AcceptOrder:
    return AcceptOrder(order_id=order_id, customer_id="ada", lines=(Line(sku="tea", quantity=quantity),))


async def test_order_is_accepted_and_confirmed(postgres_dsn: str) -> None:
    async with Opened(order_parts(load_settings()), postgres_dsn) as bench:
        await bench.do(accept(), id="do")
        said = await bench.hand_in_all(bench.ask(ConfirmOrder(order_id="1", tracking_number="1Z")))

        assert [each.type for each in said] == ["OrderConfirmed", "OrderFulfilled"]
        assert (await bench.undo("do", RejectOrder(order_id="1"))).code == "not-accepted"
        assert await ledger(bench) == {"accepted": 1, "confirmed": 1}


async def test_order_is_accepted_and_taken_back(postgres_dsn: str) -> None:
    async with Opened(order_parts(load_settings()), postgres_dsn) as bench:
        await bench.do(accept(), id="do")
        said: list[Said] = await bench.hand_in_all(bench.ask(RejectOrder(order_id="1"), undoes="do"))

        assert [each.headers["ce_type"].split(".")[-2] for each in said] == ["undone", "OrderRejected"]
        assert (await bench.do(ConfirmOrder(order_id="1", tracking_number="1Z"))).code == "not-accepted"
        assert await ledger(bench) == {"accepted": 1, "rejected": 1}


async def test_order_too_large_is_not_accepted(postgres_dsn: str) -> None:
    async with Opened(order_parts(load_settings()), postgres_dsn) as bench:
        said = await bench.do(accept(quantity=501))

        assert (said.outcome, said.body["reason"]) == ("refused", "too-many-pieces")
