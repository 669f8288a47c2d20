"""What the services' own tables must say: I3, I6, I12. Nobody is asked to vouch for himself: read by SQL, behind the services' backs."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from services.demo.orders import DemoOrder
from services.demo.store import PARTICIPANTS
from tests.chaos.streams_check import Sagas, Story

_COUNTED = "select do_id, effect{more} as effect, count(*) as times from {ledger} where effect = any($1::text[]) group by 1, 2"
_ONCE = {
    '"order".ledger': ("accepted", "rejected", "confirmed", "not-accepted"),
    "payment.ledger": ("authorized", "captured", "voided", "declined"),
    "inventory.ledger": ("reserved", "released", "shipped"),
    "shipping.ledger": ("label", "rejected"),
}
_HOLDS = "select reference as do_id, 'hold' as effect, count(*) as times from card_network.hold where state <> 'declined' group by 1"
_EFFECTS = """
select order_id, effect, count(*)::int8 as n from "order".ledger group by 1, 2
union all select order_id, effect, count(*) from payment.ledger group by 1, 2
union all select order_id, effect, sum(quantity)::int8 from inventory.ledger group by 1, 2
union all select order_id, effect, count(*) from shipping.ledger group by 1, 2"""
_STOCK = "select warehouse, sku, at_first, on_hand, reserved, shipped from inventory.stock"
_CARDS = "select reference, state, amount from card_network.hold"
_COMPLETED = {"accepted": 1, "confirmed": 1, "authorized": 1, "captured": 1, "label": 1, "rejected": 0, "voided": 0, "released": 0}
_NOT_COMPLETED = {"confirmed": 0, "captured": 0, "shipped": 0, "label": 0}
_UNDONE = frozenset({"undone", "tombstone", "refused"})


@dataclass
class Ledgers:
    """One reading. `effects` by order id; `barriers` by command id: the state of a do; `captured` by order id in minor units."""

    effects: dict[str, Counter[str]] = field(default_factory=dict)
    barriers: dict[str, str] = field(default_factory=dict)
    captured: dict[str, int] = field(default_factory=dict)
    stock: list[Mapping[str, Any]] = field(default_factory=list)
    cards: list[Mapping[str, Any]] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    pairs: int = 0
    repetitions: int = 0


async def read_ledgers(dsn: str) -> Ledgers:
    """All ledgers in one snapshot."""
    found = Ledgers()
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            for ledger, effects in _ONCE.items():
                more = " || ' ' || warehouse || ' ' || sku" if ledger == "inventory.ledger" else ""
                _count(found, ledger, await connection.fetch(_COUNTED.format(more=more, ledger=ledger), effects))
            _count(found, "card network", await connection.fetch(_HOLDS))
            for row in await connection.fetch(_EFFECTS):
                found.effects.setdefault(row["order_id"], Counter())[row["effect"]] += row["n"]
            for service in PARTICIPANTS:
                for row in await connection.fetch(f'select command_id, kind, state, seen from "{service}".barrier'):
                    found.barriers[row["command_id"]] = row["state"]
                    found.repetitions += max(0, row["seen"] - 1)
            for row in await connection.fetch("select order_id, amount from payment.ledger where effect = 'captured'"):
                found.captured[row["order_id"]] = found.captured.get(row["order_id"], 0) + row["amount"]
            found.stock, found.cards = await connection.fetch(_STOCK), await connection.fetch(_CARDS)
    finally:
        await connection.close()
    return found


def _count(found: Ledgers, ledger: str, rows: Iterable[Mapping[str, Any]]) -> None:
    for row in rows:
        found.pairs += 1
        if row["times"] > 1:
            found.twice.append(f"{ledger}: {row['effect']} of {row['do_id']} happened {row['times']} times")


def ended_rightly(key: str, sagas: Sagas, ledgers: Ledgers) -> Iterator[str]:
    """I6 of one order that has ended."""
    effects, status = ledgers.effects.get(key, Counter()), sagas.status[key]
    completed = status == "completed"
    for step, command_id in sagas.dos.get(key, {}).items():
        state = ledgers.barriers.get(command_id)
        if state not in (("succeeded",) if completed else _UNDONE):
            yield f"{status}, and {step} is {state} at its participant"
    for effect, times in (_COMPLETED if completed else _NOT_COMPLETED).items():
        if effects[effect] != times:
            yield f"{status}, and {effect} happened {effects[effect]} times"
    if not completed:
        yield from (
            f"{status}: {found} {one}, {effects[other]} {other}" for one, found, other in _pairs(effects) if found != effects[other]
        )


def _pairs(effects: Counter[str]) -> Iterator[tuple[str, int, str]]:
    """What must be as often as it was taken back; of stock: pieces."""
    yield "accepted", effects["accepted"], "rejected"
    yield "authorized", effects["authorized"], "voided"
    yield "reserved", effects["reserved"] + effects["picked-again"] - effects["expired"], "released"


def conserved(sagas: Sagas, ledgers: Ledgers, orders: Mapping[str, DemoOrder], at_first: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """I12. What orders that wait for a person still hold is left to them."""
    completed = {key for key, status in sagas.status.items() if status == "completed"}
    parked = {key for key, status in sagas.status.items() if status in ("parked", "paused")}
    for key in completed | (set(ledgers.captured) - parked):
        price = orders[key].total_minor if key in completed and key in orders else 0
        if ledgers.captured.get(key, 0) != price:
            yield f"{key} is {sagas.status.get(key)}, costs {price}, and {ledgers.captured.get(key, 0)} was captured"
    taken = Counter({row["reference"]: row["amount"] for row in ledgers.cards if row["state"] == "taken"})
    for key in set(taken) | set(ledgers.captured):
        if taken[key] != ledgers.captured.get(key, 0):
            yield f"{key}: the card network took {taken[key]}, payment captured {ledgers.captured.get(key, 0)}"
    yield from (
        f"{row['reference']}: money is still held" for row in ledgers.cards if row["state"] == "held" and row["reference"] not in parked
    )
    sold = Counter[str]()
    for key in completed & orders.keys():
        sold.update(dict(orders[key].lines))
    yield from _stock(ledgers, sold, at_first, parked)


def _stock(ledgers: Ledgers, sold: Counter[str], at_first: Mapping[str, Mapping[str, int]], parked: Collection[str]) -> Iterator[str]:
    shipped = Counter[str]()
    for row in ledgers.stock:
        shipped[row["sku"]] += row["shipped"]
        if (
            row["on_hand"] + row["shipped"] != at_first[row["warehouse"]][row["sku"]]
            or min(row["on_hand"], row["shipped"], row["reserved"]) < 0
        ):
            yield f"{row['warehouse']} {row['sku']}: {dict(row)}, at first {at_first[row['warehouse']][row['sku']]}"
        if row["reserved"] and not parked:
            yield f"{row['warehouse']} {row['sku']}: {row['reserved']} are still reserved"
    if not parked:
        yield from (f"{sku}: {sold[sku]} sold, {shipped[sku]} shipped" for sku in set(sold) | set(shipped) if sold[sku] != shipped[sku])


def stories_of(sagas: Sagas, ledgers: Ledgers, orders: Mapping[str, DemoOrder], at_first: Mapping[str, Mapping[str, int]]) -> list[Story]:
    """Everything that is wrong with the ledgers."""
    stories = [("I3", what) for what in ledgers.twice]
    for key, status in sagas.status.items():
        if status in ("completed", "compensated", "cancelled"):
            stories += [("I6", f"{key}: {what}") for what in ended_rightly(key, sagas, ledgers)]
    return [*stories, *(("I12", what) for what in conserved(sagas, ledgers, orders, at_first))]
