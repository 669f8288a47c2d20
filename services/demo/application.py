"""The reference application as `saga demo` sees it."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import httpx2
import orjson

from saga.core.identity import DO, command_id
from saga.embedded.application import Place
from services.demo.figures import Figures, figures_of
from services.demo.orders import CURRENCY, DemoOrder, accounts_for, make_orders, stock_for
from services.demo.store import PARTICIPANTS, read_ledgers, read_states, read_untold

ENDED = ("confirmed", "rejected", "not-accepted")
DUPLICATED = 0.10
DELAYED = {"share": 0.05, "seconds": 0.6}
HOLD_SECONDS = 3.0
LONG_PAUSE = 4.0


def application(orders: int, seed: int) -> "DemoApplication":
    """What `saga demo` asks for by name."""
    return DemoApplication(orders, seed)


class DemoApplication:
    """Four services, a definition, and orders that meet every trouble. `told_within`: seconds until the card network has heard of the end
    of every hold."""

    told_within = 20.0
    participants = PARTICIPANTS
    definitions = "services.order.fulfilment"

    def __init__(self, orders: int, seed: int) -> None:
        self.seed = seed
        self.orders = make_orders(orders, seed)

    def processes(self, place: Place) -> Sequence[tuple[str, Sequence[str], Mapping[str, str]]]:
        """One process a service."""
        return [(name, ("-m", f"services.{name}"), self._environment(name, place)) for name in PARTICIPANTS]

    async def place(self, client: httpx2.AsyncClient, place: Place, order: DemoOrder) -> None:
        """POST /orders, again until it is taken: the order id makes that safe."""
        while True:
            try:
                answer = await client.post(f"{place.service_urls['order']}/orders", json=order.body())
            except httpx2.TransportError:
                await asyncio.sleep(0.1)
                continue
            if answer.status_code < 500:
                answer.raise_for_status()
                return
            await asyncio.sleep(0.1)

    async def ended(self, place: Place) -> int:
        """Orders that were confirmed or taken back, or undone before the order service had even accepted them."""
        states, tombstones = await read_states(place.services_dsn)
        buried = sum(_accept_id(order) in tombstones for order in self.orders) if tombstones else 0
        return buried + sum(state in ENDED for state in states.values())

    async def figures(self, place: Place, cancelled: Collection[str]) -> Figures:
        """The check of the ledgers, once the card network has been told of every hold that has ended."""
        async with asyncio.timeout(self.told_within):
            while await read_untold(place.services_dsn):  # noqa: ASYNC110 - the tables have no event to wait for
                await asyncio.sleep(0.1)
        ledgers = await read_ledgers(place.services_dsn)
        buried = [order.order_id for order in self.orders if _accept_id(order) in ledgers.tombstones]
        return figures_of(self.orders, ledgers, cancelled, buried)

    def _environment(self, name: str, place: Place) -> dict[str, str]:
        return {
            "SERVICE_POSTGRES_DSN": place.services_dsn,
            "SERVICE_KAFKA_BOOTSTRAP": place.bootstrap,
            "SERVICE_HTTP_PORT": place.service_urls[name].rpartition(":")[2],
            "SERVICE_FETCH_WAIT": str(place.fetch_wait),
            "SERVICE_SESSION_TIMEOUT": str(place.session_timeout),
            "SERVICE_SEED": orjson.dumps(self._seed(name)).decode(),
            "SERVICE_FAULTS": orjson.dumps(self._faults(name)).decode(),
        }

    def _seed(self, name: str) -> dict[str, Any]:
        if name == "payment":
            cards = {"latency": 0.01, "marker": "-card-timeout", "seed": self.seed}
            return {"currency": CURRENCY, "accounts": accounts_for(self.orders), "cards": cards}
        if name == "inventory":
            return {"warehouses": stock_for(self.orders), "hold_seconds": HOLD_SECONDS}
        if name == "shipping":
            return {"carriers": _carriers()}
        return {}

    def _faults(self, name: str) -> dict[str, Any]:
        faults: dict[str, Any] = {"seed": self.seed, "duplicate": DUPLICATED, "delay": DELAYED}
        if name == "inventory":
            faults["lose"] = [
                {"type": "StockReserved", "marker": "-silent", "attempts": 1_000_000},
                {"type": "StockReserved", "marker": "-late-answer", "attempts": 1},
            ]
        return faults


def _carriers() -> dict[str, Any]:
    """Three, the preferred one first; it is full for more orders than the others, and has few parcels a second."""
    full = [{"marker": "-carrier-full", "calls": 2}, {"marker": "-expired", "calls": 1, "pause": LONG_PAUSE}]
    return {
        "swift": {"prefix": "SW", "capacity": 20, "window": 1.0, "moods": [*full, {"marker": "-busy-carrier", "calls": 2}]},
        "steady": {"prefix": "ST", "latency": 0.02, "moods": full},
        "abroad": {"prefix": "AB", "latency": 0.05, "moods": full},
    }


def _accept_id(order: DemoOrder) -> str:
    return command_id(("default", "fulfil-order", order.order_id), "accept_order", "", DO, 0)
