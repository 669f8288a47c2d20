"""REST and CLI over the real desk and a real database: what a client sends meets SQL here."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from contracts.examples import EXAMPLES
from contracts.order import OrderPlaced
from saga import bootstrap
from saga.api.app import build_app
from saga.config import Settings
from saga.observability.telemetry import Telemetry
from saga.store.postgres import PostgresStore
from tests.unit.api_client import pointers, problem_of

pytestmark = pytest.mark.integration
DEFINITIONS = "services.order.fulfilment"
STARTS = "/v1/definitions/fulfil-order/sagas"
PLACED: dict[str, Any] = next(json.loads(one.body()) for one in EXAMPLES if isinstance(one, OrderPlaced))
EXTREMES = [
    "/v1/sagas?started_after=1970-01-01T00:00:00Z&started_before=9998-12-31T23:59:59Z",
    "/v1/sagas?key=%F0%9F%92%A5%E2%80%AE&definition=%27%20or%201%3D1--",
    "/v1/sagas?cursor=c_____________________w",
    "/v1/dead-letters?cursor=ZAE",
    "/v1/dead-letters?cursor=ZAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v",
    "/v1/definitions/fulfil-order/2147483647/diagram",
]


@asynccontextmanager
async def rest(dsn: str) -> AsyncIterator[httpx2.AsyncClient]:
    """REST over a replica that has published the order saga; nothing is sent."""
    settings = Settings(postgres_dsn=dsn, definitions=DEFINITIONS, insecure_dev=True)  # type: ignore[arg-type]
    store = await PostgresStore.connect(settings)
    try:
        telemetry = Telemetry.silent()
        replica = bootstrap.build(settings, store, bootstrap.Unsent(), bootstrap.load_definitions(settings), telemetry)
        await replica.heartbeat.beat()
        app = build_app(replica.desk, telemetry.metrics.page, settings)
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as http:
            yield http
    finally:
        await store.close()


async def start(http: httpx2.AsyncClient, order: str, key: str = "k", **changes: object) -> httpx2.Response:
    """Start the saga of an order."""
    return await http.post(STARTS, json={**PLACED, "order_id": order, **changes}, headers={"Idempotency-Key": key})


async def saga(dsn: str, *arguments: str) -> tuple[int, Any]:
    """`python -m saga ... --json` on this database: its exit code and document."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "saga", *arguments, "--postgres", dsn, "--definitions", DEFINITIONS, "--json", stdout=-1, stderr=-1
    )
    out, err = await process.communicate()
    return process.returncode or 0, json.loads(out or err)


async def test_one_start_is_one_saga_however_often_it_is_asked_for(migrated_dsn: str) -> None:
    async with rest(migrated_dsn) as http:
        first, again = await start(http, "1"), await start(http, "1")
        other_key = await start(http, "1", key="k2")
        assert (first.status_code, first.headers["etag"]) == (201, '"2"')
        assert first.content == again.content == other_key.content
        problem_of(await start(http, "1", customer_id="somebody else"), 422, "conflicting-start")
        wrong = problem_of(await start(http, "2", key="k3", lines=[{"sku": "tea", "quantity": "many"}]), 422, "invalid-body")
        assert ("body", "/lines/0/quantity") in pointers(wrong)
        assert len((await http.get("/v1/sagas")).json()["items"]) == 1


async def test_a_saga_is_shown_cancelled_once_and_seen_as_it_was(migrated_dsn: str) -> None:
    async with rest(migrated_dsn) as http:
        path = (await start(http, "1")).json()["href"]
        etag = (await http.get(path)).headers["etag"]
        why = {"reason": "changed mind"}
        problem_of(await http.post(f"{path}/cancel", json=why, headers={"If-Match": '"1"'}), 412, "version-changed")
        done = await http.post(f"{path}/cancel", json=why, headers={"If-Match": etag, "Idempotency-Key": "a", "X-Actor": "ada"})
        again = await http.post(f"{path}/cancel", json=why, headers={"Idempotency-Key": "a"})
        assert (done.status_code, done.json()["events"]) == (200, ["TurnedBack"])
        assert (again.status_code, again.json()["events"]) == (200, [])
        turned = (await http.get(f"{path}/events?after=2")).json()["items"][0]
        assert (turned["name"], turned["data"]["actor"], turned["data"]["reason"]) == ("TurnedBack", "ada", "changed mind")
        assert (await http.get(f"{path}?at_version=2")).json()["status"] == "running"
        assert (await http.get(path)).json()["status"] == "compensating"


async def test_pages_over_a_real_table_hold_every_saga_once(migrated_dsn: str) -> None:
    async with rest(migrated_dsn) as http:
        for number in range(5):
            assert (await start(http, str(number), key=f"k{number}")).status_code == 201
        path, seen = "/v1/sagas?limit=2&status=running", []
        while path:
            answer = await http.get(path)
            seen += [item["key"] for item in answer.json()["items"]]
            path = answer.links.get("next", {}).get("url", "")
    assert sorted(seen) == ["0", "1", "2", "3", "4"]
    assert len(seen) == 5


@pytest.mark.parametrize("path", EXTREMES)
async def test_what_passes_the_bounds_does_not_break_sql(migrated_dsn: str, path: str) -> None:
    async with rest(migrated_dsn) as http:
        answer = await http.get(path)
    assert answer.status_code in (200, 404, 422), answer.text


async def test_the_command_migrates_looks_acts_and_checks(postgres_dsn: str) -> None:
    code, migrated = await saga(postgres_dsn, "migrate")
    assert (code, bool(migrated["applied"])) == (0, True)
    async with rest(postgres_dsn) as http:
        await start(http, "1042")
    assert (await saga(postgres_dsn, "show", "fulfil-order:1042"))[1]["status"] == "running"
    code, done = await saga(postgres_dsn, "cancel", "fulfil-order:1042", "--reason", "r", "--if-version", "2")
    assert (code, done["events"]) == (0, ["TurnedBack"])
    assert (await saga(postgres_dsn, "skip", "fulfil-order:1042", "--step", "ship", "--reason", "r"))[0] == 1
    assert (await saga(postgres_dsn, "show", "fulfil-order:1"))[0] == 4
    code, report = await saga(postgres_dsn, "replay", "--check")
    assert (code, report["sagas"], report["differing"]) == (0, 1, [])
