"""What the commands of the payment service do. Each runs once per command id: the barrier sees to that.

The money is with a card network, outside. Only the authorization waits for it: it is long work, begun once the command id is stored, and
that id is the network's key, so a time-out or a restart asks again and finds out what happened. Capture and void are entries here; the
network is told of them afterwards by the sweep, as often as it takes, which is how card networks clear.

A hold ends when the network says. A capture that comes later is refused with reason `expired`: no money moved, the saga turns back and
undoes the rest. A void of an expired hold finds the money let go already: succeeded, and nothing is let go twice.

Why not authorize again when a hold has expired: nobody has shipped yet, undoing is cheap, and the customer may no longer have the money.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol
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
from services.cards.network import Approved, Declined, NetworkTimeout
from services.payment import store
from services.payment.domain import Payment, PaymentState, reason_not_to_capture

Authorized = Callable[[Transaction], Awaitable[PaymentAuthorized | PaymentDeclined]]


class Cards(Protocol):
    """What is asked of the card network. The same key is the same call. Raises NetworkTimeout: nobody knows whether it happened."""

    async def authorize(self, key: str, reference: str, customer_id: str, amount: Money) -> Approved | Declined:
        """Hold an amount."""

    async def settle(self, key: str) -> None:
        """Take what is held."""

    async def let_go(self, key: str) -> None:
        """Let go of what is held."""


def payment_participant(cards: Cards) -> Participant:
    """The handlers around a card network."""
    payment = Participant("payment")

    @payment.works(AuthorizePayment)
    async def authorize(command: AuthorizePayment, command_id: str) -> Authorized:
        """Have the amount held; the network knows the hold by our command id."""
        answer = await cards.authorize(command_id, command.order_id, command.customer_id, command.amount)

        async def finish(db: Transaction) -> PaymentAuthorized | PaymentDeclined:
            return await record(command, answer, db)

        return finish

    payment.undoes(AuthorizePayment, VoidPayment)(void)
    payment.handles(CapturePayment)(capture)
    return payment


async def record(command: AuthorizePayment, answer: Approved | Declined, db: Transaction) -> PaymentAuthorized | PaymentDeclined:
    """What the network said, in our books."""
    if isinstance(answer, Declined):
        await store.enter(db, "declined", command.order_id, "", command.amount)
        return PaymentDeclined(reason=answer.reason)
    held = Payment(f"pay-{uuid4()}", db.do_id, command.order_id, command.customer_id, command.amount, PaymentState.HELD, answer.expires_at)
    await store.add_payment(db, held)
    await store.enter(db, "authorized", held.order_id, held.payment_id, held.amount)
    return PaymentAuthorized(payment_id=held.payment_id, expires_at=held.expires_at)


async def void(_command: VoidPayment, db: Transaction, done: Done[AuthorizePayment]) -> None:
    """Let go of what the do holds, unless that has expired. What was captured cannot be let go."""
    held = await store.lock_payment_of(db, done.command_id)
    if held is None or held.state not in (PaymentState.HELD, PaymentState.EXPIRED):
        raise Refusal("not-held", "the payment is not on hold any more")
    if held.state is PaymentState.HELD:
        await store.move(db, held, PaymentState.VOIDED)
        await store.enter(db, "voided", held.order_id, held.payment_id, held.amount)


async def capture(command: CapturePayment, db: Transaction) -> PaymentCaptured | CaptureRefused:
    """Take the money that is held."""
    held = await store.lock_payment(db, command.payment_id)
    reason = reason_not_to_capture(held, db.now)
    if held is None or reason is not None:
        await store.enter(db, "capture-refused", "", command.payment_id, Money(minor=0, currency="XXX"))
        return CaptureRefused(payment_id=command.payment_id, reason=reason or "no-such-payment")
    await store.move(db, held, PaymentState.CAPTURED)
    await store.enter(db, "captured", held.order_id, held.payment_id, held.amount)
    db.publish(PaymentSettled(payment_id=held.payment_id, order_id=held.order_id, amount=held.amount))
    return PaymentCaptured(payment_id=held.payment_id, order_id=held.order_id, amount=held.amount)


def sweep_of(cards: Cards) -> Callable[[Transaction], Awaitable[bool]]:
    """The sweep: end one hold whose time is over, else tell the network of one hold that has ended here. False if there is neither.

    If the process dies between the network's answer and the commit, the network is told again: the same key, and nothing changes.
    """

    async def sweep(db: Transaction) -> bool:
        overdue = await store.lock_overdue(db)
        if overdue is not None:
            await store.move(db, overdue, PaymentState.EXPIRED)
            await store.enter(db, "expired", overdue.order_id, overdue.payment_id, overdue.amount)
            return True
        untold = await store.lock_untold(db)
        if untold is None:
            return False
        tell = cards.settle if untold.state is PaymentState.CAPTURED else cards.let_go
        try:
            await tell(untold.hold_key)
            await store.told(db, untold)
        except (NetworkTimeout, OSError):
            await store.tell_later(db, untold)
        return True

    return sweep
