"""`saga serve` as a process: what it says while servers are missing, that it recovers, and how it ends."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx2
import pytest
from cutting_proxy import At, CuttingProxy

from saga.embedded.broker import EmbeddedBroker

pytestmark = pytest.mark.integration

TOPICS = ["saga.lifecycle"] + [
    f"{name}.{kind}" for name in ("order", "payment", "inventory", "shipping") for kind in ("commands", "events")
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Serving:
    """A process and its REST."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}"

    async def ready(self) -> dict[str, Any]:
        """What /readyz says; {} while nobody answers."""
        async with httpx2.AsyncClient(timeout=3) as client:
            try:
                return dict((await client.get(f"{self.url}/readyz")).json())
            except httpx2.HTTPError:
                return {}

    async def until(self, true: Callable[[dict[str, Any]], bool], seconds: float = 30) -> dict[str, Any]:
        """Wait until readiness says so."""
        async with asyncio.timeout(seconds):
            while not true(answer := await self.ready()):  # noqa: ASYNC110 - the condition is another process's state
                await asyncio.sleep(0.05)
        return answer

    async def end(self) -> tuple[int, str, float]:
        """SIGTERM: exit code, everything it wrote, seconds it took."""
        began = time.monotonic()
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        out, _ = await asyncio.wait_for(self.process.communicate(), 15)
        return self.process.returncode or 0, out.decode(), time.monotonic() - began


