"""Two replicas on real Postgres and real Kafka: a stream of all sagas that is cut at one replica goes on at the other."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from itertools import pairwise

import httpx2
import pytest
from test_serve import Serving, serving

from saga.transport.topics import create_topics

pytest_plugins = ["kafka_fixtures"]
pytestmark = pytest.mark.integration

PARTICIPANTS = ("order", "payment", "inventory", "shipping")
TOPICS = ("saga.lifecycle", *(f"{name}.{kind}" for name in PARTICIPANTS for kind in ("commands", "events")))
BODY = {
    "customer_id": "ada",
    "lines": [{"sku": "a", "quantity": 1, "price": {"minor": 5, "currency": "EUR"}}],
    "total": {"minor": 5, "currency": "EUR"},
    "address": {"name": "Ada", "street": "1 Road", "city": "Berlin", "postcode": "10115", "country": "DE"},
}
WITHIN = 40.0


async def events(replica: Serving, last: str = "") -> AsyncIterator[dict[str, str]]:
    """The events of the stream of all sagas, from a place on."""
    async with httpx2.AsyncClient(timeout=WITHIN) as http:
        headers = {"Last-Event-ID": last} if last else {}
        async with http.stream("GET", f"{replica.url}/v1/stream", headers=headers) as answer:
            assert answer.status_code == 200
            event: dict[str, str] = {}
            async for line in answer.aiter_lines():
                if line:
                    name, _, text = line.partition(": ")
                    event[name] = text
                elif event:
                    yield event
                    event = {}


async def take(stream: AsyncIterator[dict[str, str]], count: int) -> list[dict[str, str]]:
    """So many changes; a place without a change counts as none."""
    found: list[dict[str, str]] = []
    async with asyncio.timeout(WITHIN):
        while len(found) < count:
            event = await anext(stream)
            found += [event] if "data" in event else []
    return found


async def place(replica: Serving, order: str) -> str:
    """The id of the saga of an order."""
    async with httpx2.AsyncClient(timeout=10) as http:
        path = f"{replica.url}/v1/definitions/fulfil-order/sagas"
        answer = await http.post(path, json={**BODY, "order_id": order}, headers={"Idempotency-Key": order})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["saga_id"])


async def act(replica: Serving, saga: str, verb: str) -> None:
    """A person acts."""
    async with httpx2.AsyncClient(timeout=10) as http:
        answer = await http.post(f"{replica.url}/v1/sagas/{saga}/{verb}", json={"reason": "a test"})
        assert answer.status_code == 200, answer.text


async def test_a_stream_that_is_cut_at_one_replica_goes_on_at_the_other(migrated_dsn: str, real_kafka: str) -> None:  # I18
    await create_topics(real_kafka, TOPICS, 3)
    async with serving(migrated_dsn, real_kafka, session=6) as one, serving(migrated_dsn, real_kafka, session=6) as two:
        for replica in (one, two):
            await replica.until(lambda answer: answer.get("ready") is True)
        stream = events(one)
        async with asyncio.timeout(WITHIN):
            while "id" not in await anext(stream):
                pass
        first = await place(two, "1")
        seen = await take(stream, 1)
        await stream.aclose()  # type: ignore[attr-defined]
        second = await place(one, "2")
        for verb in ("pause", "resume", "cancel"):
            await act(two, first, verb)
            await act(one, second, verb)
        seen += await take(events(two, seen[-1]["id"]), 7)
    told = [json.loads(event["data"]) for event in seen]
    by_saga: defaultdict[str, list[dict[str, object]]] = defaultdict(list)
    for change in told:
        by_saga[change["saga_id"]].append(change)
    assert set(by_saga) == {first, second}
    for changes in by_saga.values():
        assert [change["what"] for change in changes] == ["started", "paused", "resumed", "turned-back"]
    assert all(later["previous"] == earlier["version"] for changes in by_saga.values() for earlier, later in pairwise(changes))
