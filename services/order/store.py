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


async def history(db: Reading, order_id: str, after: int, limit: int) -> Sequence[Mapping[str, Any]]:
    """The states that an order went through, oldest first, above entry `after`."""
    return await db.fetch(
        """select entry, at, effect as state, command_id from ledger
           where order_id = $1 and entry > $2 and effect <> 'not-open' order by entry limit $3""",
        order_id,
        after,
        limit,
    )


async def orders(db: Reading, after: str, limit: int) -> Sequence[Mapping[str, Any]]:
    """Orders in order of order id."""
    return await db.fetch(
        """select order_id, customer_id, state, tracking_number, placed_at from purchase
           where order_id > $1 order by order_id limit $2""",
        after,
        limit,
    )


async def states(db: Reading) -> Sequence[Mapping[str, Any]]:
    """Orders by state, as they stand and by the last entry of each in the ledger: two ways to the same figures."""
    return await db.fetch(
        """select state, coalesce(p.orders, 0) as orders, coalesce(l.orders, 0) as orders_by_ledger
           from (select state, count(*) as orders from purchase group by state) p
           full join (
               select state, count(*) as orders from (
                   select distinct on (order_id) effect as state from ledger where effect <> 'not-open' order by order_id, entry desc) last
               group by state) l using (state)
           order by state"""
    )


async def order(db: Reading, order_id: str) -> Mapping[str, Any] | None:
    """One order."""
    return await db.fetchrow("select order_id, customer_id, state, tracking_number, placed_at from purchase where order_id = $1", order_id)
