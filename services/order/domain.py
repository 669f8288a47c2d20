"""The rules of orders. Pure: no database, no clock."""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from contracts.values import Line, PricedLine
from saga.errors import ContractError
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


def fits(lines: Sequence[Line], prices: Sequence[Money] | None, total: Money | None) -> bool:
    """Whether the lines cost what is to be paid. Who told no prices or no total (an older definition) is believed."""
    if prices is None or total is None:
        return True
    if len(prices) != len(lines):
        return False
    try:
        return total_of(PricedLine(**dict(line), price=price) for line, price in zip(lines, prices, strict=True)) == total
    except ContractError:
        return False


def reason_not_to_accept(state: OrderState | None, lines: Iterable[Line], *, fitting: bool = True) -> str | None:
    """Why an order will not be fulfilled, or None. An order that was never placed here (`state` None) is as good as any other.

    `fitting`: its lines cost what is to be paid.
    """
    if state not in (None, OrderState.PLACED):
        return "not-open"
    if not fitting:
        return "wrong-total"
    if sum(line.quantity for line in lines) > MAX_PIECES:
        return "too-many-pieces"
    return None
