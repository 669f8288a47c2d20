"""The servers of a run: PostgreSQL, a real Kafka, and `saga serve` as a process, with REST closed to whoever has no key."""

import contextlib
import os
import socket
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from saga.access.ledger import KeyAct
from saga.access.principal import read_grants
from saga.config import Settings
from saga.embedded.kafka import EmbeddedKafka
from saga.embedded.postgres import EmbeddedPostgres
from saga.embedded.processes import Child, wait_until
from saga.opening import ledger
from saga.store.migrate import migrate
from saga.transport.topics import create_topics

PARTICIPANTS = ("order", "payment", "inventory")
PARTITIONS = 6
GROUP = "saga-coordinator"
UNKNOWN_SAGA_FOR = 5.0
KAFKA = ("log.retention.check.interval.ms=3600000", "message.max.bytes=2000000")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Stage:
    """Where everything is. `keys` are the API keys of an admin of each tenant, by tenant."""

    dsn: str
    bootstrap: str
    url: str
    replica: Child
    keys: Mapping[str, str]

    @property
    def pid(self) -> int:
        assert self.replica.process is not None
        return self.replica.process.pid

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    async def metrics(self) -> dict[str, float]:
        """What /metrics says now, by name and labels as they stand there."""
        async with httpx2.AsyncClient(timeout=30) as client:
            text = (await client.get(f"{self.url}/metrics")).text
        lines = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}


@asynccontextmanager
async def standing(*planted: str) -> AsyncIterator[Stage]:
    """Start all of it. `planted` names the defects (planted.py) that the replica is to have."""
    async with contextlib.AsyncExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="saga-hostile-")))
        postgres = await stack.enter_async_context(EmbeddedPostgres())
        dsn = await postgres.create_database("coordinator")
        await migrate(dsn)
        kafka = stack.enter_context(EmbeddedKafka(settings=KAFKA))
        topics = ["saga.lifecycle"] + [f"{name}.{kind}" for name in PARTICIPANTS for kind in ("commands", "events")]
        await create_topics(kafka.bootstrap, topics, PARTITIONS)
        port = free_port()
        environment = _environment(dsn, kafka.bootstrap, port, planted)
        keys = {tenant: await _key(dsn, tenant) for tenant in ("default", "rival")}
        module = "tests.hostile.planted" if planted else "saga"
        replica = Child("replica", ("-m", module, "serve"), environment, home / "replica.log")
        stack.push_async_callback(replica.stop)
        await replica.start()
        url = f"http://127.0.0.1:{port}"
        await wait_until(lambda: _ready(url), "the replica", 60, [replica])
        yield Stage(dsn, kafka.bootstrap, url, replica, keys)


def _environment(dsn: str, bootstrap: str, port: int, planted: Sequence[str]) -> dict[str, str]:
    return {
        "PYTHONPATH": os.getcwd(),
        "SAGA_POSTGRES_DSN": dsn,
        "SAGA_KAFKA_BOOTSTRAP": bootstrap,
        "SAGA_DEFINITIONS": "tests.hostile.shop",
        "SAGA_HTTP_PORT": str(port),
        "SAGA_HTTP_RATE": "0",
        "SAGA_GROUP_ID": GROUP,
        "SAGA_UNKNOWN_SAGA_FOR": str(UNKNOWN_SAGA_FOR),
        "SAGA_TOPIC_PARTITIONS": str(PARTITIONS),
        "SAGA_HTTP_STREAMS": "1000",
        "SAGA_CACHE_BYTES": "1000000",
        "SAGA_SESSION_TIMEOUT": "6",
        "SAGA_PLANTED": ",".join(planted),
    }


async def _key(dsn: str, tenant: str) -> str:
    async with ledger(Settings(postgres_dsn=dsn)) as book:
        _, text = await book.add_key(KeyAct(tenant, "proof", "proof", "bad input"), read_grants(["admin"]), None)
    return text


async def _ready(url: str) -> bool:
    async with httpx2.AsyncClient(timeout=2) as client:
        with contextlib.suppress(httpx2.HTTPError):
            return (await client.get(f"{url}/readyz")).status_code == httpx2.codes.OK
    return False
