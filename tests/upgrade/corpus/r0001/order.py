"""Words of the order service: it takes orders, accepts or rejects them, and confirms those that were shipped."""

from tests.upgrade.corpus.r0001.values import Address, Code, Lines, Name, PricedLines, Prices
from saga.messages import BusinessKey, Command, DomainEvent, Money, Reply, Undone


class OrderPlaced(DomainEvent, by="order"):
    """A customer ordered. Starts the order saga; `total` is the sum of the lines."""

    order_id: BusinessKey
    customer_id: BusinessKey
    lines: PricedLines
    total: Money
    address: Address


class OrderFulfilled(DomainEvent, by="order"):
    """The order was confirmed: paid and on its way."""

    order_id: BusinessKey
    tracking_number: Name


class OrderRejected(DomainEvent, by="order"):
    """An accepted order was taken back."""

    order_id: BusinessKey


class OrderAccepted(Reply, by="order"):
    """The order service will fulfil this order."""

    order_id: BusinessKey


class OrderNotAccepted(Reply, by="order"):
    """The order service will not fulfil this order; `reason` is for machines."""

    order_id: BusinessKey
    reason: Code


class AcceptOrder(Command[OrderAccepted | OrderNotAccepted], to="order", refused=OrderNotAccepted):
    """Check the order and promise to fulfil it: `prices`, of one piece line by line, must add up to `total` if both are given."""

    order_id: BusinessKey
    customer_id: BusinessKey
    lines: Lines
    prices: Prices | None = None
    total: Money | None = None


class RejectOrder(Command[Undone], to="order"):
    """Take back the promise to fulfil this order: undoes AcceptOrder."""

    order_id: BusinessKey


class OrderConfirmed(Reply, by="order"):
    """The customer was told that the goods are on their way."""

    order_id: BusinessKey


class ConfirmOrder(Command[OrderConfirmed], to="order"):
    """Tell the customer that the goods are on their way."""

    order_id: BusinessKey
    tracking_number: Name
