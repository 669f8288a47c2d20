"""From the ledgers to the figures that `saga demo` prints and is judged by."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from services.demo.orders import DemoOrder, stock_for
from services.demo.store import Ledgers

UNDONE_STATES = ("rejected", "not-accepted")


@dataclass(frozen=True, slots=True)
class Figures:
    """What came of the orders. `unfinished` lists order ids; `outcomes` has seconds per outcome, for the table."""

    orders: int
    completed: int
    compensated: int
    cancelled: int
    unfinished: tuple[str, ...]
    duplicate_deliveries: int
    duplicate_effects: int
    money_captured_minor: int
    money_expected_minor: int
    stock_missing: int
    outcomes: dict[str, list[float]]


def figures_of(orders: Sequence[DemoOrder], ledgers: Ledgers, cancelled: Collection[str], never_accepted: Collection[str] = ()) -> Figures:
    """Compare what was ordered with what was done. `cancelled` are orders whose cancellation was accepted; `never_accepted` those whose
    acceptance is tombstoned in the order service: undone before it was ever done."""
    outcome = {order.order_id: _outcome(order, ledgers, cancelled, never_accepted) for order in orders}
    fulfilled = [order for order in orders if outcome[order.order_id] == "completed"]
    seconds: dict[str, list[float]] = {}
    for order_id, name in outcome.items():
        seconds.setdefault(name, []).append(ledgers.seconds.get(order_id, 0.0))
    return Figures(
        orders=len(orders),
        completed=len(fulfilled),
        compensated=sum(name == "compensated" for name in outcome.values()),
        cancelled=sum(name == "cancelled" for name in outcome.values()),
        unfinished=tuple(order_id for order_id, name in outcome.items() if name == "unfinished"),
        duplicate_deliveries=ledgers.deliveries_twice,
        duplicate_effects=ledgers.twice + ledgers.for_nothing,
        money_captured_minor=ledgers.captured_minor,
        money_expected_minor=sum(order.total_minor for order in fulfilled),
        stock_missing=_stock_missing(orders, fulfilled, ledgers),
        outcomes=seconds,
    )


def _outcome(order: DemoOrder, ledgers: Ledgers, cancelled: Collection[str], never_accepted: Collection[str]) -> str:
    state = ledgers.states.get(order.order_id)
    if state == "confirmed":
        return "completed"
    if state in UNDONE_STATES or order.order_id in never_accepted:
        return "cancelled" if order.order_id in cancelled else "compensated"
    return "unfinished"


def _stock_missing(orders: Sequence[DemoOrder], fulfilled: Sequence[DemoOrder], ledgers: Ledgers) -> int:
    """Pieces that are neither on hand nor shipped in their warehouse, that are still reserved, or that were shipped to nobody."""
    sold: dict[str, int] = {}
    for order in fulfilled:
        for sku, quantity in order.lines:
            sold[sku] = sold.get(sku, 0) + quantity
    missing = 0
    for warehouse, stock in stock_for(list(orders)).items():
        for sku, at_first in stock.items():
            on_hand, reserved, shipped = ledgers.stock.get((warehouse, sku), (0, 0, 0))
            missing += abs(at_first - on_hand - shipped) + reserved
            sold[sku] = sold.get(sku, 0) - shipped
    return missing + sum(abs(pieces) for pieces in sold.values())
