"""Words of the inventory service: it reserves pieces for an order, releases them, or lets them leave the house."""

from pydantic import AwareDatetime

from tests.upgrade.corpus.r0001.values import Count, Lines, Name
from saga.messages import BusinessKey, Command, DomainEvent, Reply, Undone


class StockReserved(Reply, by="inventory"):
    """Every line of the order is set aside, in one or several warehouses, until `expires_at`.

    A reservation that has expired is still shipped out if there are pieces.
    """

    reservation_id: Name
    warehouses: tuple[Name, ...] | None = None
    expires_at: AwareDatetime | None = None


class OutOfStock(Reply, by="inventory"):
    """Nothing is set aside, because there are too few pieces of `sku`."""

    sku: BusinessKey


class ReserveStock(Command[StockReserved | OutOfStock], to="inventory", refused=OutOfStock):
    """Set aside all lines of an order, or none."""

    order_id: BusinessKey
    lines: Lines


class ReleaseStock(Command[Undone], to="inventory"):
    """Put back what ReserveStock set aside."""

    order_id: BusinessKey


class StockShipped(Reply, by="inventory"):
    """The reserved pieces have left the house."""

    reservation_id: Name
    tracking_number: Name


class ShipOut(Command[StockShipped], to="inventory"):
    """Hand the reserved pieces to the carrier."""

    order_id: BusinessKey
    reservation_id: Name
    tracking_number: Name


class StockLevelChanged(DomainEvent, by="inventory"):
    """Pieces left the house: how many are there now, and how many of them are reserved."""

    sku: BusinessKey
    on_hand: Count
    reserved: Count
