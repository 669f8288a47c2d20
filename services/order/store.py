"""SQL of the order service."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from saga.sdk import Reading, Transaction
from services.order.domain import OrderState

SCRIPTS = ((Path(__file__).parent / "sql" / "schema.sql").read_text(encoding="utf-8"),)


async def place(db: Transaction, order_id: str, customer_id: str, body_hash: bytes) -> bool:
    """Take an order. False if one of this id was taken before."""
    tag = await db.execute(
        """insert into purchase (order_id, customer_id, state, body_hash, placed_at) values ($1, $2, 'placed', $3, $4)
           on conflict (order_id) do nothing""",
        order_id,
        customer_id,
        body_hash,
        db.now,
    )
    return tag == "INSERT 0 1"


async def hash_of(db: Reading, order_id: str) -> bytes | None:
    """What was placed under this id; None for an order that came another way."""
    found: bytes | None = await db.fetchval("select body_hash from purchase where order_id = $1", order_id)
    return found


async def lock_state(db: Transaction, order_id: str) -> OrderState | None:
    """The state of an order, kept from everybody else until the end of the transaction."""
    state = await db.fetchval("select state from purchase where order_id = $1 for update", order_id)
    return None if state is None else OrderState(state)


async def move(db: Transaction, order_id: str, customer_id: str, state: OrderState) -> None:
    """Set the state of an order; one that was not placed here is taken up."""
    await db.execute(
        """insert into purchase (order_id, customer_id, state, placed_at) values ($1, $2, $3, $4)
           on conflict (order_id) do update set state = excluded.state""",
        order_id,
        customer_id,
        state,
        db.now,
    )


async def confirm(db: Transaction, order_id: str, tracking_number: str) -> bool:
    """The goods are on their way. False for an order that is not accepted."""
    tag = await db.execute(
        "update purchase set state = 'confirmed', tracking_number = $2 where order_id = $1 and state = 'accepted'",
        order_id,
        tracking_number,
    )
    return tag == "UPDATE 1"


async def enter(db: Transaction, effect: str, order_id: str) -> None:
    """Append an effect to the ledger."""
    await db.execute(
        "insert into ledger (at, effect, order_id, command_id, do_id) values ($1, $2, $3, $4, $5)",
        db.now,
        effect,
        order_id,
        db.command_id,
        db.do_id,
    )


async def ledger(db: Reading, after: int, limit: int) -> Sequence[Mapping[str, Any]]:
    """Entries above `after`, oldest first."""
    return await db.fetch("select * from ledger where entry > $1 order by entry limit $2", after, limit)


async def order(db: Reading, order_id: str) -> Mapping[str, Any] | None:
    """One order."""
    return await db.fetchrow("select order_id, customer_id, state, tracking_number, placed_at from purchase where order_id = $1", order_id)
