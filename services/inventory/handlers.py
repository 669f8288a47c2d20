"""What the commands of the inventory service do. Each runs once per command id: the barrier sees to that.

A reservation expires: its pieces go back to the shelf if nobody has released or fetched them in time. Expired is what the sweep has
done, not what a clock says; until then a reservation is as good as ever. It takes nothing from a saga:

    undo of an expired one    the pieces are back already: succeeded, and nothing is put back twice
    ship out of one           the order is paid and cannot be undone, so the pieces are picked again, wherever there are some; if there are
                              none it is refused, the saga parks, and a person finds stock and asks again

Why not refuse every expired reservation: the time limit protects other customers from an order that is forgotten, not the shop from
one that was paid. Why not wait for stock instead of refusing: nobody knows whether any comes, and a person can decide at once.
"""

from uuid import uuid4

from contracts.inventory import OutOfStock, ReleaseStock, ReserveStock, ShipOut, StockLevelChanged, StockReserved, StockShipped
from saga.sdk import Done, Participant, Refusal, Transaction
from services.inventory import store
from services.inventory.domain import (
    Pick,
    Reservation,
    ReservationState,
    ShipOutIs,
    at_ship_out,
    pick,
    pieces_of,
    short_of,
)

inventory = Participant("inventory")


@inventory.handles(ReserveStock)
async def reserve(command: ReserveStock, db: Transaction) -> StockReserved | OutOfStock:
    """Set aside all lines, wherever they lie, or none."""
    pieces = pieces_of(command.lines)
    stock = await store.lock_stock(db, pieces)
    short = short_of(pieces, stock)
    if short is not None:
        await store.enter(db, "out-of-stock", Reservation("", command.order_id, ReservationState.RELEASED, (Pick("", short, 0),)))
        return OutOfStock(sku=short)
    reservation = Reservation(f"res-{uuid4()}", command.order_id, ReservationState.RESERVED, pick(pieces, stock))
    expires_at = await store.add_reservation(db, reservation)
    await store.enter(db, "reserved", reservation)
    return StockReserved(reservation_id=reservation.reservation_id, warehouses=reservation.warehouses, expires_at=expires_at)


@inventory.undoes(ReserveStock, ReleaseStock)
async def release(_command: ReleaseStock, db: Transaction, done: Done[ReserveStock]) -> None:
    """Put back what the do set aside, unless that has expired. What has left the house cannot be put back."""
    reservation = await store.lock_reservation_of(db, done.command_id)
    if reservation is None or reservation.state not in (ReservationState.RESERVED, ReservationState.EXPIRED):
        raise Refusal("not-reserved", "the pieces are not reserved any more")
    if reservation.state is ReservationState.RESERVED:
        await store.put_back(db, reservation)
        await store.enter(db, "released", reservation)
    await store.mark(db, reservation, ReservationState.RELEASED)


@inventory.handles(ShipOut)
async def ship_out(command: ShipOut, db: Transaction) -> StockShipped:
    """Hand the reserved pieces to the carrier."""
    reservation = await store.lock_reservation(db, command.reservation_id)
    case = at_ship_out(reservation)
    if reservation is None or case is ShipOutIs.IMPOSSIBLE:
        raise Refusal("not-reserved", "nothing is reserved under this id")
    if case is ShipOutIs.TO_BE_PICKED_AGAIN:
        reservation = await _pick_again(db, reservation)
    await store.ship(db, reservation)
    await store.enter(db, "shipped", reservation)
    for level in await store.levels(db, reservation.pieces):
        db.publish(StockLevelChanged(sku=level.sku, on_hand=level.on_hand, reserved=level.reserved), key=level.sku.encode())
    return StockShipped(reservation_id=reservation.reservation_id, tracking_number=command.tracking_number)


async def expire_one(db: Transaction) -> bool:
    """The sweep: put back the pieces of one reservation whose time is over. False if there is none."""
    reservation = await store.lock_overdue(db)
    if reservation is None:
        return False
    await store.put_back(db, reservation)
    await store.mark(db, reservation, ReservationState.EXPIRED)
    await store.enter(db, "expired", reservation)
    return True


async def _pick_again(db: Transaction, expired: Reservation) -> Reservation:
    """The same pieces, from whatever warehouse has them now. Raises Refusal."""
    stock = await store.lock_stock(db, expired.pieces)
    if short_of(expired.pieces, stock) is not None:
        raise Refusal("expired", "the reservation has expired and the pieces have gone to others")
    reservation = Reservation(expired.reservation_id, expired.order_id, ReservationState.RESERVED, pick(expired.pieces, stock))
    await store.pick_again(db, reservation)
    await store.enter(db, "picked-again", reservation)
    return reservation
