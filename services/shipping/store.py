"""SQL of the shipping service."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from saga.sdk import Reading, Transaction

SCRIPTS = ((Path(__file__).parent / "sql" / "schema.sql").read_text(encoding="utf-8"),)


async def add_shipment(db: Transaction, shipment_id: str, order_id: str, tracking_number: str, country: str) -> None:
    """A label was bought."""
    await db.execute(
        "insert into shipment (shipment_id, do_id, order_id, tracking_number, country) values ($1, $2, $3, $4, $5)",
        shipment_id,
        db.do_id,
        order_id,
        tracking_number,
        country,
    )


async def enter(db: Transaction, effect: str, order_id: str, shipment_id: str) -> None:
    """Append an effect to the ledger."""
    await db.execute(
        "insert into ledger (at, effect, order_id, command_id, do_id, shipment_id) values ($1, $2, $3, $4, $5, $6)",
        db.now,
        effect,
        order_id,
        db.command_id,
        db.do_id,
        shipment_id,
    )


async def ledger(db: Reading, after: int, limit: int) -> Sequence[Mapping[str, Any]]:
    """Entries above `after`, oldest first."""
    return await db.fetch("select * from ledger where entry > $1 order by entry limit $2", after, limit)
