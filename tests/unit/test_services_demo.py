"""The demonstration's orders and its check: every trouble is among them, and the check finds what is wrong."""

from collections import Counter

import pytest

from services.demo.figures import figures_of
from services.demo.orders import KINDS, RARE, DemoOrder, accounts_for, make_orders, price_of, stock_for
from services.demo.store import Ledgers
from services.inventory.domain import Stock, pick, short_of

ORDERS = make_orders(60, seed=7)


def ledgers(stock: dict[tuple[str, str], tuple[int, int, int]], state: str = "confirmed", captured: int = 0) -> Ledgers:
    states = {order.order_id: state for order in ORDERS}
    return Ledgers(states, {}, 0, 0, captured, stock, 0, frozenset())


def untouched() -> dict[tuple[str, str], tuple[int, int, int]]:
    return {(warehouse, sku): (pieces, 0, 0) for warehouse, stock in stock_for(ORDERS).items() for sku, pieces in stock.items()}


def test_every_kind_of_order_is_there_and_costs_what_its_lines_cost() -> None:
    assert set(Counter(order.kind for order in ORDERS)) == set(KINDS)
    assert all(order.total_minor == sum(price_of(sku) * pieces for sku, pieces in order.lines) for order in ORDERS)
    assert make_orders(60, seed=7) == ORDERS


@pytest.mark.parametrize("order", [order for order in ORDERS if order.kind == "split"], ids=lambda order: order.order_id)
def test_a_split_order_takes_pieces_of_two_warehouses(order: DemoOrder) -> None:
    stock = [Stock(warehouse, sku, pieces, 0) for warehouse, shelf in stock_for(ORDERS).items() for sku, pieces in shelf.items()]

    assert [each.warehouse for each in pick(dict(order.lines), stock)] == ["north", "south"]


def test_there_is_stock_and_money_for_all_but_those_that_must_fail() -> None:
    wanted: Counter[str] = Counter()
    for order in ORDERS:
        wanted.update(dict(order.lines))
    del wanted[RARE]
    assert short_of(wanted, [Stock("", sku, pieces, 0) for shelf in stock_for(ORDERS).values() for sku, pieces in shelf.items()]) is None
    assert all(order.total_minor <= accounts_for(ORDERS)[order.customer_id] for order in ORDERS if order.kind != "declined")


def test_check_finds_pieces_that_are_missing_in_one_warehouse_and_too_many_in_another() -> None:  # I12
    stock = untouched()
    assert figures_of(ORDERS, ledgers(stock, "rejected"), ()).stock_missing == 0
    on_hand, _, _ = stock["north", "sku-01"]
    stock["north", "sku-01"] = (on_hand - 1, 0, 0)
    stock["south", "sku-01"] = (stock["south", "sku-01"][0] + 1, 0, 0)

    assert figures_of(ORDERS, ledgers(stock, "rejected"), ()).stock_missing == 2


def test_check_finds_pieces_that_are_still_reserved_and_orders_that_got_none() -> None:  # I12
    stock = untouched()
    on_hand, _, _ = stock["north", "sku-01"]
    stock["north", "sku-01"] = (on_hand, 3, 0)

    assert figures_of(ORDERS, ledgers(stock, "rejected"), ()).stock_missing == 3
    sold = sum(pieces for order in ORDERS for _, pieces in order.lines)
    assert figures_of(ORDERS, ledgers(untouched()), ()).stock_missing == sold
