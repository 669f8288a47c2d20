"""The real coordinator on real Kafka, with a participant in Node.js that was written from the wire protocol alone."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import httpx2
import pytest

from saga.embedded.kafka import EmbeddedKafka
from saga.ports.messaging import OutboundRecord
from saga.transport.consumer import KafkaConsumer
from saga.transport.options import KafkaOptions
from saga.transport.producer import KafkaProducer
from saga.transport.topics import create_topics
from tests.integration.participants import eventually
from tests.integration.test_serve import Serving, serving
from tests.kafka_shapes import nobody, unique
from tests.polyglot.node_participant import Loyalty, running

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

DEFINITION = "tests.polyglot.rewards"
BY_STATUS = "select status, count(*) as n from saga.saga group by status"
TOPICS = ("loyalty.commands", "loyalty.events", "shop.commands", "shop.events")


@pytest.fixture
async def own_kafka() -> AsyncIterator[str]:
    """A broker of its own: the names of the topics follow from the participant's, and what an earlier test said would be read again."""
    with EmbeddedKafka(settings=["group.min.session.timeout.ms=1000"]) as kafka:
        await create_topics(kafka.bootstrap, TOPICS, 3)
        yield kafka.bootstrap


@asynccontextmanager
async def looking(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def ready(dsn: str, bootstrap: str) -> AsyncIterator[Serving]:
    async with serving(dsn, bootstrap, DEFINITION) as replica:
        await replica.until(lambda answer: answer.get("ready") is True)
        yield replica


async def start(replica: Serving, orders: int, points: int = 10) -> None:
    async with httpx2.AsyncClient(timeout=10) as client:
        for number in range(orders):
            body = {"order_id": f"{number}", "customer_id": f"c{number % 3}", "points": points}
            answer = await client.post(
                f"{replica.url}/v1/definitions/reward-order/sagas", json=body, headers={"Idempotency-Key": f"key-{number}"}
            )
            assert answer.status_code == 201, answer.text


async def ended(coordinators: asyncpg.Connection, orders: int) -> Counter[str]:
    """Wait until so many sagas have ended, and how."""
    found: Counter[str] = Counter()

    async def all_of_them() -> bool:
        found.clear()
        found.update({row["status"]: row["n"] for row in await coordinators.fetch(BY_STATUS)})
        return found["completed"] + found["compensated"] == orders

    await eventually(all_of_them, 100)
    return found


async def effects(loyalties: asyncpg.Connection) -> Counter[str]:
    """What happened in the participant's own store, each effect by its do; none may have happened twice."""
    assert await loyalties.fetch("select what, do_id from effect group by what, do_id having count(*) > 1") == []  # I3
    return Counter({row["what"]: row["n"] for row in await loyalties.fetch("select what, count(*) as n from effect group by what")})


async def holds(connection: asyncpg.Connection, question: str) -> bool:
    return bool(await connection.fetchval(question))


async def gifts(loyalties: asyncpg.Connection, count: int) -> None:
    await loyalties.execute("insert into gift values ('mug', $1)", count)


async def send_again(bootstrap: str, commands: int) -> None:
    """What is on the topic once more, until so many commands were: what a rewound consumer group would see."""
    options = KafkaOptions(bootstrap, unique("again"), fetch_wait=0.05)
    consumer, producer = KafkaConsumer(options, ["loyalty.commands"], nobody), KafkaProducer(options)
    await consumer.start()
    await producer.start()
    sent: set[bytes] = set()
    async with asyncio.timeout(30):
        while len(sent) < commands:
            for record in await consumer.poll(100, 0.2):
                headers = tuple((name, value or b"") for name, value in record.headers)
                assert all(await producer.send([OutboundRecord(record.topic, record.key or b"", record.value or b"", headers)]))
                sent.add(dict(headers)["ce_id"])
    await consumer.stop()
    await producer.stop()


@pytest.mark.parametrize("mode", ["binary", "structured"])
async def test_sagas_succeed_are_refused_and_are_undone(migrated_dsn: str, postgres_dsn: str, own_kafka: str, mode: str) -> None:  # K13
    both = looking(migrated_dsn), looking(postgres_dsn)
    async with (
        running(postgres_dsn, own_kafka, mode),
        ready(migrated_dsn, own_kafka) as replica,
        both[0] as coordinators,
        both[1] as loyalties,
    ):
        await gifts(loyalties, 4)
        await start(replica, 10)
        assert await ended(coordinators, 10) == {"completed": 4, "compensated": 6}
        assert await effects(loyalties) == {"granted": 10, "claimed": 4, "revoked": 6}
        assert await coordinators.fetchval("select count(*) from saga.dead_letter") == 0


async def test_killed_in_mid_run_with_every_command_twice_each_effect_happens_once(
    migrated_dsn: str, postgres_dsn: str, own_kafka: str
) -> None:  # K1 S11 I3 I12
    both = looking(migrated_dsn), looking(postgres_dsn)
    loyalty = Loyalty(postgres_dsn, own_kafka)
    async with ready(migrated_dsn, own_kafka) as replica, both[0] as coordinators, both[1] as loyalties:
        await loyalty.start()
        await gifts(loyalties, 50)
        beginning = asyncio.create_task(start(replica, 80))
        await eventually(lambda: holds(loyalties, "select count(*) >= 20 from effect"))
        await loyalty.kill()
        assert sum((await effects(loyalties)).values()) < 160
        await beginning
        await send_again(own_kafka, 60)
        await loyalty.start()
        assert await ended(coordinators, 80) == {"completed": 50, "compensated": 30}
        await send_again(own_kafka, 190)
        await eventually(lambda: holds(loyalties, "select count(*) = 190 and min(seen) >= 2 from command where answer is not null"))
        assert await effects(loyalties) == {"granted": 80, "claimed": 50, "revoked": 30}
        assert await loyalties.fetchval("select sum(points) from points where not revoked") == 500
        assert await loyalties.fetchval("select left_over from gift") == 0
        await loyalty.stop()
