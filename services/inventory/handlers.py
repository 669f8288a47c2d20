"""What the commands of the inventory service do. Each runs once per command id: the barrier sees to that."""

from uuid import uuid4

from contracts.inventory import OutOfStock, ReleaseStock, ReserveStock, ShipOut, StockLevelChanged, StockReserved, StockShipped
from saga.sdk import Done, Participant, Refusal, Transaction
from services.inventory import store
from services.inventory.domain import Reservation, ReservationState, pieces_of, short_of

inventory = Participant("inventory")


@inventory.handles(ReserveStock)
async def reserve(command: ReserveStock, db: Transaction) -> StockReserved | OutOfStock:
    """Set aside all lines, or none."""
    pieces = pieces_of(command.lines)
    short = short_of(pieces, await store.lock_stock(db, pieces))
    if short is not None:
        await store.enter(db, "out-of-stock", Reservation("", command.order_id, ReservationState.RELEASED, {short: 0}))
        return OutOfStock(sku=short)
    reservation = Reservation(f"res-{uuid4()}", command.order_id, ReservationState.RESERVED, pieces)
    await store.add_reservation(db, reservation)
    await store.enter(db, "reserved", reservation)
    return StockReserved(reservation_id=reservation.reservation_id)


@inventory.undoes(ReserveStock, ReleaseStock)
async def release(_command: ReleaseStock, db: Transaction, done: Done[ReserveStock]) -> None:
    """Put back what the do set aside. What has left the house cannot be put back."""
    reservation = await store.lock_reservation_of(db, done.command_id)
    if reservation is None or reservation.state is not ReservationState.RESERVED:
        raise Refusal("not-reserved", "the pieces are not reserved any more")
    await store.release(db, reservation)
    await store.enter(db, "released", reservation)


@inventory.handles(ShipOut)
async def ship_out(command: ShipOut, db: Transaction) -> StockShipped:
    """Hand the reserved pieces to the carrier."""
    reservation = await store.lock_reservation(db, command.reservation_id)
    if reservation is None or reservation.state is not ReservationState.RESERVED:
        raise Refusal("not-reserved", "nothing is reserved under this id")
    await store.ship(db, reservation)
    await store.enter(db, "shipped", reservation)
    for level in await store.lock_stock(db, reservation.pieces):
        db.publish(StockLevelChanged(sku=level.sku, on_hand=level.on_hand, reserved=level.reserved), key=level.sku.encode())
    return StockShipped(reservation_id=reservation.reservation_id, tracking_number=command.tracking_number)
