"""The order service on a real database: what becomes of orders, and what never does."""

import pytest

from contracts.order import AcceptOrder, ConfirmOrder, RejectOrder
from contracts.values import Line
from saga.messages import Money
from saga.sdk.settings import load_settings
from saga.sdk.testing import Said
from services.order.app import parts as order_parts
from tests.integration.services_bench import Opened, eur, ledger, row

pytestmark = pytest.mark.integration


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


@pytest.mark.parametrize(("prices", "total", "outcome"), [((5,), 15, "succeeded"), ((5,), 14, "refused"), ((5, 5), 15, "refused")])
async def test_order_is_accepted_only_if_its_total_fits_its_lines(
    postgres_dsn: str, prices: tuple[int, ...], total: int, outcome: str
) -> None:
    priced: dict[str, tuple[Money, ...] | Money] = {"prices": tuple(eur(each) for each in prices), "total": eur(total)}
    async with Opened(order_parts(load_settings()), postgres_dsn) as bench:
        said = await bench.do(accept(quantity=3).model_copy(update=priced))

        assert (said.outcome, said.body.get("reason", "wrong-total")) == (outcome, "wrong-total")
        assert await ledger(bench) == {"accepted" if outcome == "succeeded" else "not-accepted": 1}


async def test_acceptance_of_an_order_that_is_not_open_leaves_it_as_it_is(postgres_dsn: str) -> None:
    async with Opened(order_parts(load_settings()), postgres_dsn) as bench:
        await bench.do(accept())
        said = await bench.do(accept(quantity=501))

        assert (said.outcome, said.body["reason"]) == ("refused", "not-open")
        assert await row(bench, "select state from purchase") == ("accepted",)
