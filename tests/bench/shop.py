"""The saga that is measured: accept → charge → reserve → ship. An order that wants what is not there is refused by `reserve`, and two
steps are undone."""

from saga import Saga
from saga.messages import Command, DomainEvent, Reply, Undone

NOT_THERE = "unobtainium"


class OrderPlaced(DomainEvent, by="order"):
    """What starts it: about what an order is made of."""

    order_id: str
    customer: str
    wants: str
    amount_minor: int


class Accepted(Reply, by="order"):
    order_ref: str


class Charged(Reply, by="payment"):
    payment_id: str


class Reserved(Reply, by="inventory"):
    reservation_id: str


class OutOfStock(Reply, by="inventory"):
    wants: str


class Shipped(Reply, by="shipping"):
    tracking: str


class AcceptOrder(Command[Accepted], to="order"):
    order_id: str
    customer: str


class RejectOrder(Command[Undone], to="order"):
    order_ref: str


class ChargeCard(Command[Charged], to="payment"):
    order_id: str
    amount_minor: int


class RefundCard(Command[Undone], to="payment"):
    payment_id: str


class ReserveGoods(Command[Reserved | OutOfStock], to="inventory", refused=OutOfStock):
    order_id: str
    wants: str


class ReleaseGoods(Command[Undone], to="inventory"):
    reservation_id: str


class ShipGoods(Command[Shipped], to="shipping"):
    order_id: str
    reservation_id: str


order = Saga("bench-order", version=1, starts_on=OrderPlaced, key=lambda placed: placed.order_id, owner="tests")


@order.step(deadline="10m")
def accept(placed: OrderPlaced) -> AcceptOrder:
    return AcceptOrder(order_id=placed.order_id, customer=placed.customer)


@accept.undo
def reject(placed: OrderPlaced, accepted: Accepted | None) -> RejectOrder:
    return RejectOrder(order_ref=accepted.order_ref if accepted else placed.order_id)


@order.step(deadline="10m")
def charge(placed: OrderPlaced, accepted: Accepted) -> ChargeCard:
    return ChargeCard(order_id=accepted.order_ref, amount_minor=placed.amount_minor)


@charge.undo
def refund(placed: OrderPlaced, charged: Charged | None) -> RefundCard:
    return RefundCard(payment_id=charged.payment_id if charged else placed.order_id)


@order.step(deadline="10m")
def reserve(placed: OrderPlaced, charged: Charged) -> ReserveGoods:
    return ReserveGoods(order_id=placed.order_id, wants=placed.wants)


@reserve.undo
def release(placed: OrderPlaced, reserved: Reserved | None) -> ReleaseGoods:
    return ReleaseGoods(reservation_id=reserved.reservation_id if reserved else placed.order_id)


@order.pivot(deadline="10m")
def ship(placed: OrderPlaced, reserved: Reserved) -> ShipGoods:
    return ShipGoods(order_id=placed.order_id, reservation_id=reserved.reservation_id)
