"""The rules of orders. Pure: no database, no clock."""

from collections.abc import Iterable
from enum import StrEnum

from contracts.values import Line, PricedLine
from saga.messages import Money

MAX_PIECES = 500


class OrderState(StrEnum):
    """The life of an order."""

    PLACED = "placed"
    ACCEPTED = "accepted"
    NOT_ACCEPTED = "not-accepted"
    REJECTED = "rejected"
    CONFIRMED = "confirmed"


def total_of(lines: Iterable[PricedLine]) -> Money:
    """What the lines cost together. Raises ContractError for two currencies, ValueError without a line."""
    first, *rest = lines
    total = first.price.times(first.quantity)
    for line in rest:
        total += line.price.times(line.quantity)
    return total


def reason_not_to_accept(state: OrderState | None, lines: Iterable[Line]) -> str | None:
    """Why an order will not be fulfilled, or None. An order that was never placed here (`state` None) is as good as any other."""
    if sum(line.quantity for line in lines) > MAX_PIECES:
        return "too-many-pieces"
    if state not in (None, OrderState.PLACED):
        return "not-open"
    return None
