"""The saga of the orders that are good: short, with spans so long that no flood of bad records makes a step late."""

from contracts.inventory import ReleaseStock, ReserveStock, StockReserved
from contracts.order import AcceptOrder, ConfirmOrder, OrderAccepted, OrderPlaced, RejectOrder
from contracts.payment import AuthorizePayment, CapturePayment, PaymentAuthorized, PaymentCaptured, VoidPayment
from saga import Retry, Saga

PATIENT = Retry(attempts=5, first="200ms", cap="1s")

order_bank = Saga("order-bank", version=1, starts_on=OrderPlaced, key=lambda placed: placed.order_id, owner="proof")


@order_bank.step(deadline="10m", retry=PATIENT)
def accept_order(placed: OrderPlaced) -> AcceptOrder:
    return AcceptOrder(order_id=placed.order_id, customer_id=placed.customer_id, lines=placed.lines)


@accept_order.undo
def reject_order(placed: OrderPlaced) -> RejectOrder:
    return RejectOrder(order_id=placed.order_id)


@order_bank.step(deadline="10m", retry=PATIENT)
def authorize_payment(placed: OrderPlaced, order: OrderAccepted) -> AuthorizePayment:
    return AuthorizePayment(order_id=placed.order_id, customer_id=placed.customer_id, amount=placed.total)


@authorize_payment.undo
def void_payment(placed: OrderPlaced, payment: PaymentAuthorized | None) -> VoidPayment:
    return VoidPayment(order_id=placed.order_id, payment_id=payment.payment_id if payment else None)


@order_bank.step(deadline="10m", retry=PATIENT)
def reserve_stock(placed: OrderPlaced, order: OrderAccepted) -> ReserveStock:
    return ReserveStock(order_id=placed.order_id, lines=placed.lines)


@reserve_stock.undo
def release_stock(placed: OrderPlaced) -> ReleaseStock:
    return ReleaseStock(order_id=placed.order_id)


@order_bank.pivot(deadline="10m")
def capture_payment(payment: PaymentAuthorized, stock: StockReserved) -> CapturePayment:
    return CapturePayment(payment_id=payment.payment_id)


@order_bank.step(deadline="10m")
def confirm_order(placed: OrderPlaced, captured: PaymentCaptured) -> ConfirmOrder:
    return ConfirmOrder(order_id=placed.order_id, tracking_number=captured.payment_id)
