"""In production a replica refuses servers that are known to be embedded: nothing there survives the machine."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest
from kafka_shapes import nobody, read, unique

from saga.embedded.broker import EmbeddedBroker
from saga.embedded.kafka import EmbeddedKafka
from saga.embedded.postgres import EmbeddedPostgres
from saga.ports.deployment import EMBEDDED_KAFKA
from saga.ports.messaging import OutboundRecord
from saga.store.migrate import migrate
from saga.transport.admin import KafkaAdmin
from saga.transport.consumer import KafkaConsumer
from saga.transport.options import KafkaOptions
from saga.transport.producer import KafkaProducer
from saga.transport.topics import create_topics

pytest_plugins = ["kafka_fixtures"]
pytestmark = pytest.mark.integration
SOMEBODY = {"name": "us", "issuer": "https://id.example", "audience": "saga", "jwks": "https://id.example/keys"}


async def serve(dsn: str, kafka: str) -> tuple[int, str]:
    """`saga serve` in production: its exit code, and all it wrote."""
    settings = {
        "SAGA_ENV": "production",
        "SAGA_POSTGRES_DSN": dsn,
        "SAGA_KAFKA_BOOTSTRAP": kafka,
        "SAGA_DEFINITIONS": "services.order.fulfilment",
        "SAGA_HTTP_PORT": "0",
        "SAGA_ISSUERS": json.dumps([SOMEBODY]),
        "SAGA_STRICT_TOPICS": "off",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "saga", "serve", env={**os.environ, **settings}, stdout=PIPE, stderr=STDOUT
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, out.decode()


async def test_an_embedded_postgres_is_refused(migrated_dsn: str) -> None:
    code, said = await serve(migrated_dsn, "127.0.0.1:1")
    assert code == 2
    assert said.splitlines()[-1] == "saga: SAGA_POSTGRES_DSN: this is an embedded server, for development; SAGA_ENV is production"


async def test_an_embedded_broker_is_refused_whatever_is_said_of_topics(mock_cluster: EmbeddedBroker) -> None:
    async with EmbeddedPostgres(settings={"cluster_name": "orders"}) as server:
        await migrate(dsn := await server.create_database("coordinator"))
        code, said = await serve(dsn, mock_cluster.bootstrap)
    assert code == 2
    assert said.splitlines()[-1] == "saga: SAGA_KAFKA_BOOTSTRAP: this is an embedded broker, for development; SAGA_ENV is production"


async def participant(variable: str, dsn: str, kafka: str) -> tuple[int, list[str]]:
    """A service in production, as this variable says: its exit code, and the lines it wrote."""
    settings = {variable: "production", "SERVICE_POSTGRES_DSN": dsn, "SERVICE_KAFKA_BOOTSTRAP": kafka, "SERVICE_SESSION_TIMEOUT": "6"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.payment", env={**os.environ, **settings}, stdout=PIPE, stderr=STDOUT
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, out.decode().splitlines()


@pytest.mark.parametrize("variable", ["SERVICE_ENV", "SAGA_ENV"])
async def test_an_embedded_postgres_is_refused_by_a_participant_too(postgres_dsn: str, variable: str) -> None:
    code, said = await participant(variable, postgres_dsn, "127.0.0.1:1")
    assert (code, said) == (2, ["SERVICE_POSTGRES_DSN: this is an embedded server, for development; this is production"])


async def test_an_embedded_broker_is_refused_by_a_participant_too(mock_cluster: EmbeddedBroker) -> None:
    async with EmbeddedPostgres(settings={"cluster_name": "orders"}) as server:
        code, said = await participant("SERVICE_ENV", await server.create_database("services"), mock_cluster.bootstrap)
    assert (code, said) == (2, ["SERVICE_KAFKA_BOOTSTRAP: this is an embedded broker, for development; this is production"])


async def test_a_real_kafka_in_a_directory_keeps_its_log_its_port_and_a_name_that_gives_it_away(tmp_path: Path) -> None:
    topic, kafka = unique("t"), EmbeddedKafka(directory=tmp_path)
    with kafka:
        await create_topics(kafka.bootstrap, [topic], 1)
        producer = KafkaProducer(KafkaOptions(kafka.bootstrap))
        assert await producer.send([OutboundRecord(topic, b"k", b"kept", ())]) == [True]
        await producer.stop()
        first = kafka.bootstrap
    with EmbeddedKafka(directory=tmp_path, port=kafka.port) as again:
        consumer = KafkaConsumer(KafkaOptions(again.bootstrap, unique("g")), [topic], nobody)
        await consumer.start()
        assert [record.value for record in await read(consumer, 1)] == [b"kept"]
        await consumer.stop()
        async with KafkaAdmin.open(KafkaOptions(again.bootstrap)) as admin:
            assert (await admin.look([])).cluster.startswith(EMBEDDED_KAFKA)
    assert again.bootstrap == first
