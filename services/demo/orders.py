"""Orders of every kind, the same for the same seed.

good           fulfilled
declined       the card has too little: authorize_payment is refused
out-of-stock   nobody has so many: reserve_stock is refused
split          no warehouse has all of it: the pieces come from two
card-timeout   the card network does not answer in time, after it has held the money or before: asked again with the same key
busy-carrier   the preferred carrier is full: the next one takes the parcel
carrier-full   every carrier is full at first: asked again until one has room
expired        every carrier is full for so long that the reservation expires: the pieces are picked again
silent         inventory took the stock and its answer never comes: the step is in doubt, the stock released, the money let go
late-answer    inventory's first answer is lost, the repetition gets through
cancelled      an operator cancels it on its way; whether it is in time is up to the race
"""

import random
from dataclasses import dataclass
from typing import Any

KINDS = (
    "good",
    "declined",
    "out-of-stock",
    "split",
    "card-timeout",
    "busy-carrier",
    "carrier-full",
    "expired",
    "silent",
    "late-answer",
    "cancelled",
)
WEIGHTS = (58, 8, 6, 4, 4, 4, 4, 2, 3, 3, 4)
WAREHOUSES = ("north", "south")
CATALOGUE = {f"sku-{number:02}": 500 + 250 * number for number in range(1, 13)}
RARE = "sku-rare"
RARE_PRICE = 900
PAIR_PRICE = 700
RICH_CUSTOMERS = 20
POOR = "customer-poor"
POOR_BALANCE = 10
CURRENCY = "EUR"


@dataclass(frozen=True, slots=True)
class DemoOrder:
    """An order to place. `kind` says what is going to happen to it, `total_minor` what it costs, `pieces` how many it takes."""

    order_id: str
    kind: str
    customer_id: str
    lines: tuple[tuple[str, int], ...]
    total_minor: int

    def body(self) -> dict[str, Any]:
        """What the order service is sent."""
        return {
            "order_id": self.order_id,
            "customer_id": self.customer_id,
            "lines": [
                {"sku": sku, "quantity": quantity, "price": {"minor": price_of(sku), "currency": CURRENCY}} for sku, quantity in self.lines
            ],
            "total": {"minor": self.total_minor, "currency": CURRENCY},
            "address": {"name": "Ada Example", "street": "1 Test Road", "city": "Berlin", "postcode": "10115", "country": "DE"},
        }


def make_orders(count: int, seed: int) -> list[DemoOrder]:
    """`count` orders; every kind is among them as soon as there are enough."""
    chance = random.Random(seed)  # noqa: S311 - a demonstration, not a secret
    kinds = [*KINDS[: min(count, len(KINDS))], *chance.choices(KINDS, WEIGHTS, k=max(0, count - len(KINDS)))]
    chance.shuffle(kinds)
    return [_order(number, kind, seed, chance) for number, kind in enumerate(kinds, 1)]


def price_of(sku: str) -> int:
    """What a piece costs, in minor units. A pair is made for one order."""
    return {**CATALOGUE, RARE: RARE_PRICE}.get(sku, PAIR_PRICE)


def stock_for(orders: list[DemoOrder]) -> dict[str, dict[str, int]]:
    """By warehouse: enough of everything but the rare one, of which there is a single piece. Of a pair there is one piece in each."""
    wanted = dict.fromkeys(CATALOGUE, 0)
    pairs: list[str] = []
    for order in orders:
        for sku, quantity in order.lines:
            if sku in wanted:
                wanted[sku] += quantity
            elif sku != RARE:
                pairs.append(sku)
    north, south = WAREHOUSES
    return {
        north: {**{sku: pieces // 2 + 5 for sku, pieces in wanted.items()}, **dict.fromkeys(pairs, 1), RARE: 1},
        south: {**{sku: pieces - pieces // 2 + 5 for sku, pieces in wanted.items()}, **dict.fromkeys(pairs, 1)},
    }


def accounts_for(orders: list[DemoOrder]) -> dict[str, int]:
    """Balances in minor units: enough for everything that each customer orders, but for the poor one."""
    balances = {f"customer-{number:02}": 1_000 for number in range(1, RICH_CUSTOMERS + 1)}
    for order in orders:
        if order.customer_id != POOR:
            balances[order.customer_id] += order.total_minor
    return {**balances, POOR: POOR_BALANCE}


def _order(number: int, kind: str, seed: int, chance: random.Random) -> DemoOrder:
    skus = chance.sample(sorted(CATALOGUE), k=chance.randint(1, 3))
    lines = tuple((sku, chance.randint(1, 3)) for sku in sorted(skus))
    total = sum(CATALOGUE[sku] * quantity for sku, quantity in lines)
    customer = f"customer-{chance.randint(1, RICH_CUSTOMERS):02}"
    if kind == "out-of-stock":
        lines, total = ((RARE, 2),), RARE_PRICE * 2
    if kind == "split":
        lines, total = ((f"sku-pair-{number:05}", 2),), PAIR_PRICE * 2
    if kind == "declined":
        customer = POOR
    return DemoOrder(f"s{seed}-{number:05}-{kind}", kind, customer, lines, total)
