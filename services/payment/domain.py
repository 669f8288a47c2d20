"""The rules of money on hold. Pure: no database, no clock."""

from dataclasses import dataclass
from enum import StrEnum

from saga.messages import Money


class PaymentState(StrEnum):
    """Money is held until it is let go or taken."""

    HELD = "held"
    VOIDED = "voided"
    CAPTURED = "captured"


@dataclass(frozen=True, slots=True)
class Account:
    """A customer's money in minor units. `held` is part of `balance` and promised to somebody."""

    customer_id: str
    currency: str
    balance: int
    held: int


@dataclass(frozen=True, slots=True)
class Payment:
    """An amount that was held for an order."""

    payment_id: str
    order_id: str
    customer_id: str
    amount: Money
    state: PaymentState


def reason_to_decline(account: Account | None, amount: Money) -> str | None:
    """Why this amount cannot be held, or None."""
    if account is None:
        return "no-account"
    if amount.minor <= 0:
        return "bad-amount"
    if amount.currency != account.currency:
        return "other-currency"
    if account.balance - account.held < amount.minor:
        return "insufficient-funds"
    return None


def reason_not_to_capture(payment: Payment | None) -> str | None:
    """Why this payment cannot be captured, or None."""
    if payment is None:
        return "no-such-payment"
    return None if payment.state is PaymentState.HELD else "not-held"
