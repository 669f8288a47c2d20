"""A small shop: messages, the order saga, and shapes that are easy to think about. Compile one with `.compile()`.

FULFIL_ORDER   accept -> (authorize, reserve) -> capture (pivot) -> ship -> confirm
ONE_STEP       accept
TWO_STEPS      accept -> reserve
SIDE_BY_SIDE   (authorize, reserve) -> capture (pivot) -> ship
CONDITIONAL    wrap (when gift), authorize -> capture (pivot)
DIAMOND        accept -> (authorize, reserve) -> notify
NO_UNDO        accept -> notify (no undo) -> reserve
"""

from saga import Command, DefinitionError, DomainEvent, Reply, Retry, Saga, Undone
from saga.errors import Fault


class OrderPlaced(DomainEvent, by="order"):
    order_id: str
    lines: int = 1
    gift: bool = False


class OrderAccepted(Reply, by="order"):
    order_id: str


class AcceptOrder(Command[OrderAccepted], to="order"):
    order_id: str
    lines: int


class RejectOrder(Command[Undone], to="order"):
    order_id: str


class OrderConfirmed(Reply, by="order"):
    order_id: str


class ConfirmOrder(Command[OrderConfirmed], to="order"):
    order_id: str
    tracking: str


class CustomerNotified(Reply, by="order"):
    mail_id: str = "mail-1"


class NotifyCustomer(Command[CustomerNotified], to="order"):
    order_id: str


class PaymentAuthorized(Reply, by="payment"):
    payment_id: str


class PaymentDeclined(Reply, by="payment"):
    reason: str


class AuthorizePayment(Command[PaymentAuthorized | PaymentDeclined], to="payment", refused=PaymentDeclined):
    order_id: str


class VoidPayment(Command[Undone], to="payment"):
    order_id: str
    payment_id: str | None = None


class PaymentCaptured(Reply, by="payment"):
    payment_id: str


class CaptureRefused(Reply, by="payment"):
    reason: str


class CapturePayment(Command[PaymentCaptured | CaptureRefused], to="payment", refused=CaptureRefused):
    payment_id: str


class StockReserved(Reply, by="inventory"):
    reservation_id: str


class OutOfStock(Reply, by="inventory"):
    reason: str


class ReserveStock(Command[StockReserved | OutOfStock], to="inventory", refused=OutOfStock):
    order_id: str
    lines: int


class ReleaseStock(Command[Undone], to="inventory"):
    order_id: str


class GiftWrapped(Reply, by="inventory"):
    paper: str


class WrapGift(Command[GiftWrapped], to="inventory"):
    order_id: str


class UnwrapGift(Command[Undone], to="inventory"):
    order_id: str


class ShipmentArranged(Reply, by="shipping"):
    tracking: str


class ShipmentRejected(Reply, by="shipping"):
    reason: str


class ArrangeShipment(Command[ShipmentArranged | ShipmentRejected], to="shipping", refused=ShipmentRejected):
    order_id: str


FULFIL_ORDER = Saga("fulfil-order", version=1, starts_on=OrderPlaced, key=lambda placed: placed.order_id, owner="checkout")


@FULFIL_ORDER.step(deadline="10s")
def accept_order(placed: OrderPlaced) -> AcceptOrder:
    return AcceptOrder(order_id=placed.order_id, lines=placed.lines)


@accept_order.undo
def reject_order(placed: OrderPlaced) -> RejectOrder:
    return RejectOrder(order_id=placed.order_id)


@FULFIL_ORDER.step(deadline="30s", retry=Retry(attempts=5, first="1s", cap="1m"))
def authorize_payment(placed: OrderPlaced, order: OrderAccepted) -> AuthorizePayment:
    return AuthorizePayment(order_id=order.order_id)


@authorize_payment.undo
def void_payment(placed: OrderPlaced, payment: PaymentAuthorized | None) -> VoidPayment:
    return VoidPayment(order_id=placed.order_id, payment_id=payment.payment_id if payment else None)


@FULFIL_ORDER.step(deadline="10s")
def reserve_stock(placed: OrderPlaced, order: OrderAccepted) -> ReserveStock:
    return ReserveStock(order_id=order.order_id, lines=placed.lines)


@reserve_stock.undo
def release_stock(placed: OrderPlaced) -> ReleaseStock:
    return ReleaseStock(order_id=placed.order_id)


