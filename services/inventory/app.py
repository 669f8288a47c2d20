"""The inventory service put together, and its read-only HTTP routes.

`SERVICE_SEED='{"warehouses": {"north": {"tea-500": 100}, "south": {"tea-500": 20}}, "hold_seconds": 900}'` puts pieces in stock at the
start and says how long they stay reserved; `{"stock": {"tea-500": 100}}` is short for one warehouse called main.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from fastapi import FastAPI

from saga.sdk import Reading, Transaction
from saga.sdk.http import base_app
from saga.sdk.pages import Sum
from saga.sdk.service import Parts, Service
from saga.sdk.settings import ServiceSettings
from services.inventory import store
from services.inventory.handlers import expire_one, inventory
from services.ledger import Books, Key, Limit, add_ledger

ONE_WAREHOUSE = "main"
HOLD_SECONDS = 900


def parts(settings: ServiceSettings) -> Parts:
    """What this service brings to the SDK."""
    warehouses = {ONE_WAREHOUSE: settings.seed.get("stock", {}), **settings.seed.get("warehouses", {})}
    hold_for = timedelta(seconds=float(settings.seed.get("hold_seconds", HOLD_SECONDS)))

    async def seed(db: Transaction) -> None:
        for warehouse, stock in warehouses.items():
            for sku, quantity in stock.items():
                await store.put_in_stock(db, warehouse, sku, quantity)
        await store.hold_for(db, hold_for)

    return Parts(inventory, store.SCRIPTS, seed, expire_one)


def build_app(service: Service) -> FastAPI:
    """The ledger's routes, and /stock a page at a time."""
    app = base_app(service)
    add_ledger(app, service, Books(sums, "warehouses", store.warehouses))

    @app.get("/stock")
    async def stock(after: Key = "", limit: Limit = 200) -> Sequence[Mapping[str, Any]]:
        async with service.reading() as db:
            return [dict(row) for row in await store.stock(db, after, limit)]

    return app


async def sums(db: Reading) -> list[Sum]:
    """Per warehouse: no piece is lost, and what the ledger says was reserved and shipped is what the stock says."""
    found: list[Sum] = []
    for row in await store.warehouses(db):
        name = row["warehouse"]
        found.append(Sum(f"{name}: pieces at first, and on hand or shipped now", row["at_first"], row["on_hand"] + row["shipped"]))
        found.append(Sum(f"{name}: pieces reserved, by stock and by ledger", row["reserved"], row["reserved_by_ledger"]))
        found.append(Sum(f"{name}: pieces shipped, by stock and by ledger", row["shipped"], row["shipped_by_ledger"]))
    return found
