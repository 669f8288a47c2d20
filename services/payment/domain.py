"""The rules of money on hold. Pure: no database, no clock."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from saga.messages import Money


class PaymentState(StrEnum):
    """Money is held until it is let go or taken; a hold that nobody used in time ends by itself."""

    HELD = "held"
    EXPIRED = "expired"
    VOIDED = "voided"
    CAPTURED = "captured"


@dataclass(frozen=True, slots=True)
class Payment:
    """An amount that was held for an order. `hold_key` is what the card network knows it by."""

    payment_id: str
    hold_key: str
    order_id: str
    customer_id: str
    amount: Money
    state: PaymentState
    expires_at: datetime


def reason_not_to_capture(payment: Payment | None, now: datetime) -> str | None:
    """Why this payment cannot be captured, or None. The network stands by a hold until it ends and not a moment longer."""
    if payment is None:
        return "no-such-payment"
    if payment.state is PaymentState.EXPIRED:
        return "expired"
    if payment.state is not PaymentState.HELD:
        return "not-held"
    return "expired" if payment.expires_at <= now else None
