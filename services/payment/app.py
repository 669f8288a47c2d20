"""The payment service put together, and its read-only HTTP routes.

`SERVICE_SEED='{"currency": "EUR", "accounts": {"ada": 100000}}'` opens accounts at the start, balances in minor units.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import FastAPI, Query

from saga.messages import Money
from saga.sdk import Transaction
from saga.sdk.http import base_app
from saga.sdk.service import Parts, Service
from saga.sdk.settings import ServiceSettings
from services.payment import store
from services.payment.handlers import payment

Limit = Annotated[int, Query(ge=1, le=1_000)]


def parts(settings: ServiceSettings) -> Parts:
    """What this service brings to the SDK."""

    async def seed(db: Transaction) -> None:
        currency = settings.seed.get("currency", "EUR")
        for customer_id, balance in settings.seed.get("accounts", {}).items():
            await store.open_account(db, customer_id, Money(minor=balance, currency=currency))

    return Parts(payment, store.SCRIPTS, seed)


def build_app(service: Service) -> FastAPI:
    """/ledger and /accounts, a page at a time."""
    app = base_app(service)

    @app.get("/ledger")
    async def ledger(after: int = 0, limit: Limit = 200) -> Sequence[Mapping[str, Any]]:
        async with service.reading() as db:
            return [dict(row) for row in await store.ledger(db, after, limit)]

    @app.get("/accounts")
    async def accounts(after: str = "", limit: Limit = 200) -> Sequence[Mapping[str, Any]]:
        async with service.reading() as db:
            return [dict(row) for row in await store.accounts(db, after, limit)]

    return app
