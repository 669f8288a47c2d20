"""SQL of the shipping service."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from contracts.shipping import ArrangeShipment
from saga.sdk import Reading, Transaction
from services.shipping.domain import Carrier, CarrierFull

SCRIPTS = ((Path(__file__).parent / "sql" / "schema.sql").read_text(encoding="utf-8"),)


async def add_carrier(db: Transaction, carrier: Carrier) -> None:
    """A carrier to draw labels of; one that is known keeps its numbers."""
    await db.execute("insert into carrier (name) values ($1) on conflict do nothing", carrier.name)


async def draw_number(db: Transaction, carrier: Carrier) -> int:
    """The next number of this carrier, if it still fetches a parcel in this window; its row is kept until the end of the transaction, from
    before its parcels are counted.

    Raises CarrierFull with the seconds until the oldest parcel of the window counts no more; then no number is drawn.
    """
    if carrier.capacity:
        await db.execute("select from carrier where name = $1 for update", carrier.name)
        window = await db.fetchrow(
            """select count(*) as parcels, extract(epoch from min(at) - clock_timestamp())::float8 + $2 as room_in
               from shipment where carrier = $1 and at > clock_timestamp() - make_interval(secs => $2)""",
            carrier.name,
            carrier.window,
        )
        if window is not None and window["parcels"] >= carrier.capacity:
            raise CarrierFull(window["room_in"])
    number: int = await db.fetchval("update carrier set drawn = drawn + 1 where name = $1 returning drawn", carrier.name)
    return number


async def add_shipment(db: Transaction, shipment_id: str, carrier: str, tracking_number: str, command: ArrangeShipment) -> None:
    """A label was bought."""
    await db.execute(
        """insert into shipment (shipment_id, do_id, order_id, carrier, tracking_number, country, at)
           values ($1, $2, $3, $4, $5, $6, clock_timestamp())""",
        shipment_id,
        db.do_id,
        command.order_id,
        carrier,
        tracking_number,
        command.address.country,
    )


async def enter(db: Transaction, effect: str, order_id: str, shipment_id: str, carrier: str) -> None:
    """Append an effect to the ledger."""
    await db.execute(
        "insert into ledger (at, effect, order_id, command_id, do_id, shipment_id, carrier) values ($1, $2, $3, $4, $5, $6, $7)",
        db.now,
        effect,
        order_id,
        db.command_id,
        db.do_id,
        shipment_id,
        carrier,
    )


async def shipments(db: Reading, after: str, limit: int) -> Sequence[Mapping[str, Any]]:
    """Shipments in order of shipment id."""
    return await db.fetch("select * from shipment where shipment_id > $1 order by shipment_id limit $2", after, limit)


async def carriers(db: Reading) -> Sequence[Mapping[str, Any]]:
    """Numbers drawn, shipments with different numbers, and labels in the ledger: three ways to the same figure, per carrier."""
    return await db.fetch(
        """select c.name as carrier, c.drawn,
                  (select count(distinct tracking_number) from shipment s where s.carrier = c.name) as shipments,
                  (select count(*) from ledger l where l.carrier = c.name and l.effect = 'label') as labels_by_ledger
           from carrier c order by c.name"""
    )
