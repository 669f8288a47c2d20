"""What the commands of the order service do. Each runs once per command id: the barrier sees to that."""

from contracts.order import (
    AcceptOrder,
    ConfirmOrder,
    OrderAccepted,
    OrderConfirmed,
    OrderFulfilled,
    OrderNotAccepted,
    OrderRejected,
    RejectOrder,
)
from saga.sdk import Done, Participant, Refusal, Transaction
from services.order import store
from services.order.domain import OrderState, fits, reason_not_to_accept

order = Participant("order")


@order.handles(AcceptOrder)
async def accept(command: AcceptOrder, db: Transaction) -> OrderAccepted | OrderNotAccepted:
    """Promise to fulfil the order, or say why not."""
    fitting = fits(command.lines, command.prices, command.total)
    reason = reason_not_to_accept(await store.lock_state(db, command.order_id), command.lines, fitting=fitting)
    if reason == "not-open":
        await store.enter(db, reason, command.order_id)
        return OrderNotAccepted(order_id=command.order_id, reason=reason)
    state = OrderState.ACCEPTED if reason is None else OrderState.NOT_ACCEPTED
    await store.move(db, command.order_id, command.customer_id, state)
    await store.enter(db, state, command.order_id)
    if reason is not None:
        return OrderNotAccepted(order_id=command.order_id, reason=reason)
    return OrderAccepted(order_id=command.order_id)


@order.undoes(AcceptOrder, RejectOrder)
async def reject(_command: RejectOrder, db: Transaction, done: Done[AcceptOrder]) -> None:
    """Take back the promise. What was confirmed cannot be taken back."""
    if await store.lock_state(db, done.command.order_id) is not OrderState.ACCEPTED:
        raise Refusal("not-accepted", "the order is not accepted any more")
    await store.move(db, done.command.order_id, done.command.customer_id, OrderState.REJECTED)
    await store.enter(db, OrderState.REJECTED, done.command.order_id)
    db.publish(OrderRejected(order_id=done.command.order_id))


@order.handles(ConfirmOrder)
async def confirm(command: ConfirmOrder, db: Transaction) -> OrderConfirmed:
    """The goods are on their way."""
    if not await store.confirm(db, command.order_id, command.tracking_number):
        raise Refusal("not-accepted", "the order is not accepted")
    await store.enter(db, OrderState.CONFIRMED, command.order_id)
    db.publish(OrderFulfilled(order_id=command.order_id, tracking_number=command.tracking_number))
    return OrderConfirmed(order_id=command.order_id)
