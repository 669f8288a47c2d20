"""SQL of the inventory service. Changes of stock are guarded: a statement that would oversell changes nothing.

Rows of stock are locked in the order of unit and warehouse, and a reservation before them: nobody waits for somebody who waits for him.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from saga.sdk import Fault, Reading, Transaction
from services.inventory.domain import Pick, Reservation, ReservationState, Stock

SCRIPTS = ((Path(__file__).parent / "sql" / "schema.sql").read_text(encoding="utf-8"),)

_RESERVE = "update stock set reserved = reserved + $3 where warehouse = $1 and sku = $2 and on_hand - reserved >= $3"
_PUT_BACK = "update stock set reserved = reserved - $3 where warehouse = $1 and sku = $2 and reserved >= $3"
_SHIP = """update stock set on_hand = on_hand - $3, reserved = reserved - $3, shipped = shipped + $3
           where warehouse = $1 and sku = $2 and reserved >= $3"""


async def put_in_stock(db: Transaction, warehouse: str, sku: str, quantity: int) -> None:
    """The first pieces of a stock keeping unit in a warehouse; what is there is left as it is."""
    await db.execute(
        "insert into stock (warehouse, sku, at_first, on_hand) values ($1, $2, $3, $3) on conflict do nothing", warehouse, sku, quantity
    )


async def lock_stock(db: Transaction, skus: Collection[str]) -> list[Stock]:
    """Rows of these stock keeping units in their order, kept from everybody else until the end of the transaction."""
    rows = await db.fetch(
        "select warehouse, sku, on_hand, reserved from stock where sku = any($1::text[]) order by sku, warehouse for update", list(skus)
    )
    return [Stock(row["warehouse"], row["sku"], row["on_hand"], row["reserved"]) for row in rows]


async def levels(db: Transaction, skus: Collection[str]) -> list[Stock]:
    """Stock of these units in all warehouses together; `warehouse` is empty."""
    rows = await db.fetch(
        """select sku, sum(on_hand)::bigint as on_hand, sum(reserved)::bigint as reserved
           from stock where sku = any($1::text[]) group by sku order by sku""",
        list(skus),
    )
    return [Stock("", row["sku"], row["on_hand"], row["reserved"]) for row in rows]


async def hold_for(db: Transaction, span: timedelta) -> None:
    """How long reservations hold from now on, in all replicas."""
    await db.execute("insert into policy (hold_for) values ($1) on conflict (one) do update set hold_for = excluded.hold_for", span)


async def add_reservation(db: Transaction, reservation: Reservation) -> datetime:
    """Set the pieces aside; the answer is how long for."""
    expires_at: datetime = await db.fetchval(
        """insert into reservation (reservation_id, do_id, order_id, state, expires_at)
           select $1, $2, $3, $4, $5::timestamptz + hold_for from policy returning expires_at""",
        reservation.reservation_id,
        db.do_id,
        reservation.order_id,
        reservation.state,
        db.now,
    )
    await _pick(db, reservation)
    return expires_at


async def pick_again(db: Transaction, reservation: Reservation) -> None:
    """Set the pieces of an expired reservation aside once more, perhaps elsewhere."""
    await db.execute("delete from reservation_line where reservation_id = $1", reservation.reservation_id)
    await _pick(db, reservation)
    await mark(db, reservation, ReservationState.RESERVED)


async def lock_reservation(db: Transaction, reservation_id: str) -> Reservation | None:
    """A reservation by its id, locked."""
    return await _reservation(db, await db.fetchrow("select * from reservation where reservation_id = $1 for update", reservation_id))


async def lock_reservation_of(db: Transaction, do_id: str) -> Reservation | None:
    """The reservation that a do made, locked."""
    return await _reservation(db, await db.fetchrow("select * from reservation where do_id = $1 for update", do_id))


async def lock_overdue(db: Transaction) -> Reservation | None:
    """A reservation whose time is over by the database's clock, locked; one that somebody has in hand is left to him.

    Its do becomes that of the transaction, so that the ledger says to what the effect belongs.
    """
    row = await db.fetchrow(
        """select * from reservation where state = 'reserved' and expires_at <= clock_timestamp()
           order by expires_at limit 1 for update skip locked"""
    )
    if row is not None:
        db.do_id = row["do_id"]
    return await _reservation(db, row)


async def put_back(db: Transaction, reservation: Reservation) -> None:
    """The pieces are anybody's again."""
    await _change(db, _PUT_BACK, reservation)


