"""Order bank: the load, and what must be true of it afterwards (hazards.md, workload).

Orders over W warehouses × K stock keeping units, Zipf over units and accounts; stock and money run short towards the end, so that nothing
is oversold only because something refuses. The marks in an order's id are what the services' own faults go by (services/demo/orders.py).
"""

import random
from dataclasses import dataclass, field
from typing import Any

from services.demo.orders import CATALOGUE, CURRENCY, DemoOrder

WAREHOUSES = ("north", "south", "west")
ACCOUNTS = 40
KINDS = ("good", "card-timeout", "carrier-full", "silent", "late-answer", "cancelled")
WEIGHTS = (76, 4, 4, 3, 3, 10)
SHORT_OF_STOCK, SHORT_OF_MONEY = 0.9, 0.97
CANARY = "canary-6f1d0c52"


@dataclass
class Bank:
    """At most `count` orders, drawn from the seed; stock and money are measured out for the first `expected` of them."""

    count: int
    seed: int
    expected: int = 0
    orders: list[DemoOrder] = field(default_factory=list)

    def __post_init__(self) -> None:
        chance = random.Random(self.seed)
        self.orders = [_order(number, self.seed, chance) for number in range(1, self.count + 1)]

    def body(self, order: DemoOrder) -> dict[str, Any]:
        """What is posted. The name in the address is nobody's business outside of bodies (I20)."""
        body = order.body()
        body["address"]["name"] = CANARY
        return body

    def stock(self) -> dict[str, dict[str, int]]:
        """What each warehouse has at first."""
        wanted = dict.fromkeys(CATALOGUE, 0)
        for order in self._expected():
            for sku, quantity in order.lines:
                wanted[sku] += quantity
        share = len(WAREHOUSES)
        return {warehouse: {sku: int(pieces * SHORT_OF_STOCK / share) + 1 for sku, pieces in wanted.items()} for warehouse in WAREHOUSES}

    def accounts(self) -> dict[str, int]:
        """Balances in minor units."""
        wanted: dict[str, int] = {}
        for order in self._expected():
            wanted[order.customer_id] = wanted.get(order.customer_id, 0) + order.total_minor
        return {customer: int(total * SHORT_OF_MONEY) for customer, total in wanted.items()}

    def _expected(self) -> list[DemoOrder]:
        return self.orders[: self.expected or self.count]

    def seed_of(self, service: str) -> dict[str, Any]:
        """SERVICE_SEED."""
        if service == "payment":
            cards = {"latency": 0.005, "marker": "-card-timeout", "seed": self.seed}
            return {"currency": CURRENCY, "accounts": self.accounts(), "cards": cards}
        if service == "inventory":
            return {"warehouses": self.stock(), "hold_seconds": 120}
        if service == "shipping":
            full = [{"marker": "-carrier-full", "calls": 2}]
            return {"carriers": {"swift": {"prefix": "SW", "moods": full}, "steady": {"prefix": "ST", "moods": full}}}
        return {}

    def faults_of(self, service: str) -> dict[str, Any]:
        """SERVICE_FAULTS: doubled, late and lost answers."""
        faults: dict[str, Any] = {"seed": self.seed, "duplicate": 0.1, "delay": {"share": 0.05, "seconds": 0.6}}
        if service == "inventory":
            silent = {"type": "StockReserved", "marker": "-silent", "attempts": 1_000_000}
            faults["lose"] = [silent, {"type": "StockReserved", "marker": "-late-answer", "attempts": 1}]
        return faults


def _order(number: int, seed: int, chance: random.Random) -> DemoOrder:
    (kind,) = chance.choices(KINDS, WEIGHTS)
    skus = sorted(CATALOGUE)
    chosen = sorted(set(chance.choices(skus, [1 / place for place in range(1, len(skus) + 1)], k=chance.randint(1, 3))))
    lines = tuple((sku, chance.randint(1, 3)) for sku in chosen)
    (account,) = chance.choices(range(1, ACCOUNTS + 1), [1 / place for place in range(1, ACCOUNTS + 1)])
    total = sum(CATALOGUE[sku] * quantity for sku, quantity in lines)
    return DemoOrder(f"c{seed}-{number:06}-{kind}", kind, f"customer-{account:02}", lines, total)
