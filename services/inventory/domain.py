"""The rules of stock. Pure: no database, no clock."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from contracts.values import Line


class ReservationState(StrEnum):
    """Pieces are reserved until they are released or leave the house."""

    RESERVED = "reserved"
    RELEASED = "released"
    SHIPPED = "shipped"


@dataclass(frozen=True, slots=True)
class Stock:
    """Pieces of one stock keeping unit. `reserved` is part of `on_hand` and promised to somebody."""

    sku: str
    on_hand: int
    reserved: int


@dataclass(frozen=True, slots=True)
class Reservation:
    """Pieces that were set aside for an order, by stock keeping unit."""

    reservation_id: str
    order_id: str
    state: ReservationState
    pieces: Mapping[str, int]


def pieces_of(lines: Iterable[Line]) -> Mapping[str, int]:
    """How many pieces of each stock keeping unit, in the one order in which everybody locks them."""
    pieces: Counter[str] = Counter()
    for line in lines:
        pieces[line.sku] += line.quantity
    return dict(sorted(pieces.items()))


def short_of(pieces: Mapping[str, int], stock: Iterable[Stock]) -> str | None:
    """The first stock keeping unit with too few free pieces, or None. One that is not in `stock` has none."""
    free = {each.sku: each.on_hand - each.reserved for each in stock}
    return next((sku for sku, wanted in pieces.items() if free.get(sku, 0) < wanted), None)
