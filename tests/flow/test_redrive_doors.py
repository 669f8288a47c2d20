"""Kept records through REST and the command line, over the real desk on memory."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner, Result

from saga.api.app import build_app
from saga.bootstrap import Coordinator
from saga.cli.app import app
from saga.cli.doors import Doors
from saga.config import Settings
from tests.flow.test_redrive import TENANT, V2, buried, deployed
from tests.flow.test_redrive_many import waiting
from tests.flow.world import World
from tests.unit.api_client import pointers, problem_of

ADA = {"X-Actor": "ada"}
WHY = {"reason": "mended"}
ABSENT = "0" * 64


def client(replica: Coordinator) -> httpx2.AsyncClient:
    application = build_app(replica.desk, lambda: (b"", "text/plain"), Settings(insecure_dev=True))
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=application, raise_app_exceptions=False), base_url="http://test")


async def test_one_letter_is_looked_at_redriven_and_seen_settled() -> None:
    world, (row,) = await buried("1")
    async with client(deployed(world)) as http:
        path = f"/v1/dead-letters/{row.id}"
        before = (await http.get(path)).json()
        done = await http.post(f"{path}/redrive", json=WHY, headers=ADA)
        after = (await http.get(path)).json()
        problem_of(await http.post(f"{path}/discard", json=WHY, headers=ADA), 409, "already-settled")
    assert base64.b64decode(before["body_base64"]) == row.letter.record.value
    assert {"name": "ce_type", "text": V2, "base64": None} in before["headers"]
    assert (before["settled_at"], before["whole"]) == (None, True)
    assert (done.status_code, done.json()["outcome"]) == (200, "appended")
    assert (after["outcome"], after["acted_by"], after["acted_because"]) == ("appended", "ada", "mended")
    assert after["outcome_detail"] == str(await world.only_saga())


async def test_many_letters_are_counted_then_redriven() -> None:  # A6
    world, _ = await buried("1", "2")
    async with client(deployed(world)) as http:
        asked: dict[str, Any] = {"filter": {"reason": "unknown-version", "since": "2026-01-01T00:00:00Z"}, "reason": "mended"}
        counted = (await http.post("/v1/dead-letters/redrive", json=asked, headers=ADA)).json()
        assert (counted["done"], counted["count"]) == (False, 2)
        problem_of(await http.post("/v1/dead-letters/redrive", json={**asked, "confirm": "x"}, headers=ADA), 409, "confirm-differs")
        word = {"confirm": counted["confirm"]}
        problem_of(await http.post("/v1/dead-letters/redrive", json={**asked, **word}), 409, "confirm-differs")
        done = (await http.post("/v1/dead-letters/redrive", json={**asked, **word}, headers=ADA)).json()
        assert (await http.get("/v1/dead-letters", params={"open": True})).json()["items"] == []
    assert (done["done"], done["outcomes"], done["left"]) == (True, {"appended": 2}, 0)


async def test_held_records_go_by_pages_and_are_tried_now() -> None:
    world, replica = await waiting()
    async with client(replica) as http:
        first = (await http.get("/v1/held-records?limit=1&definition=fulfil-order")).json()
        second = (await http.get("/v1/held-records", params={"limit": 1, "cursor": first["next"]})).json()
        ids = [one["id"] for page in (first, second) for one in page["items"]]
        asked = {"filter": {"ids": ids}, **WHY}
        counted = (await http.post("/v1/held-records/retry", json=asked)).json()
        done = (await http.post("/v1/held-records/retry", json={**asked, "confirm": counted["confirm"]})).json()
    assert len(set(ids)) == 2
    assert done["outcomes"] == {"appended": 2}
    assert len(await world.store.streams_after(None, 10)) == 2


async def test_a_letter_with_hostile_bytes_is_shown_as_it_is() -> None:  # A11, K11
    world = World()
    replica = world.replica()
    headers = [("ce_id", b"\xff\x00"), ("empty", None), ("<script>", b"alert(1)\r\n"), ("ce_id", b"again")]
    await replica.intake.records(
        [world.record("order.events", b"\xfe", b"\x00\xff", headers), world.record("order.events", None, None, ())]
    )
    async with client(replica) as http:
        shown = [(await http.get(f"/v1/dead-letters/{row.id}")).json() for row in await world.store.dead_letters(TENANT, 10, None)]
    full = next(one for one in shown if one["key_base64"])
    assert [(one["name"], one["text"], one["base64"]) for one in full["headers"]] == [
        ("ce_id", None, "/wA="), ("empty", None, None), ("<script>", "alert(1)\r\n", None), ("ce_id", "again", None),
    ]  # fmt: skip
    assert [one["body_base64"] for one in shown if not one["key_base64"]] == [None]


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/v1/dead-letters/redrive", {"reason": "r"}, "/filter"),
        ("/v1/dead-letters/redrive", {"filter": {"tenant": "acme"}, "reason": "r"}, "/filter/tenant"),
        ("/v1/dead-letters/redrive", {"filter": {"ids": ["x"]}, "reason": "r"}, "/filter/ids/0"),
        ("/v1/dead-letters/redrive", {"filter": {"ids": [ABSENT] * 101}, "reason": "r"}, "/filter/ids"),
        ("/v1/dead-letters/redrive", {"filter": {"reason": "a" * 201}, "reason": "r"}, "/filter/reason"),
        ("/v1/dead-letters/redrive", {"filter": {"since": "yesterday"}, "reason": "r"}, "/filter/since"),
        ("/v1/dead-letters/redrive", {"filter": {"topic": {"$ne": ""}}, "reason": "r"}, "/filter/topic"),
        ("/v1/dead-letters/redrive", {"filter": {}, "reason": ""}, "/reason"),
        ("/v1/held-records/retry", {"filter": {}, "reason": "r", "limit": 10**9}, "/limit"),
        ("/v1/held-records/retry", {"filter": {}, "reason": "r", "confirm": "x" * 201}, "/confirm"),
        (f"/v1/dead-letters/{ABSENT}/redrive", {}, "/reason"),
    ],
)
async def test_a_hostile_body_is_pointed_at(path: str, body: dict[str, object], pointer: str) -> None:  # A3, A4
    async with client(World().replica()) as http:
        document = problem_of(await http.post(path, json=body), 422, "invalid-request")
    assert ("body", pointer) in pointers(document)


async def test_what_does_not_exist_or_is_no_place_is_refused() -> None:
    async with client(World().replica()) as http:
        for path in (f"/v1/dead-letters/{ABSENT}/redrive", f"/v1/dead-letters/{ABSENT}/discard"):
            problem_of(await http.post(path, json=WHY), 404, "not-found")
        problem_of(await http.get(f"/v1/dead-letters/{ABSENT}"), 404, "not-found")
        problem_of(await http.get("/v1/dead-letters/..%2fx"), 404, "not-found")
        problem_of(await http.get(f"/v1/dead-letters/{'A' * 64}"), 422, "invalid-request")
        problem_of(await http.get("/v1/dead-letters?reason=%00"), 422, "invalid-request")
        problem_of(await http.get("/v1/held-records?cursor=aGVsbG8"), 422, "invalid-place")
        problem_of(await http.post("/v1/held-records/retry", json={"filter": {"after": "x"}, **WHY}), 422, "invalid-place")


def saga(replica: Coordinator, *arguments: str, typed: str = "") -> Result:
    @asynccontextmanager
    async def opened(_: Settings) -> AsyncIterator[object]:
        yield replica.desk

    return CliRunner().invoke(app, [*arguments], input=typed, obj=Doors(operations=opened))  # type: ignore[arg-type]


def test_the_command_redrives_one_letter_and_shows_it() -> None:
    world, (row,) = asyncio.run(buried("1"))
    replica = deployed(world)
    assert saga(replica, "dead-letters", "list").stdout.splitlines()[1].split()[:2] == [row.id, "unknown-version"]
    shown = saga(replica, "dead-letters", "show", row.id).stdout
    assert '{"order_id":"1","lines":2}' in shown
    assert saga(replica, "dead-letters", "redrive", row.id, "--reason", "mended").stdout.startswith("appended: ")
    again = saga(replica, "dead-letters", "redrive", row.id, "--reason", "mended", "--json")
    assert (again.exit_code, json.loads(again.stderr)["code"]) == (1, "already-settled")
    assert json.loads(saga(replica, "dead-letters", "list", "--json").stdout)["items"] == []
    assert len(json.loads(saga(replica, "dead-letters", "list", "--all", "--json").stdout)["items"]) == 1


def test_the_command_asks_before_it_redrives_many() -> None:  # A6
    world, rows = asyncio.run(buried("1", "2"))
    replica = deployed(world)
    many = ("dead-letters", "redrive", "--code", "unknown-version", "--reason", "mended")
    assert saga(replica, *many, "--dry-run").stdout == "2 records\n"
    assert saga(replica, *many, typed="n\n").exit_code == 1
    assert saga(replica, *many, "--json").exit_code == 2
    assert all(row.redriven_at is None for row in world.store.data.dead.values())
    assert saga(replica, *many, typed="y\n").stdout.endswith("2 appended\n")
    assert saga(replica, *many, "--yes").stdout == "0 records\n"
    assert len(rows) == 2


def test_the_command_discards_a_letter() -> None:
    world, (row,) = asyncio.run(buried("1"))
    assert saga(deployed(world), "dead-letters", "discard", row.id, "--reason", "a test order").stdout == "discarded\n"
    assert saga(deployed(world), "dead-letters", "show", ABSENT).exit_code == 4


def test_the_command_tries_held_records_now() -> None:
    world, replica = asyncio.run(waiting())
    listed = saga(replica, "held", "list").stdout.splitlines()
    assert "fulfil-order version 9" in listed[1]
    assert saga(replica, "held", "retry", listed[1].split()[0], "--reason", "rolled back").stdout == "1 appended\n"
    done = json.loads(saga(replica, "held", "retry", "--reason", "rolled back", "--yes", "--json").stdout)
    assert (done["outcomes"], world.store.data.held) == ({"appended": 1}, {})
