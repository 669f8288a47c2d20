"""Streams and waiting starts of REST, over the desk in memory."""

import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI

from saga.access.principal import Grant, Principal, Role
from saga.api import waiting
from saga.api.app import build_app
from saga.config import Settings
from saga.errors import Unavailable
from saga.runtime.following import At, Away, Change
from tests.unit.api_client import problem_of
from tests.unit.fake_operations import FakeOperations, row
from tests.unit.test_chain import change

FIRST = f"/v1/sagas/{UUID(int=1)}/stream"
ALL = "/v1/stream"
STARTS = "/v1/definitions/fulfil-order/sagas"


def app_of(operations: FakeOperations, **settings: Any) -> FastAPI:
    app = build_app(operations, lambda: (b"", ""), Settings(insecure_dev=True, **settings))
    app.state.streams.linger = 0.0
    return app


async def get(app: FastAPI, path: str, **headers: str) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test") as http:
        return await http.get(path, headers=named)


def events_of(answer: httpx2.Response) -> list[dict[str, str]]:
    """The events of a stream, by the lines of each; comments under the empty name."""
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "text/event-stream")
    blocks = answer.text.split("\n\n")
    return [dict((line.split(": ", 1) if line[0] != ":" else ("", line[2:])) for line in block.split("\n")) for block in blocks if block]


def ended(number: int = 1) -> FakeOperations:
    operations = FakeOperations().with_rows(number)
    operations.rows[UUID(int=1)] = row(1, status="completed", ended=True)
    return operations


async def test_a_sagas_events_come_with_their_versions_as_ids_and_an_end() -> None:
    begin, *events, end = events_of(await get(app_of(ended()), FIRST))
    assert begin == {"retry": "2000"}
    assert [event["id"] for event in events] == ["1", "2", "3"]
    assert json.loads(events[0]["data"])["name"] == "StepIssued"
    assert (end["event"], json.loads(end["data"])) == ("end", {"version": 3, "status": "completed", "ended": True})


async def test_a_stream_resumes_after_the_last_event_that_was_seen() -> None:
    found = events_of(await get(app_of(ended()), FIRST, last_event_id="2"))
    assert [event["id"] for event in found if "id" in event] == ["3", "3"]


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "99999999999", "0.1", " 1 1"])
async def test_what_is_no_version_is_refused_before_anything_is_sent(last: str) -> None:
    answer = await get(app_of(ended()), FIRST, last_event_id=last)
    assert problem_of(answer, 422, "invalid-request")["errors"][0]["pointer"] == "Last-Event-ID"


async def test_the_stream_of_a_saga_that_is_not_there_is_a_404_and_of_a_missing_database_a_503() -> None:
    problem_of(await get(app_of(FakeOperations()), FIRST), 404, "not-found")
    problem_of(await get(app_of(FakeOperations(raises=Unavailable("postgres", "gone"))), FIRST), 503, "unavailable")
    problem_of(await get(app_of(ended()), f"{FIRST}?force=true"), 422, "invalid-request")


async def test_a_tenant_has_only_so_many_streams() -> None:  # A4
    app = app_of(ended(), http_streams=1)
    with app.state.streams.taken("default"):
        refused = await get(app, FIRST)
        assert problem_of(refused, 429, "too-many-streams")
        assert refused.headers["retry-after"] == "5"
        with app.state.streams.taken("another"):
            assert app.state.streams.open == 2
    assert (await get(app, FIRST)).status_code == 200
    assert app.state.streams.open == 0


async def test_a_replica_that_drains_ends_its_streams() -> None:
    app = app_of(FakeOperations().with_rows(1))
    app.state.streams.close()
    assert events_of(await get(app, FIRST)) == [{"retry": "2000"}]


async def test_a_stream_ends_after_its_time_so_that_the_gate_is_asked_again() -> None:
    app = app_of(FakeOperations().with_rows(1))
    app.state.streams.stream_for = 0.05
    assert [event.get("id") for event in events_of(await get(app, FIRST))] == [None, "1", "2", "3"]


def told(saga: int, version: int, **changes: Any) -> Change:
    record = change(version, saga)
    return Change(record._replace(message=record.message.model_copy(update=changes)), {0: saga, 1: version})


