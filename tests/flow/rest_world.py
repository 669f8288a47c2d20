"""REST over the whole coordinator in memory, with the gate closed: callers come with keys."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import httpx2
from fastapi import FastAPI
from fastapi.routing import APIRoute

from saga.access.gate import Around, Gate
from saga.access.keys import Owner, make_key
from saga.access.principal import read_grants
from saga.api.app import build_app
from saga.bootstrap import Coordinator
from saga.config import Settings
from saga.ports.access import AuditEntry
from saga.testing.store import MemoryStore
from tests.flow.world import World
from tests.unit.shop import FULFIL_ORDER

BODY = {"order_id": "1", "lines": 2}
VALUES = {"reason": "r", "step": "authorize_payment", "evidence": "e", "filter": {}}


class Operation(NamedTuple):
    """An operation of the document, and what a request of it needs."""

    id: str
    method: str
    path: str
    fields: tuple[str, ...]


def routes(app: FastAPI) -> Iterator[APIRoute]:
    """Every route of the application, those of its routers included."""
    for route in app.routes:
        inner = getattr(route, "original_router", None)
        yield from (one for one in (inner.routes if inner else [route]) if isinstance(one, APIRoute))


def operations(document: dict[str, Any]) -> Iterator[Operation]:
    """Every operation under /v1."""
    for path, methods in document["paths"].items():
        for method, said in methods.items() if path.startswith("/v1/") else ():
            content = said.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            schema = document["components"]["schemas"].get(content.get("$ref", "").rpartition("/")[2], {})
            yield Operation(said["operationId"], method.upper(), path, tuple(schema.get("required", ())))


@dataclass
class Rest:
    """A client without a credential, and the world behind it."""

    http: httpx2.AsyncClient
    world: World
    replica: Coordinator
    app: FastAPI

    @property
    def store(self) -> MemoryStore:
        return self.world.store

    async def caller(self, *grants: str, tenant: str = "default", name: str = "") -> dict[str, str]:
        """Headers of a new key with these grants."""
        row, text = make_key(Owner(name or f"n{uuid4().hex[:8]}", tenant, "tests"), read_grants(grants), None)
        await self.store.add_api_key(row, AuditEntry(tenant, "tests", "add-key", "done", row.id))
        return {"Authorization": f"Bearer {text}"}

    async def start(self, headers: dict[str, str], order: str = "1") -> UUID:
        """The saga of an order."""
        answer = await self.http.post(
            "/v1/definitions/fulfil-order/sagas", json={**BODY, "order_id": order}, headers={**headers, "Idempotency-Key": order}
        )
        assert answer.status_code == 201, answer.text
        return UUID(answer.json()["saga_id"])

    async def ask(self, one: Operation, headers: dict[str, str], **path: object) -> httpx2.Response:
        """A request of this operation that is right as far as the document says."""
        known = {"name": "fulfil-order", "version": 1, "saga_id": UUID(int=1), "letter": "0" * 64, **path}
        body = BODY if one.id == "startSaga" else {name: VALUES.get(name, "x") for name in one.fields}
        more = {"json": body} if one.method != "GET" else {}
        return await self.http.request(one.method, one.path.format(**known), headers={**headers, "Idempotency-Key": uuid4().hex}, **more)

    async def outcomes(self, tenant: str = "default") -> list[tuple[str, str, str]]:
        """The audit without changes of keys: actor, act, outcome."""
        rows = [row.entry for row in await self.store.audit_chain(tenant, 0, 1_000)]
        return [(one.actor, one.act, one.outcome) for one in rows if not one.act.endswith("-key")]


@asynccontextmanager
async def rest(settings: Settings | None = None, around: Around | None = None) -> AsyncIterator[Rest]:
    """A replica that has published the order saga."""
    settings = settings or Settings(http_rate=0)
    world = World(definitions=(FULFIL_ORDER.compile(),))
    replica = world.replica()
    await replica.heartbeat.beat()
    app = build_app(replica.desk, lambda: (b"", "text/plain"), settings, Gate(settings, world.store, around))
    app.state.streams.stream_for = 0.0  # a stream says what it begins with and ends
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as http:
        yield Rest(http, world, replica, app)
