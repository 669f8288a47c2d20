"""A definition that cannot work: its step has no undo."""

from contracts.order import AcceptOrder, OrderPlaced
from saga import Saga

faulty = Saga("faulty", version=1, starts_on=OrderPlaced, key=lambda placed: placed.order_id)


@faulty.step(deadline="3s")
def accept_order(placed: OrderPlaced) -> AcceptOrder:
    return AcceptOrder(order_id=placed.order_id, customer_id=placed.customer_id, lines=placed.lines)
