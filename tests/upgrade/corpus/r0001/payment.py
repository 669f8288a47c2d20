"""Words of the payment service: it holds money of a customer's account, lets it go, or captures it."""

from pydantic import AwareDatetime

from tests.upgrade.corpus.r0001.values import Code, Name
from saga.messages import BusinessKey, Command, DomainEvent, Money, Reply, Undone


class PaymentAuthorized(Reply, by="payment"):
    """The amount is held until it is captured or voided, at most until `expires_at`."""

    payment_id: Name
    expires_at: AwareDatetime | None = None


class PaymentDeclined(Reply, by="payment"):
    """Nothing is held; `reason` is for machines."""

    reason: Code


class AuthorizePayment(Command[PaymentAuthorized | PaymentDeclined], to="payment", refused=PaymentDeclined):
    """Hold an amount of the customer's money."""

    order_id: BusinessKey
    customer_id: BusinessKey
    amount: Money


class VoidPayment(Command[Undone], to="payment"):
    """Let go of what AuthorizePayment holds. `payment_id` is missing when nobody knows whether it holds anything."""

    order_id: BusinessKey
    payment_id: Name | None = None


class PaymentCaptured(Reply, by="payment"):
    """The money has changed hands."""

    payment_id: Name
    order_id: BusinessKey
    amount: Money


class CaptureRefused(Reply, by="payment"):
    """No money has changed hands, and none will for this command; `reason` is for machines."""

    payment_id: Name
    reason: Code


class CapturePayment(Command[PaymentCaptured | CaptureRefused], to="payment", refused=CaptureRefused):
    """Take the money that is held: the point of no return."""

    payment_id: Name


class PaymentSettled(DomainEvent, by="payment"):
    """Money has changed hands, for whoever keeps books."""

    payment_id: Name
    order_id: BusinessKey
    amount: Money
