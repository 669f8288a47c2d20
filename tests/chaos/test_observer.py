"""The checker's own reader of topics, on a real broker: it reads each record once, and says what it could not read."""

import asyncio
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from kafka_shapes import unique

from saga.transport.topics import create_topics
from tests.chaos.observer import Observer

pytest_plugins = ["kafka_fixtures"]
pytestmark = pytest.mark.integration
PARTITIONS = 3


@pytest.fixture
async def topics(real_kafka: str) -> tuple[str, str]:
    found = unique("pay") + ".commands", unique("ship") + ".commands"
    await create_topics(real_kafka, found, PARTITIONS)
    return found


@pytest.fixture
def observer(real_kafka: str, topics: tuple[str, str]) -> Iterator[Observer]:
    made = Observer(real_kafka, topics, "the canary")
    yield made
    made.stop()


def write(bootstrap: str, topic: str, *names: str) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "log_level": 0})
    for number, name in enumerate(names):
        producer.produce(topic, b"{}", partition=number % PARTITIONS, headers={"ce_id": name.encode()})
    assert not producer.flush(20)


async def test_a_topic_made_again_is_read_anew_and_the_others_go_on(real_kafka: str, topics: tuple[str, str], observer: Observer) -> None:
    pay, ship = topics
    write(real_kafka, pay, "p1", "p2", "p3", "p4")
    write(real_kafka, ship, "s1", "s2", "s3")
    observer.start()
    assert not await observer.read_all()
    assert observer.seen.records == 7
    admin = AdminClient({"bootstrap.servers": real_kafka})
    admin.delete_topics([pay])[pay].result(20)
    while pay in admin.list_topics(timeout=10).topics:  # noqa: ASYNC110 - brokers have no event to wait for
        await asyncio.sleep(0.1)
    await create_topics(real_kafka, [pay], PARTITIONS)
    observer.forget(pay)
    write(real_kafka, ship, "s4")
    write(real_kafka, pay, "p5")
    assert not await observer.read_all()
    assert set(observer.seen.commands) == {"p1", "p2", "p3", "p4", "p5", "s1", "s2", "s3", "s4"}
    assert observer.seen.records in (9, 10)  # the new topic's may have been read before the observer heard of it
    assert observer.seen.ends == {(pay, 0): 1, (ship, 0): 2, (ship, 1): 1, (ship, 2): 1}
    assert observer.seen.lost_topics == {pay}


def stands_still(observer: Observer, *topics: str) -> None:
    """As if its client had been asked for everything and brought nothing."""
    observer._assigned = {(topic, number) for topic in topics for number in range(PARTITIONS)}
    observer.start()


async def test_what_is_not_read_is_said(real_kafka: str, topics: tuple[str, str], observer: Observer) -> None:
    write(real_kafka, topics[0], "p1")
    stands_still(observer, *topics)
    assert await observer.read_all(within=0.0) == f"('{topics[0]}', 0) is read to 0 of 1"
    observer._topics = frozenset({*topics, "nowhere"})
    assert await observer.read_all(within=0.0) == "nobody lists ['nowhere']"


async def test_a_client_that_stands_still_is_replaced(real_kafka: str, topics: tuple[str, str], observer: Observer) -> None:
    write(real_kafka, topics[0], "p1", "p2")
    stands_still(observer, *topics)
    assert not await observer.read_all(within=20.0)
    assert set(observer.seen.commands) == {"p1", "p2"}
