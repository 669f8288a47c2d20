"""The shipping service put together, and its read-only HTTP routes.

`SERVICE_SEED='{"carriers": {"swift": {"prefix": "SW", "capacity": 20, "window": 60}, "steady": {"latency": 0.2}}}'` names the carriers,
the preferred one first (services/shipping/domain.py).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI

from saga.errors import ConfigurationError
from saga.sdk import Reading, Transaction
from saga.sdk.http import base_app
from saga.sdk.pages import Sum
from saga.sdk.service import Parts, Service
from saga.sdk.settings import ServiceSettings
from services.ledger import Books, Key, Limit, add_ledger
from services.shipping import store
from services.shipping.domain import carrier_of
from services.shipping.handlers import shipping_participant

CARRIERS: Mapping[str, Mapping[str, Any]] = {
    "swift": {"prefix": "SW", "latency": 0.01},
    "steady": {"prefix": "ST", "latency": 0.05},
    "abroad": {"prefix": "AB", "latency": 0.1},
}


def parts(settings: ServiceSettings) -> Parts:
    """What this service brings to the SDK."""
    try:
        carriers = [carrier_of(name, moods) for name, moods in settings.seed.get("carriers", CARRIERS).items()]
    except TypeError as error:
        raise ConfigurationError(f"SERVICE_SEED: carriers: {error}") from None

    async def seed(db: Transaction) -> None:
        for carrier in carriers:
            await store.add_carrier(db, carrier)

    return Parts(shipping_participant(carriers), store.SCRIPTS, seed)


def build_app(service: Service) -> FastAPI:
    """The ledger's routes, and /shipments a page at a time."""
    app = base_app(service)
    add_ledger(app, service, Books(sums, "carriers", store.carriers))

    @app.get("/shipments")
    async def shipments(after: Key = "", limit: Limit = 200) -> Sequence[Mapping[str, Any]]:
        async with service.reading() as db:
            return [dict(row) for row in await store.shipments(db, after, limit)]

    return app


async def sums(db: Reading) -> list[Sum]:
    """Per carrier: every number that was drawn is on one shipment, and every shipment is in the ledger."""
    found: list[Sum] = []
    for row in await store.carriers(db):
        found.append(Sum(f"{row['carrier']}: numbers drawn, and shipments with a number", row["drawn"], row["shipments"]))
        found.append(Sum(f"{row['carrier']}: shipments, and labels in the ledger", row["shipments"], row["labels_by_ledger"]))
    return found
