"""SQL of the inventory service. Changes of stock are guarded: a statement that would oversell changes nothing."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from saga.sdk import Fault, Reading, Transaction
from services.inventory.domain import Reservation, ReservationState, Stock

SCRIPTS = ((Path(__file__).parent / "sql" / "schema.sql").read_text(encoding="utf-8"),)

_RESERVE = "update stock set reserved = reserved + $2 where sku = $1 and on_hand - reserved >= $2"
_RELEASE = "update stock set reserved = reserved - $2 where sku = $1 and reserved >= $2"
_SHIP = """update stock set on_hand = on_hand - $2, reserved = reserved - $2, shipped = shipped + $2
           where sku = $1 and reserved >= $2"""


async def put_in_stock(db: Transaction, sku: str, quantity: int) -> None:
    """The first pieces of a stock keeping unit; one that exists is left as it is."""
    await db.execute("insert into stock (sku, on_hand) values ($1, $2) on conflict do nothing", sku, quantity)


async def lock_stock(db: Transaction, skus: Collection[str]) -> list[Stock]:
    """Rows of these stock keeping units in their order, kept from everybody else until the end of the transaction."""
    rows = await db.fetch("select sku, on_hand, reserved from stock where sku = any($1::text[]) order by sku for update", list(skus))
    return [Stock(row["sku"], row["on_hand"], row["reserved"]) for row in rows]


async def add_reservation(db: Transaction, reservation: Reservation) -> None:
    """Set the pieces aside."""
    await db.execute(
        "insert into reservation (reservation_id, do_id, order_id, state) values ($1, $2, $3, $4)",
        reservation.reservation_id,
        db.do_id,
        reservation.order_id,
        reservation.state,
    )
    await db.execute(
        "insert into reservation_line select $1, sku, quantity from unnest($2::text[], $3::bigint[]) as line (sku, quantity)",
        reservation.reservation_id,
        list(reservation.pieces),
        list(reservation.pieces.values()),
    )
    await _change(db, _RESERVE, reservation)


async def lock_reservation(db: Transaction, reservation_id: str) -> Reservation | None:
    """A reservation by its id, locked."""
    return await _reservation(db, await db.fetchrow("select * from reservation where reservation_id = $1 for update", reservation_id))


async def lock_reservation_of(db: Transaction, do_id: str) -> Reservation | None:
    """The reservation that a do made, locked."""
    return await _reservation(db, await db.fetchrow("select * from reservation where do_id = $1 for update", do_id))


async def release(db: Transaction, reservation: Reservation) -> None:
    """Put the pieces back."""
    await _change(db, _RELEASE, reservation)
    await _mark(db, reservation, ReservationState.RELEASED)


async def ship(db: Transaction, reservation: Reservation) -> None:
    """The pieces leave the house."""
    await _change(db, _SHIP, reservation)
    await _mark(db, reservation, ReservationState.SHIPPED)


async def enter(db: Transaction, effect: str, reservation: Reservation) -> None:
    """Append an effect to the ledger, a row per stock keeping unit."""
    await db.execute(
        """insert into ledger (at, effect, order_id, command_id, do_id, reservation_id, sku, quantity)
           select $1, $2, $3, $4, $5, $6, sku, quantity from unnest($7::text[], $8::bigint[]) as line (sku, quantity)""",
        db.now,
        effect,
        reservation.order_id,
        db.command_id,
        db.do_id,
        reservation.reservation_id,
        list(reservation.pieces),
        list(reservation.pieces.values()),
    )


async def ledger(db: Reading, after: int, limit: int) -> Sequence[Mapping[str, Any]]:
    """Entries above `after`, oldest first."""
    return await db.fetch("select * from ledger where entry > $1 order by entry limit $2", after, limit)


async def stock(db: Reading, after: str, limit: int) -> Sequence[Mapping[str, Any]]:
    """Stock in order of stock keeping units."""
    return await db.fetch("select * from stock where sku > $1 order by sku limit $2", after, limit)


async def _change(db: Transaction, statement: str, reservation: Reservation) -> None:
    for sku, quantity in sorted(reservation.pieces.items()):
        if await db.execute(statement, sku, quantity) != "UPDATE 1":
            raise Fault("stock-changed", "the stock changed under the reservation")


async def _mark(db: Transaction, reservation: Reservation, state: ReservationState) -> None:
    await db.execute("update reservation set state = $2 where reservation_id = $1", reservation.reservation_id, state)


async def _reservation(db: Transaction, row: Mapping[str, Any] | None) -> Reservation | None:
    if row is None:
        return None
    lines = await db.fetch("select sku, quantity from reservation_line where reservation_id = $1 order by sku", row["reservation_id"])
    pieces = {line["sku"]: line["quantity"] for line in lines}
    return Reservation(row["reservation_id"], row["order_id"], ReservationState(row["state"]), pieces)