@FULFIL_ORDER.pivot(deadline="1m")
def capture_payment(payment: PaymentAuthorized, stock: StockReserved) -> CapturePayment:
    return CapturePayment(payment_id=payment.payment_id)


@FULFIL_ORDER.step(deadline="1h")
def ship(placed: OrderPlaced, captured: PaymentCaptured) -> ArrangeShipment:
    return ArrangeShipment(order_id=placed.order_id)


@FULFIL_ORDER.step(deadline="10s")
def confirm_order(placed: OrderPlaced, shipment: ShipmentArranged) -> ConfirmOrder:
    return ConfirmOrder(order_id=placed.order_id, tracking=shipment.tracking)


def accept(placed: OrderPlaced) -> AcceptOrder:
    return AcceptOrder(order_id=placed.order_id, lines=placed.lines)


def authorize(placed: OrderPlaced) -> AuthorizePayment:
    return AuthorizePayment(order_id=placed.order_id)


def capture(payment: PaymentAuthorized) -> CapturePayment:
    return CapturePayment(payment_id=payment.payment_id)


def reserve(placed: OrderPlaced) -> ReserveStock:
    return ReserveStock(order_id=placed.order_id, lines=placed.lines)


def notify(placed: OrderPlaced) -> NotifyCustomer:
    return NotifyCustomer(order_id=placed.order_id)


def wrap(placed: OrderPlaced) -> WrapGift:
    return WrapGift(order_id=placed.order_id)


def unwrap(placed: OrderPlaced, wrapped: GiftWrapped | None) -> UnwrapGift:
    return UnwrapGift(order_id=placed.order_id)


def arrange(placed: OrderPlaced, captured: PaymentCaptured) -> ArrangeShipment:
    return ArrangeShipment(order_id=placed.order_id)


def order_saga(name: str) -> Saga[OrderPlaced]:
    """An empty saga that an order starts."""
    return Saga(name, version=1, starts_on=OrderPlaced, key=lambda placed: placed.order_id, owner="tests")


ONE_STEP = order_saga("one-step")
ONE_STEP.step(deadline="10s")(accept).undo(reject_order)

TWO_STEPS = order_saga("two-steps")
TWO_STEPS.step(deadline="10s")(accept).undo(reject_order)
TWO_STEPS.step(deadline="10s")(reserve_stock.function).undo(release_stock)

SIDE_BY_SIDE = order_saga("side-by-side")
SIDE_BY_SIDE.step(deadline="10s")(authorize).undo(void_payment)
SIDE_BY_SIDE.step(deadline="10s")(reserve).undo(release_stock)
SIDE_BY_SIDE.pivot(deadline="1m")(capture)
SIDE_BY_SIDE.step(deadline="1h")(arrange)

CONDITIONAL = order_saga("conditional")
CONDITIONAL.step(deadline="10s", when=lambda placed: placed.gift)(wrap).undo(unwrap)
CONDITIONAL.step(deadline="10s")(authorize).undo(void_payment)
CONDITIONAL.pivot(deadline="1m")(capture)

DIAMOND = order_saga("diamond")
DIAMOND.step(deadline="10s")(accept).undo(reject_order)
DIAMOND.step(deadline="10s")(authorize_payment.function).undo(void_payment)
DIAMOND.step(deadline="10s")(reserve_stock.function).undo(release_stock)
DIAMOND.step(deadline="10s", after=["authorize_payment", "reserve_stock"], no_undo="a mail cannot be called back")(notify)

NO_UNDO = order_saga("no-undo")
NO_UNDO.step(deadline="10s")(accept).undo(reject_order)
NO_UNDO.step(deadline="10s", after=["accept"], no_undo="a mail cannot be called back")(notify)
NO_UNDO.step(deadline="10s", after=["notify"])(reserve).undo(release_stock)

SHAPES = (FULFIL_ORDER, ONE_STEP, TWO_STEPS, SIDE_BY_SIDE, CONDITIONAL, DIAMOND, NO_UNDO)


def faults_of(saga: Saga[OrderPlaced]) -> tuple[Fault, ...]:
    """Every fault that compiling finds; none if it compiles."""
    try:
        saga.compile()
    except DefinitionError as error:
        return error.faults
    return ()


def only_fault(saga: Saga[OrderPlaced]) -> Fault:
    """The one fault of a definition that has exactly one."""
    faults = faults_of(saga)
    assert len(faults) == 1, "\n".join(map(str, faults)) or "it compiles"
    return faults[0]
