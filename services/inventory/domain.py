"""The rules of stock. Pure: no database, no clock."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from contracts.values import Line


class ReservationState(StrEnum):
    """Pieces are reserved until they are released or leave the house; those that nobody fetched in time go back to the shelf."""

    RESERVED = "reserved"
    EXPIRED = "expired"
    RELEASED = "released"
    SHIPPED = "shipped"


@dataclass(frozen=True, slots=True)
class Stock:
    """Pieces of one stock keeping unit in one warehouse. `reserved` is part of `on_hand` and promised to somebody."""

    warehouse: str
    sku: str
    on_hand: int
    reserved: int

    @property
    def free(self) -> int:
        """Pieces that nobody was promised."""
        return self.on_hand - self.reserved


@dataclass(frozen=True, slots=True)
class Pick:
    """Pieces of one stock keeping unit that one warehouse gives."""

    warehouse: str
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Reservation:
    """Pieces that were set aside for an order, by warehouse and stock keeping unit."""

    reservation_id: str
    order_id: str
    state: ReservationState
    picks: Sequence[Pick]

    @property
    def pieces(self) -> Mapping[str, int]:
        """How many pieces of each stock keeping unit, wherever they lie."""
        return _summed((pick.sku, pick.quantity) for pick in self.picks)

    @property
    def warehouses(self) -> tuple[str, ...]:
        """Where they lie."""
        return tuple(sorted({pick.warehouse for pick in self.picks}))


class ShipOutIs(StrEnum):
    """What a carrier at the door may have."""

    AT_HAND = "at hand"
    TO_BE_PICKED_AGAIN = "to be picked again"
    IMPOSSIBLE = "impossible"


def pieces_of(lines: Iterable[Line]) -> Mapping[str, int]:
    """How many pieces of each stock keeping unit, in the one order in which everybody locks them."""
    return _summed((line.sku, line.quantity) for line in lines)


def short_of(pieces: Mapping[str, int], stock: Iterable[Stock]) -> str | None:
    """The first stock keeping unit with too few free pieces in all warehouses together, or None. One that is nowhere has none."""
    free = _summed((each.sku, each.free) for each in stock)
    return next((sku for sku, wanted in pieces.items() if free.get(sku, 0) < wanted), None)


def pick(pieces: Mapping[str, int], stock: Sequence[Stock]) -> tuple[Pick, ...]:
    """Which warehouse gives what: one for the whole order if any has it all, else as few for each unit as can be.

    The pieces are there: `short_of` was asked before, of the same stock.
    """
    for warehouse in sorted({each.warehouse for each in stock}):
        of_it = [each for each in stock if each.warehouse == warehouse]
        if short_of(pieces, of_it) is None:
            return tuple(Pick(warehouse, sku, quantity) for sku, quantity in pieces.items())
    split = (each for sku, wanted in pieces.items() for each in _split(sku, wanted, stock))
    return tuple(sorted(split, key=lambda each: (each.sku, each.warehouse)))


def at_ship_out(reservation: Reservation | None) -> ShipOutIs:
    """A reservation that has expired is not lost: the customer has paid, so the pieces are picked again if there still are any."""
    match reservation and reservation.state:
        case ReservationState.RESERVED:
            return ShipOutIs.AT_HAND
        case ReservationState.EXPIRED:
            return ShipOutIs.TO_BE_PICKED_AGAIN
        case _:
            return ShipOutIs.IMPOSSIBLE


def _split(sku: str, wanted: int, stock: Sequence[Stock]) -> Iterator[Pick]:
    """Pieces of one unit, from the warehouse that has most of it first."""
    for each in sorted((each for each in stock if each.sku == sku), key=lambda each: (-each.free, each.warehouse)):
        quantity = min(wanted, each.free)
        if quantity > 0:
            yield Pick(each.warehouse, sku, quantity)
        wanted -= quantity


def _summed(quantities: Iterable[tuple[str, int]]) -> Mapping[str, int]:
    total: Counter[str] = Counter()
    for sku, quantity in quantities:
        total[sku] += quantity
    return dict(sorted(total.items()))
