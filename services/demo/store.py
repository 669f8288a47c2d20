"""What the services' own tables say. Read by SQL behind the services' backs: nobody is asked to vouch for himself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

PARTICIPANTS = ("order", "payment", "inventory", "shipping")

_ORDERS = 'select order_id, state from "order".purchase'
_TIMES = """
select l.order_id, extract(epoch from max(l.at) - min(p.placed_at))::float8 as seconds
from "order".ledger l join "order".purchase p using (order_id)
where l.effect in ('confirmed', 'rejected') group by l.order_id
"""
_TWICE = """
select coalesce(sum(times - 1), 0)::int8 from (
    select count(*) as times from "order".ledger where effect in ('accepted', 'rejected', 'confirmed') group by order_id, effect
    union all
    select count(*) from payment.ledger where effect = 'authorized' group by order_id
    union all
    select count(*) from payment.ledger where effect in ('expired', 'voided', 'captured') group by order_id
    union all
    select count(*) from card_network.hold where state <> 'declined' group by reference
    union all
    select count(*) from inventory.ledger where effect in ('reserved', 'picked-again', 'shipped') group by order_id, warehouse, sku, effect
    union all
    select count(*) from inventory.ledger where effect in ('expired', 'released') group by order_id, warehouse, sku
    union all
    select count(*) from shipping.ledger where effect = 'label' group by order_id, effect
) as effects where times > 1
"""
# Effects for nothing: money held and neither taken nor let go, here or by the card network, stock set aside and left there, a label or a
# capture of an order that was not confirmed, an undo of what stands.
_FOR_NOTHING = """
select (select count(*) from payment.payment where state = 'held')
     + (select count(*) from card_network.hold where state = 'held')
     + (select count(*) from card_network.hold h left join payment.payment p on p.do_id = h.key
        where h.state = 'taken' and p.state is distinct from 'captured')
     + (select count(*) from inventory.reservation where state = 'reserved')
     + (select count(*) from payment.payment p join "order".purchase o using (order_id)
        where p.state = 'captured' and o.state <> 'confirmed')
     + (select count(*) from shipping.shipment s join "order".purchase o using (order_id) where o.state <> 'confirmed')
     + (select count(*) from "order".purchase o where o.state = 'confirmed'
        and not exists (select 1 from payment.payment p where p.order_id = o.order_id and p.state = 'captured'))
"""
_CAPTURED = "select coalesce(sum(amount), 0)::int8 from payment.ledger where effect = 'captured'"
_TOMBSTONES = "select command_id from \"order\".barrier where state = 'tombstone'"
_UNTOLD = "select count(*) from payment.payment where tell_at is not null"
_STOCK = "select warehouse, sku, on_hand, reserved, shipped from inventory.stock"


@dataclass(frozen=True, slots=True)
class Ledgers:
    """A reading of all four services at one moment. `states` is by order id, `seconds` from placed to confirmed or rejected, `stock` by
    warehouse and stock keeping unit: on hand, reserved, shipped."""

    states: Mapping[str, str]
    seconds: Mapping[str, float]
    twice: int
    for_nothing: int
    captured_minor: int
    stock: Mapping[tuple[str, str], tuple[int, int, int]]
    deliveries_twice: int
    tombstones: frozenset[str]


async def read_states(dsn: str) -> tuple[dict[str, str], frozenset[str]]:
    """The state of every order, as the order service has it, and the ids of the acceptances that it will never do."""
    connection = await asyncpg.connect(dsn, timeout=5)
    try:
        states = {row["order_id"]: row["state"] for row in await connection.fetch(_ORDERS)}
        return states, frozenset(row["command_id"] for row in await connection.fetch(_TOMBSTONES))
    finally:
        await connection.close()


async def read_untold(dsn: str) -> int:
    """Payments whose end the card network has yet to be told of."""
    connection = await asyncpg.connect(dsn, timeout=5)
    try:
        untold: int = await connection.fetchval(_UNTOLD)
        return untold
    finally:
        await connection.close()


async def read_ledgers(dsn: str) -> Ledgers:
    """Read all ledgers in one snapshot."""
    connection = await asyncpg.connect(dsn, timeout=5)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            stock: Sequence[Mapping[str, Any]] = await connection.fetch(_STOCK)
            return Ledgers(
                states={row["order_id"]: row["state"] for row in await connection.fetch(_ORDERS)},
                seconds={row["order_id"]: row["seconds"] for row in await connection.fetch(_TIMES)},
                twice=await connection.fetchval(_TWICE),
                for_nothing=await connection.fetchval(_FOR_NOTHING),
                captured_minor=await connection.fetchval(_CAPTURED),
                stock={(row["warehouse"], row["sku"]): (row["on_hand"], row["reserved"], row["shipped"]) for row in stock},
                deliveries_twice=await connection.fetchval(_sum_over("select coalesce(sum(seen - 1), 0) from {}.barrier where seen > 1")),
                tombstones=frozenset(row["command_id"] for row in await connection.fetch(_TOMBSTONES)),
            )
    finally:
        await connection.close()


def _sum_over(template: str) -> str:
    parts = (f"({template.format(chr(34) + name + chr(34))})" for name in PARTICIPANTS)
    return f"select ({' + '.join(parts)})::int8"
