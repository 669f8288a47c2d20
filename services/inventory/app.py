"""The inventory service put together, and its read-only HTTP routes.

`SERVICE_SEED='{"stock": {"tea-500": 100}}'` puts pieces in stock at the start.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import FastAPI, Query

from saga.sdk import Transaction
from saga.sdk.http import base_app
from saga.sdk.service import Parts, Service
from saga.sdk.settings import ServiceSettings
from services.inventory import store
from services.inventory.handlers import inventory

Limit = Annotated[int, Query(ge=1, le=1_000)]


def parts(settings: ServiceSettings) -> Parts:
    """What this service brings to the SDK."""

    async def seed(db: Transaction) -> None:
        for sku, quantity in settings.seed.get("stock", {}).items():
            await store.put_in_stock(db, sku, quantity)

    return Parts(inventory, store.SCRIPTS, seed)


def build_app(service: Service) -> FastAPI:
    """/ledger and /stock, a page at a time."""
    app = base_app(service)

    @app.get("/ledger")
    async def ledger(after: int = 0, limit: Limit = 200) -> Sequence[Mapping[str, Any]]:
        async with service.reading() as db:
            return [dict(row) for row in await store.ledger(db, after, limit)]

    @app.get("/stock")
    async def stock(after: str = "", limit: Limit = 200) -> Sequence[Mapping[str, Any]]:
        async with service.reading() as db:
            return [dict(row) for row in await store.stock(db, after, limit)]

    return app
