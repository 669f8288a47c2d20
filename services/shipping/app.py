"""The shipping service put together, and its read-only HTTP routes.

`SERVICE_SEED='{"carrier": {"busy_share": 0.2, "busy_calls": 2, "refuses": ["XX"], "seed": 7}}'` sets the carrier's moods.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import FastAPI, Query

from saga.sdk.http import base_app
from saga.sdk.service import Parts, Service
from saga.sdk.settings import ServiceSettings
from services.shipping import store
from services.shipping.domain import Carrier
from services.shipping.handlers import shipping_participant

Limit = Annotated[int, Query(ge=1, le=1_000)]


def parts(settings: ServiceSettings) -> Parts:
    """What this service brings to the SDK."""
    moods = settings.seed.get("carrier", {})
    carrier = Carrier(
        busy_share=float(moods.get("busy_share", 0.0)),
        busy_calls=int(moods.get("busy_calls", 2)),
        busy_marker=str(moods.get("busy_marker", "")),
        refuses=frozenset(moods.get("refuses", ())),
        seed=int(moods.get("seed", 0)),
    )
    return Parts(shipping_participant(carrier), store.SCRIPTS)


def build_app(service: Service) -> FastAPI:
    """/ledger, a page at a time."""
    app = base_app(service)

    @app.get("/ledger")
    async def ledger(after: int = 0, limit: Limit = 200) -> Sequence[Mapping[str, Any]]:
        async with service.reading() as db:
            return [dict(row) for row in await store.ledger(db, after, limit)]

    return app