async def ship(db: Transaction, reservation: Reservation) -> None:
    """The pieces leave the house."""
    await _change(db, _SHIP, reservation)
    await mark(db, reservation, ReservationState.SHIPPED)


async def mark(db: Transaction, reservation: Reservation, state: ReservationState) -> None:
    """The state of a reservation that is locked."""
    await db.execute("update reservation set state = $2 where reservation_id = $1", reservation.reservation_id, state)


async def enter(db: Transaction, effect: str, reservation: Reservation) -> None:
    """Append an effect to the ledger, a row per warehouse and stock keeping unit."""
    await db.execute(
        """insert into ledger (at, effect, order_id, command_id, do_id, reservation_id, warehouse, sku, quantity)
           select $1, $2, $3, $4, $5, $6, warehouse, sku, quantity
           from unnest($7::text[], $8::text[], $9::bigint[]) as line (warehouse, sku, quantity)""",
        db.now,
        effect,
        reservation.order_id,
        db.command_id,
        db.do_id,
        reservation.reservation_id,
        *_columns(reservation.picks),
    )


async def stock(db: Reading, after: str, limit: int) -> Sequence[Mapping[str, Any]]:
    """Stock keeping units above `after` in their order, each with its warehouses. A page has whole units: `limit` counts units."""
    return await db.fetch(
        """select * from stock where sku in (select distinct sku from stock where sku > $1 order by sku limit $2)
           order by sku, warehouse""",
        after,
        limit,
    )


async def warehouses(db: Reading) -> Sequence[Mapping[str, Any]]:
    """What each warehouse has by its stock, and by its ledger: two ways to the same figures."""
    return await db.fetch(
        """select s.warehouse, s.at_first, s.on_hand, s.reserved, s.shipped,
                  coalesce(l.reserved, 0) as reserved_by_ledger, coalesce(l.shipped, 0) as shipped_by_ledger
           from (select warehouse, sum(at_first)::bigint as at_first, sum(on_hand)::bigint as on_hand,
                        sum(reserved)::bigint as reserved, sum(shipped)::bigint as shipped from stock group by warehouse) s
           left join (select warehouse,
                        sum(case when effect in ('reserved', 'picked-again') then quantity else -quantity end)::bigint as reserved,
                        sum(quantity) filter (where effect = 'shipped')::bigint as shipped
                      from ledger group by warehouse) l using (warehouse)
           order by s.warehouse"""
    )


async def _pick(db: Transaction, reservation: Reservation) -> None:
    await db.execute(
        """insert into reservation_line (reservation_id, warehouse, sku, quantity)
           select $1, warehouse, sku, quantity from unnest($2::text[], $3::text[], $4::bigint[]) as line (warehouse, sku, quantity)""",
        reservation.reservation_id,
        *_columns(reservation.picks),
    )
    await _change(db, _RESERVE, reservation)


async def _change(db: Transaction, statement: str, reservation: Reservation) -> None:
    for pick in sorted(reservation.picks, key=lambda each: (each.sku, each.warehouse)):
        if await db.execute(statement, pick.warehouse, pick.sku, pick.quantity) != "UPDATE 1":
            raise Fault("stock-changed", "the stock changed under the reservation")


def _columns(picks: Sequence[Pick]) -> tuple[list[str], list[str], list[int]]:
    return [pick.warehouse for pick in picks], [pick.sku for pick in picks], [pick.quantity for pick in picks]


async def _reservation(db: Transaction, row: Mapping[str, Any] | None) -> Reservation | None:
    if row is None:
        return None
    lines = await db.fetch(
        "select warehouse, sku, quantity from reservation_line where reservation_id = $1 order by sku, warehouse", row["reservation_id"]
    )
    picks = tuple(Pick(line["warehouse"], line["sku"], line["quantity"]) for line in lines)
    return Reservation(row["reservation_id"], row["order_id"], ReservationState(row["state"]), picks)
