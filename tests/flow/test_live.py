"""Waiting and following through a real HTTP server, over the coordinator in memory."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

import httpx2

from saga.api.app import build_app
from saga.api.serving import Web, serve_http
from saga.bootstrap import Coordinator
from saga.config import Settings
from saga.runtime.watching import LOOK_EVERY
from tests.flow.world import World
from tests.unit.shop import FULFIL_ORDER

SETTINGS = Settings(insecure_dev=True, http_rate=0)
WITHIN = 10.0


@dataclass
class Server:
    """A replica whose REST is served on a port."""

    world: World
    replica: Coordinator
    app: object
    url: str

    def left(self) -> tuple[int, int, int]:
        """What streams hold: places, followers, watched sagas."""
        live = self.replica.desk.live
        return self.app.state.streams.open, live._following.followers, live._changes.watched_sagas  # type: ignore[attr-defined]


@asynccontextmanager
async def serving(world: World) -> AsyncIterator[Server]:
    replica = world.replica()
    await replica.heartbeat.beat()
    app = build_app(replica.desk, lambda: (b"", ""), SETTINGS)
    web = serve_http(app, "127.0.0.1", 0)
    try:
        yield Server(world, replica, app, f"http://127.0.0.1:{await port_of(web)}")
    finally:
        app.state.streams.close()
        await web.stop()
        await replica.desk.live.close()


async def port_of(web: Web) -> int:
    async with asyncio.timeout(WITHIN):
        while not web._server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.005)
    return int(web._server.servers[0].sockets[0].getsockname()[1])


async def test_headers_without_an_end_are_cut_off() -> None:
    async with serving(World()) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
        try:
            with suppress(ConnectionError):
                writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n")
                for number in range(200):
                    writer.write(b"x-%d: %s\r\n" % (number, b"y" * 10_000))
                    await writer.drain()
            with suppress(ConnectionError):
                async with asyncio.timeout(WITHIN):
                    assert b" 400 " in await reader.read()
        finally:
            writer.close()


async def test_the_parser_of_requests_does_not_depend_on_what_else_is_installed() -> None:
    web = serve_http(lambda *_: None, "127.0.0.1", 0)
    await port_of(web)
    assert web._server.config.http == "h11"
    await web.stop()


async def until(true: object, seconds: float = WITHIN) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # type: ignore[operator]  # noqa: ASYNC110 - the condition is somebody else's state
            await asyncio.sleep(0.005)


async def start(server: Server, prefer: str, order: str = "1") -> httpx2.Response:
    headers = {"Idempotency-Key": order, "Prefer": prefer}
    async with httpx2.AsyncClient(timeout=WITHIN) as http:
        path = f"{server.url}/v1/definitions/fulfil-order/sagas"
        return await http.post(path, json={"order_id": order, "lines": 2}, headers=headers)


async def test_a_start_that_waits_is_woken_by_the_commit_that_ends_the_saga() -> None:
    async with serving(World(definitions=(FULFIL_ORDER.compile(),))) as server:
        waiting = asyncio.create_task(start(server, "wait=8"))
        await until(lambda: server.left()[2] == 1)
        began = monotonic()
        await server.world.run(server.replica)
        answer = await waiting
        assert monotonic() - began < LOOK_EVERY
    assert (answer.status_code, answer.json()["outcome"]["status"]) == (201, "completed")
    assert answer.headers["preference-applied"] == "wait=8"


async def test_what_another_replica_does_is_seen_by_looking() -> None:
    async with serving(World(definitions=(FULFIL_ORDER.compile(),))) as server:
        waiting = asyncio.create_task(start(server, "wait=8"))
        await until(lambda: server.left()[2] == 1)
        await server.replica.relay.drain(5)
        await server.world.run(server.world.replica())
        assert (await waiting).json()["outcome"]["ended"] is True


async def test_a_start_that_waits_in_vain_says_how_far_it_is() -> None:
    async with serving(World(definitions=(FULFIL_ORDER.compile(),))) as server:
        answer = await start(server, "wait=1")
        assert server.left() == (0, 0, 0)
    assert (answer.status_code, answer.json()["outcome"]) == (202, {"version": 2, "status": "running", "ended": False})


async def lines(server: Server, path: str, count: int, last: str = "") -> list[dict[str, str]]:
    """So many events with data; then the client goes away without a word."""
    found: list[dict[str, str]] = []
    async with httpx2.AsyncClient(timeout=WITHIN) as http:
        headers = {"Last-Event-ID": last} if last else {}
        async with http.stream("GET", f"{server.url}{path}", headers=headers) as answer, asyncio.timeout(WITHIN):
            event: dict[str, str] = {}
            async for line in answer.aiter_lines():
                if line:
                    name, _, text = line.partition(": ")
                    event[name] = text
                    continue
                found, event = [*found, event] if "data" in event else found, {}
                if len(found) == count:
                    return found
    return found


async def test_a_saga_is_followed_over_a_cut_with_every_version_once() -> None:  # I14
    world = World(definitions=(FULFIL_ORDER.compile(),))
    async with serving(world) as server:
        await server.replica.intake.records([world.place()])
        path = f"/v1/sagas/{await world.only_saga()}/stream"
        first = await lines(server, path, 2)
        server.app.state.streams.linger = 0.0  # type: ignore[attr-defined]
        following = asyncio.create_task(lines(server, path, 100, first[-1]["id"]))
        await until(lambda: server.left()[0] == 1)
        await world.run(server.replica)
        *rest, end = await following
        assert [int(event["id"]) for event in [*first, *rest]] == list(range(1, (await world.state()).version + 1))
        assert (end["event"], json.loads(end["data"])["status"]) == ("end", "completed")


async def test_fifty_clients_that_vanish_leave_nothing_behind() -> None:  # A4
    world = World(definitions=(FULFIL_ORDER.compile(),))
    async with serving(world) as server:
        await server.replica.intake.records([world.place()])
        one = f"/v1/sagas/{await world.only_saga()}/stream"
        before = asyncio.all_tasks()
        clients = [asyncio.create_task(lines(server, path, 100)) for path in (one, "/v1/stream") for _ in range(25)]
        await until(lambda: server.left() == (50, 25, 1))
        async with httpx2.AsyncClient() as http:
            refused = await http.get(f"{server.url}/v1/stream")
        assert (refused.status_code, refused.json()["code"]) == (429, "too-many-streams")
        for client in clients:
            client.cancel()
        await asyncio.wait(clients)
        await until(lambda: server.left() == (0, 0, 0))
        await until(lambda: asyncio.all_tasks() == before)


async def test_a_replica_that_drains_ends_its_streams_at_once() -> None:
    world = World(definitions=(FULFIL_ORDER.compile(),))
    async with serving(world) as server:
        clients = [asyncio.create_task(lines(server, "/v1/stream", 100)) for _ in range(5)]
        await until(lambda: server.left()[0] == 5)
        began = monotonic()
    assert monotonic() - began < 2.0
    assert await asyncio.gather(*clients) == [[]] * 5


async def test_the_changes_of_all_sagas_come_through_the_stream_in_order() -> None:  # I18
    world = World(definitions=(FULFIL_ORDER.compile(),))
    async with serving(world) as server:
        following = asyncio.create_task(lines(server, "/v1/stream", 4))
        await until(lambda: server.replica.desk.live._following._place is not None)  # else it begins behind what is told below
        await server.replica.intake.records([world.place("1"), world.place("2")])
        await world.run(server.replica)
        world.store.now += timedelta(seconds=11)
        for record in [*world.wire.lifecycle, *world.wire.lifecycle]:
            world.bus.store(record)
        told = [json.loads(event["data"]) for event in await following]
    assert sorted((one["key"], one["what"]) for one in told) == [("1", "ended"), ("1", "started"), ("2", "ended"), ("2", "started")]
    assert [one["what"] for one in told if one["key"] == "1"] == ["started", "ended"]