async def test_all_sagas_are_followed_from_a_first_id_on_with_places_as_ids() -> None:
    operations = FakeOperations(told=[At({0: 0, 1: 0}), told(1, 1), At({0: 1, 1: 1}), told(1, 4)])
    begin, here, *changes = events_of(await get(app_of(operations), ALL))
    assert (begin, here) == ({"retry": "2000"}, {"": "here", "id": "0.0,1.0"})
    assert [(event["id"], json.loads(event["data"])["what"]) for event in changes] == [("0.1,1.1", "started"), ("0.1,1.4", "turned-back")]
    assert operations.since is None


async def test_a_stream_of_all_resumes_at_its_place() -> None:
    operations = FakeOperations(told=[])
    await get(app_of(operations), ALL, last_event_id="0.12,3.4")
    assert operations.since == {0: 12, 3: 4}


@pytest.mark.parametrize("last", ["x", "1", "0.1;1.2", "0.1,", ",", "0.99999999999999999999", ",".join(["0.1"] * 1001)])
async def test_what_is_no_place_is_refused(last: str) -> None:
    problem_of(await get(app_of(FakeOperations()), ALL, last_event_id=last), 422, "invalid-request")


async def test_only_what_was_asked_for_is_told() -> None:
    operations = FakeOperations(told=[told(1, 1), told(2, 1, status="parked"), told(3, 1, definition="other", status="parked")])
    found = events_of(await get(app_of(operations), f"{ALL}?status=parked&definition=tiny"))
    assert [json.loads(event["data"])["saga_id"] for event in found if "data" in event] == [str(UUID(int=2))]
    problem_of(await get(app_of(operations), f"{ALL}?status=lost"), 422, "invalid-request")
    problem_of(await get(app_of(operations), f"{ALL}?tenant=other"), 422, "invalid-request")


async def test_nobody_is_told_of_another_tenant_or_of_a_definition_that_they_may_not_see() -> None:  # A1
    operations = FakeOperations(told=[told(1, 1), told(2, 1, tenant="other"), told(3, 1, definition="secret")])
    app = app_of(operations)

    async def principal(*_: object) -> Principal:
        return Principal("key:ci", "default", (Grant("tiny", Role.VIEWER),))

    app.state.gate.principal = principal
    found = events_of(await get(app, ALL))
    assert [json.loads(event["data"])["saga_id"] for event in found if "data" in event] == [str(UUID(int=1))]


async def test_kafka_away_is_a_comment() -> None:
    operations = FakeOperations(told=[Away("nobody at 10.0.0.1"), At({0: 0})])
    assert [event[""] for event in events_of(await get(app_of(operations), ALL)) if "" in event] == ["kafka is away: waiting", "here"]


async def start(app: FastAPI, prefer: str = "") -> httpx2.Response:
    headers = {"Idempotency-Key": "k", **({"Prefer": prefer} if prefer else {})}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test") as http:
        return await http.post(STARTS, json={"order_id": "1"}, headers=headers)


@pytest.mark.parametrize("prefer", ["wait=2", "Wait = 2", 'respond-async, wait="2"; x=y', "wait=2, wait=7"])
async def test_a_start_that_may_wait_answers_with_the_outcome(prefer: str) -> None:
    operations = FakeOperations()
    app = app_of(operations)
    first = await start(app, prefer)
    assert (first.status_code, first.headers["preference-applied"]) == (202, "wait=2")
    assert first.json()["outcome"] == {"version": 3, "status": "running", "ended": False}
    operations.rows[UUID(int=1)] = replace(operations.rows[UUID(int=1)], status="completed", ended=True)
    again = await start(app, prefer)
    assert (again.status_code, again.json()["outcome"]["status"]) == (201, "completed")
    assert again.json()["saga_id"] == first.json()["saga_id"]


@pytest.mark.parametrize("prefer", ["", "wait", "wait=x", "wait=-1", "wait=0", "handling=lenient", "xwait=5", "wait=5.5"])
async def test_without_a_preference_that_we_know_the_answer_is_at_once_and_as_ever(prefer: str) -> None:
    answer = await start(app_of(FakeOperations()), prefer)
    assert (answer.status_code, set(answer.json())) == (201, {"saga_id", "href"})
    assert "preference-applied" not in answer.headers


async def test_nobody_waits_longer_than_the_cap_nor_when_too_many_do_nor_in_a_drain(monkeypatch: pytest.MonkeyPatch) -> None:  # A4
    app = app_of(FakeOperations())
    assert waiting.LONGEST == 30
    monkeypatch.setattr(waiting, "LONGEST", 2)
    assert (await start(app, "wait=999999")).headers["preference-applied"] == "wait=2"
    app.state.streams.close()
    assert (await start(app, "wait=5")).status_code == 201