@asynccontextmanager
async def serving(dsn: str, kafka: str, definitions: str = "services.order.fulfilment", session: int = 2) -> AsyncIterator[Serving]:
    port = free_port()
    more = {"SAGA_POSTGRES_DSN": dsn, "SAGA_KAFKA_BOOTSTRAP": kafka, "SAGA_DEFINITIONS": definitions, "SAGA_HTTP_PORT": str(port)}
    fast = {
        "SAGA_FETCH_WAIT": "0.02",
        "SAGA_SESSION_TIMEOUT": str(session),
        "SAGA_CONNECT_TIMEOUT": "1",
        "SAGA_HEARTBEAT_EVERY": "0.5",
        "SAGA_INSECURE_DEV": "true",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "saga",
        "serve",
        env={**os.environ, **more, **fast},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield Serving(process, port)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


@pytest.fixture
def broker() -> Any:
    with EmbeddedBroker() as running:
        for topic in TOPICS:
            running.create_topic(topic, 3)
        yield running


async def test_a_replica_becomes_ready_and_ends_within_its_drain_when_told(migrated_dsn: str, broker: EmbeddedBroker) -> None:
    async with serving(migrated_dsn, broker.bootstrap) as replica:
        await replica.until(lambda answer: answer.get("ready") is True)
        code, said, seconds = await replica.end()
    assert code == 0
    assert seconds < 10
    assert '"stopped"' in said
    assert "Traceback" not in said


async def test_a_commit_without_an_answer_at_the_start_does_not_end_a_replica(migrated_dsn: str, broker: EmbeddedBroker) -> None:  # P1
    async with CuttingProxy(migrated_dsn).running() as proxy:
        proxy.at = At.REQUEST_CUT
        async with serving(proxy.dsn, broker.bootstrap) as replica:
            async with asyncio.timeout(20):
                await proxy.committing.wait()
            proxy.at = At.NOTHING
            await replica.until(lambda answer: answer.get("ready") is True)
            code, said, _ = await replica.end()
    assert (code, "Traceback" in said) == (0, False)


async def test_a_sigterm_in_the_middle_of_sagas_leaves_nothing_unsent(migrated_dsn: str, broker: EmbeddedBroker) -> None:
    body = {"order_id": "1", "customer_id": "ada", "lines": [{"sku": "a", "quantity": 1, "price": {"minor": 5, "currency": "EUR"}}]}
    body |= {"total": {"minor": 5, "currency": "EUR"}}
    body["address"] = {"name": "Ada", "street": "1 Road", "city": "Berlin", "postcode": "10115", "country": "DE"}
    async with serving(migrated_dsn, broker.bootstrap) as replica:
        await replica.until(lambda answer: answer.get("ready") is True)
        async with httpx2.AsyncClient(timeout=5) as client:
            started = [
                await client.post(
                    f"{replica.url}/v1/definitions/fulfil-order/sagas",
                    json={**body, "order_id": str(number)},
                    headers={"Idempotency-Key": str(number)},
                )
                for number in range(20)
            ]
        assert {answer.status_code for answer in started} == {201}
        code, _, seconds = await replica.end()
    assert (code, seconds < 10) == (0, True)
    assert await unsent(migrated_dsn) == 0


@asynccontextmanager
async def forwarding(port: int, host: str, to: int) -> AsyncIterator[None]:
    """Everything that comes to `port` goes to the server behind it, and back."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            upstream_reader, upstream_writer = await asyncio.open_connection(host, to)
            with contextlib.closing(upstream_writer):
                await asyncio.gather(pump(reader, upstream_writer), pump(upstream_reader, writer), return_exceptions=True)

    server = await asyncio.start_server(connect, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()


async def unsent(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return int(await connection.fetchval("select count(*) from saga.outbox"))
    finally:
        await connection.close()


async def test_without_postgres_it_says_so_once_waits_and_goes_on_when_it_comes(migrated_dsn: str, broker: EmbeddedBroker) -> None:
    """A proxy that nobody has started yet stands for a server that is not there yet."""
    where = urlsplit(migrated_dsn)
    port = free_port()
    dsn = migrated_dsn.replace(f":{where.port}/", f":{port}/")
    async with serving(dsn, broker.bootstrap) as replica:
        answer = await replica.until(lambda answer: bool(answer))
        assert "postgres" in answer["faults"]
        async with forwarding(port, str(where.hostname), int(where.port or 0)):
            await replica.until(lambda answer: answer.get("ready") is True)
            code, said, _ = await replica.end()
    assert code == 0
    assert said.count('"waiting"') == 1
    assert "Traceback" not in said


async def test_without_kafka_it_says_so_waits_and_goes_on_when_it_comes(migrated_dsn: str, broker: EmbeddedBroker) -> None:
    broker.set_down()
    async with serving(migrated_dsn, broker.bootstrap) as replica:
        answer = await replica.until(lambda answer: "kafka" in str(answer.get("faults", {}).get("records")))
        assert set(answer["faults"]) == {"records"}
        broker.set_up()
        await replica.until(lambda answer: answer.get("ready") is True)
        code, said, _ = await replica.end()
    assert code == 0
    assert said.count('"waiting"') == 1
    assert "Traceback" not in said


async def test_without_a_schema_readiness_says_what_to_do(postgres_dsn: str, broker: EmbeddedBroker) -> None:
    async with serving(postgres_dsn, broker.bootstrap) as replica:
        answer = await replica.until(lambda answer: "migrate" in str(answer))
        assert answer["code"] == "not-ready"
        _, said, _ = await replica.end()
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("definitions", "code", "words"),
    [
        ("services.order.nowhere", 1, "cannot be imported"),
        ("", 2, "SAGA_DEFINITIONS"),
        ("tests.integration.faulty_definition", 1, "has no undo"),
    ],
)
async def test_a_definition_that_cannot_work_is_refused_at_start(migrated_dsn: str, definitions: str, code: int, words: str) -> None:
    async with serving(migrated_dsn, "127.0.0.1:1", definitions) as replica:
        out, _ = await asyncio.wait_for(replica.process.communicate(), 30)
    assert replica.process.returncode == code
    assert words in out.decode()
    assert "Traceback" not in out.decode()


async def test_a_changed_graph_under_an_old_version_is_refused_at_start(migrated_dsn: str) -> None:
    connection = await asyncpg.connect(migrated_dsn)
    row = ("fulfil-order", 1, "another", ["order.events"], "", "")
    await connection.execute(
        "insert into saga.definition (name, version, hash, topics, graph, starts_on) values ($1, $2, $3, $4, $5, $6)", *row
    )
    await connection.close()
    async with serving(migrated_dsn, "127.0.0.1:1") as replica:
        out, _ = await asyncio.wait_for(replica.process.communicate(), 30)
    assert replica.process.returncode == 2
    assert "fulfil-order" in out.decode()
    assert "Traceback" not in out.decode()
