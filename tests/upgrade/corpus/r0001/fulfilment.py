"""The saga that fulfils an order: from an order placed to goods on their way, or everything undone."""

from tests.upgrade.corpus.r0001.inventory import ReleaseStock, ReserveStock, ShipOut, StockReserved, StockShipped
from tests.upgrade.corpus.r0001.order import AcceptOrder, ConfirmOrder, OrderAccepted, OrderPlaced, RejectOrder
from tests.upgrade.corpus.r0001.payment import AuthorizePayment, CapturePayment, PaymentAuthorized, PaymentCaptured, VoidPayment
from tests.upgrade.corpus.r0001.shipping import ArrangeShipment, ShipmentArranged
from saga import Retry, Saga

BRISK = Retry(attempts=3, first="200ms", cap="2s")

fulfil_order = Saga("fulfil-order", version=1, starts_on=OrderPlaced, key=lambda placed: placed.order_id, owner="checkout")


@fulfil_order.step(deadline="3s", retry=BRISK)
def accept_order(placed: OrderPlaced) -> AcceptOrder:
    """The order service promises to fulfil the order."""
    prices = tuple(line.price for line in placed.lines)
    return AcceptOrder(order_id=placed.order_id, customer_id=placed.customer_id, lines=placed.lines, prices=prices, total=placed.total)


@accept_order.undo
def reject_order(placed: OrderPlaced) -> RejectOrder:
    """It takes its promise back."""
    return RejectOrder(order_id=placed.order_id)


@fulfil_order.step(deadline="3s", retry=BRISK)
def authorize_payment(placed: OrderPlaced, order: OrderAccepted) -> AuthorizePayment:
    """The customer's money is held."""
    return AuthorizePayment(order_id=order.order_id, customer_id=placed.customer_id, amount=placed.total)


@authorize_payment.undo
def void_payment(placed: OrderPlaced, payment: PaymentAuthorized | None) -> VoidPayment:
    """It is let go, also when nobody knows whether it was held."""
    return VoidPayment(order_id=placed.order_id, payment_id=payment.payment_id if payment else None)


@fulfil_order.step(deadline="3s", retry=BRISK)
def reserve_stock(placed: OrderPlaced, order: OrderAccepted) -> ReserveStock:
    """The pieces are set aside, while the money is held."""
    return ReserveStock(order_id=order.order_id, lines=placed.lines)


@reserve_stock.undo
def release_stock(placed: OrderPlaced) -> ReleaseStock:
    """They are put back."""
    return ReleaseStock(order_id=placed.order_id)


@fulfil_order.pivot(deadline="5s")
def capture_payment(payment: PaymentAuthorized) -> CapturePayment:
    """The point of no return: the money is taken once everything before has succeeded."""
    return CapturePayment(payment_id=payment.payment_id)


@fulfil_order.step(deadline="5s")
def ship(placed: OrderPlaced, captured: PaymentCaptured) -> ArrangeShipment:
    """A label is bought."""
    return ArrangeShipment(order_id=captured.order_id, address=placed.address)


@fulfil_order.step(deadline="5s")
def ship_out(placed: OrderPlaced, stock: StockReserved, shipment: ShipmentArranged) -> ShipOut:
    """The reserved pieces leave the house."""
    return ShipOut(order_id=placed.order_id, reservation_id=stock.reservation_id, tracking_number=shipment.tracking_number)


@fulfil_order.step(deadline="5s")
def confirm_order(placed: OrderPlaced, shipped: StockShipped) -> ConfirmOrder:
    """The customer is told."""
    return ConfirmOrder(order_id=placed.order_id, tracking_number=shipped.tracking_number)
