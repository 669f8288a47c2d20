"""What the commands of the payment service do. Each runs once per command id: the barrier sees to that."""

from uuid import uuid4

from contracts.payment import (
    AuthorizePayment,
    CapturePayment,
    CaptureRefused,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentDeclined,
    PaymentSettled,
    VoidPayment,
)
from saga.messages import Money
from saga.sdk import Done, Participant, Refusal, Transaction
from services.payment import store
from services.payment.domain import Payment, PaymentState, reason_not_to_capture, reason_to_decline

payment = Participant("payment")


@payment.handles(AuthorizePayment)
async def authorize(command: AuthorizePayment, db: Transaction) -> PaymentAuthorized | PaymentDeclined:
    """Hold the amount, if the account has it."""
    account = await store.lock_account(db, command.customer_id)
    reason = reason_to_decline(account, command.amount)
    if reason is not None:
        await store.enter(db, "declined", command.order_id, "", command.amount)
        return PaymentDeclined(reason=reason)
    held = Payment(f"pay-{uuid4()}", command.order_id, command.customer_id, command.amount, PaymentState.HELD)
    await store.add_payment(db, held)
    await store.enter(db, "authorized", held.order_id, held.payment_id, held.amount)
    return PaymentAuthorized(payment_id=held.payment_id)


@payment.undoes(AuthorizePayment, VoidPayment)
async def void(_command: VoidPayment, db: Transaction, done: Done[AuthorizePayment]) -> None:
    """Let go of what the do holds. What was captured cannot be let go."""
    held = await store.lock_payment_of(db, done.command_id)
    if held is None or held.state is not PaymentState.HELD:
        raise Refusal("not-held", "the payment is not on hold any more")
    await store.void(db, held)
    await store.enter(db, "voided", held.order_id, held.payment_id, held.amount)


@payment.handles(CapturePayment)
async def capture(command: CapturePayment, db: Transaction) -> PaymentCaptured | CaptureRefused:
    """Take the money that is held."""
    held = await store.lock_payment(db, command.payment_id)
    reason = reason_not_to_capture(held)
    if held is None or reason is not None:
        await store.enter(db, "capture-refused", "", command.payment_id, Money(minor=0, currency="XXX"))
        return CaptureRefused(payment_id=command.payment_id, reason=reason or "no-such-payment")
    await store.capture(db, held)
    await store.enter(db, "captured", held.order_id, held.payment_id, held.amount)
    db.publish(PaymentSettled(payment_id=held.payment_id, order_id=held.order_id, amount=held.amount))
    return PaymentCaptured(payment_id=held.payment_id, order_id=held.order_id, amount=held.amount)
