"""The conformance kit at two participants that share no code: the one in Node.js, and one of our SDK."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from saga.sdk.serve import kafka_service
from saga.sdk.service import Parts as ServiceParts
from saga.sdk.settings import load_settings
from saga.testing.conformance import PLAYS, Parts, Verdict, play
from saga.testing.conversation import Conversation, Words
from saga.transport.consumer import KafkaConsumer
from saga.transport.options import KafkaOptions
from saga.transport.producer import KafkaProducer
from saga.transport.topics import create_topics
from tests.integration.participants import SCRIPT, BookRoom, CancelRoom, hotel
from tests.kafka_shapes import nobody, unique
from tests.polyglot.node_participant import running

pytest_plugins = ["kafka_fixtures"]
pytestmark = pytest.mark.integration

GRANT = 'com.example.loyalty.GrantPoints.v1={"customer_id": "ada", "order_id": "$ID", "points": 10}'
REVOKE = "com.example.loyalty.RevokePoints.v1={}"
NO_POINTS = GRANT.replace("10}", "0}")


@asynccontextmanager
async def talking(participant: str, bootstrap: str) -> AsyncIterator[Conversation]:
    options = KafkaOptions(bootstrap, unique("kit"), fetch_wait=0.05)
    producer, consumer = KafkaProducer(options), KafkaConsumer(options, [f"{participant}.events"], nobody)
    await producer.start()
    await consumer.start()
    try:
        yield Conversation(participant, producer, consumer, patience=10)
    finally:
        await consumer.stop()
        await producer.stop()


def broken(verdicts: list[Verdict]) -> list[str]:
    return [f"{verdict.name}: {verdict.broken}" for verdict in verdicts if verdict.broken]


async def conformance(bootstrap: str, *options: str) -> tuple[int, dict[str, Any]]:
    """What the shipped command says."""
    command = [sys.executable, "-m", "saga", "conformance", "--json", "--bootstrap", bootstrap, "--participant", "loyalty", *options]
    process = await asyncio.create_subprocess_exec(*command, env={**os.environ, "SAGA_FETCH_WAIT": "0.05"}, stdout=asyncio.subprocess.PIPE)
    out, _ = await asyncio.wait_for(process.communicate(), 100)
    return process.returncode or 0, json.loads(out)


async def test_the_participant_in_node_keeps_every_rule(real_kafka: str, postgres_dsn: str) -> None:  # K1 K11 S2 S3
    await create_topics(real_kafka, ["loyalty.commands", "loyalty.events"], 3)
    async with running(postgres_dsn, real_kafka):
        code, said = await conformance(real_kafka, "--do", GRANT, "--undo", REVOKE, "--refused", NO_POINTS)
    assert [rule for rule in said["rules"] if rule["broken"]] == []
    assert (code, said["ok"], len(said["rules"])) == (0, True, len(PLAYS))


async def test_a_participant_of_the_sdk_keeps_every_rule(real_kafka: str, postgres_dsn: str) -> None:
    await create_topics(real_kafka, ["hotel.commands", "hotel.events"], 3)
    settings = load_settings(postgres_dsn=postgres_dsn, kafka_bootstrap=real_kafka, poll_timeout=0.1, session_timeout=6)
    service = kafka_service(ServiceParts(hotel().participant, [SCRIPT]), settings)
    task = asyncio.create_task(service.run())
    async with talking("hotel", real_kafka) as talk:
        full = Words(BookRoom.message_type, '{"guest": "$ID", "mood": "full"}')
        book, cancel = Words(BookRoom.message_type, '{"guest": "$ID"}'), Words(CancelRoom.message_type, "{}")
        verdicts = await play(Parts(talk, book, cancel, full))
    service.stop()
    await task
    assert broken(verdicts) == []
