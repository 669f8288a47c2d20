"""Brokers that refuse, are slow, are gone, come back."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from time import monotonic
from typing import Any, TypeVar

import pytest
from kafka_shapes import WITHIN, a_record, nobody, poll_until, read, unique

from saga.embedded.broker import EmbeddedBroker
from saga.errors import Unavailable
from saga.ports.messaging import TopicPartition
from saga.transport.closing import close
from saga.transport.consumer import KafkaConsumer
from saga.transport.options import KafkaOptions
from saga.transport.producer import KafkaProducer
from saga.transport.topics import create_topics

pytest_plugins = ["kafka_fixtures"]
pytestmark = pytest.mark.integration

Client = TypeVar("Client", KafkaConsumer, KafkaProducer)
PRODUCE, OFFSET_COMMIT = 0, 8
NOT_LEADER, REBALANCE_IN_PROGRESS, OUT_OF_ORDER_SEQUENCE_NUMBER = 6, 27, 45
NOWHERE = KafkaOptions("127.0.0.1:1", group_id="g", connect_timeout=1.0, send_timeout=1.0)


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as broker:
        broker.create_topic("t", 3)
        yield broker


@pytest.fixture
def options(broker: EmbeddedBroker) -> KafkaOptions:
    return KafkaOptions(
        broker.bootstrap, "g", session_timeout=2.0, connect_timeout=1.0, send_timeout=1.0, close_timeout=0.5, fetch_wait=0.05
    )


@asynccontextmanager
async def running(client: Client) -> AsyncIterator[Client]:
    await client.start()
    try:
        yield client
    finally:
        await client.stop()


async def test_after_an_error_the_producer_is_replaced_and_everything_can_be_sent_again(
    broker: EmbeddedBroker, options: KafkaOptions
) -> None:
    records = [a_record("t", f"k{index}", str(index).encode()) for index in range(30)]
    async with running(KafkaProducer(options)) as producer, running(KafkaConsumer(options, ["t"], nobody)) as consumer:
        broker.push_errors(PRODUCE, OUT_OF_ORDER_SEQUENCE_NUMBER)  # K6
        assert await producer.send(records) == [False] * 30
        assert producer.replaced == 1
        assert await producer.send(records) == [True] * 30
        assert producer.replaced == 1
        assert {record.value for record in await read(consumer, 30)} == {record.value for record in records}


async def test_a_passing_error_is_mended_by_the_client_itself(broker: EmbeddedBroker, options: KafkaOptions) -> None:
    async with running(KafkaProducer(options)) as producer:
        broker.push_errors(PRODUCE, NOT_LEADER)
        assert await producer.send([a_record("t")]) == [True]
        assert producer.replaced == 0


async def test_a_broker_that_answers_too_late_counts_as_not_acknowledged(broker: EmbeddedBroker, options: KafkaOptions) -> None:
    async with running(KafkaProducer(options)) as producer:
        assert await producer.send([a_record("t")]) == [True]
        broker.set_delay(30_000)
        began = monotonic()
        assert await producer.send([a_record("t"), a_record("t", "other")]) == [False, False]
        assert monotonic() - began < options.send_timeout + 2.0
        assert producer.replaced == 1


async def test_the_producer_works_again_when_the_broker_is_back(broker: EmbeddedBroker, options: KafkaOptions) -> None:
    async with running(KafkaProducer(options)) as producer:
        broker.set_down()
        assert await producer.send([a_record("t")]) == [False]
        assert await producer.send([a_record("t")]) == [False]
        broker.set_up()
        async with asyncio.timeout(WITHIN):
            while await producer.send([a_record("t")]) != [True]:
                pass


@pytest.mark.parametrize("client", [KafkaProducer(NOWHERE), KafkaConsumer(NOWHERE, ["t"], nobody)], ids=["producer", "consumer"])
async def test_an_absent_broker_is_said_in_one_line_and_logged_nowhere(
    client: KafkaProducer | KafkaConsumer, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.DEBUG, "saga"),
        pytest.raises(Unavailable, match=r"kafka is unavailable: no broker answers at 127.0.0.1:1"),
    ):
        await client.start()
    assert [record for record in caplog.records if record.name.startswith("aiokafka")] == []


async def test_progress_stops_while_no_broker_answers_and_goes_on_when_one_does(broker: EmbeddedBroker, options: KafkaOptions) -> None:
    async with running(KafkaConsumer(options, ["t"], nobody)) as consumer:
        await poll_until(lambda: len(consumer.assignment()) == 3, consumer)
        broker.set_down()
        await poll_until(lambda: consumer.seconds_since_poll() > 1.0, consumer)  # K5: poll returns, and nobody has answered
        broker.set_up()
        await poll_until(lambda: consumer.seconds_since_poll() < 0.5, consumer)


async def test_progress_stops_too_while_one_partition_is_left_out_and_the_others_are_read(
    broker: EmbeddedBroker, options: KafkaOptions
) -> None:
    async with running(KafkaConsumer(options, ["t"], nobody)) as consumer:
        await poll_until(lambda: len(consumer.assignment()) == 3, consumer)
        assert consumer._client is not None
        consumer._client.pause(sorted(consumer._client.assignment())[1])  # K5: as a client that has lost sight of it
        await poll_until(lambda: consumer.seconds_since_poll() > 1.0, consumer)


async def test_a_commit_that_the_group_has_overtaken_is_no_error(broker: EmbeddedBroker, options: KafkaOptions) -> None:
    async with running(KafkaProducer(options)) as producer, running(KafkaConsumer(options, ["t"], nobody)) as consumer:
        await producer.send([a_record("t")])
        (record,) = await read(consumer, 1)
        broker.push_errors(OFFSET_COMMIT, REBALANCE_IN_PROGRESS)
        await consumer.commit({TopicPartition("t", record.partition): 1})  # K3
        await poll_until(lambda: len(consumer.assignment()) == 3, consumer)


async def test_a_commit_that_nobody_answers_is_bounded(broker: EmbeddedBroker, options: KafkaOptions) -> None:
    async with running(KafkaProducer(options)) as producer, running(KafkaConsumer(options, ["t"], nobody)) as consumer:
        await producer.send([a_record("t")])
        (record,) = await read(consumer, 1)
        broker.set_delay(30_000)
        began = monotonic()
        with pytest.raises(Unavailable):
            await consumer.commit({TopicPartition("t", record.partition): 1})
        assert monotonic() - began < options.send_timeout + 1.0


async def test_stopping_is_bounded_and_leaves_no_task_behind(broker: EmbeddedBroker, options: KafkaOptions) -> None:
    before = asyncio.all_tasks()
    consumer = KafkaConsumer(options, ["t"], nobody)
    await consumer.start()
    await poll_until(lambda: bool(consumer.assignment()), consumer)
    broker.set_delay(30_000)
    began = monotonic()
    await consumer.stop()
    assert monotonic() - began < options.close_timeout + 2.0
    left = asyncio.all_tasks() - before
    if left:
        await asyncio.wait(left, timeout=2.0)
    assert [task for task in left if not task.done()] == []  # K5: a heart that beats on would keep the partitions


async def test_closing_a_client_that_never_stops_is_bounded() -> None:
    class Endless:
        async def stop(self) -> Any:
            await asyncio.Event().wait()

    began = monotonic()
    await close(Endless(), 0.1)
    assert monotonic() - began < 1.0


async def test_a_topic_that_is_missing_holds_up_nothing_else(real_kafka: str) -> None:
    there, missing, incidents = unique("there"), unique("missing"), list[str]()
    await create_topics(real_kafka, [there], 1)
    options = KafkaOptions(real_kafka, incident=lambda what, _detail: incidents.append(what))
    async with running(KafkaProducer(options)) as producer:
        records = [a_record(missing), a_record(there), a_record(missing), a_record(there)]
        assert await producer.send(records) == [False, True, False, True]
        began = monotonic()
        assert await producer.send(records) == [False, True, False, True]
        assert monotonic() - began < 0.5
        assert (producer.replaced, incidents) == (0, ["missing-topic"])


async def test_a_subscribed_topic_that_is_missing_is_read_once_it_is_made(real_kafka: str) -> None:
    there, later = unique("there"), unique("later")
    await create_topics(real_kafka, [there], 1)
    options = KafkaOptions(real_kafka, unique("g"), fetch_wait=0.05)
    async with running(KafkaProducer(options)) as producer, running(KafkaConsumer(options, [there, later], nobody)) as consumer:
        await producer.send([a_record(there)])
        assert len(await read(consumer, 1)) == 1
        await create_topics(real_kafka, [later], 1)
        await poll_until(lambda: TopicPartition(later, 0) in consumer.assignment(), consumer)


async def test_a_batch_that_never_ends_does_not_hold_up_the_group(real_kafka: str) -> None:
    topic, asked = unique("t"), asyncio.Event()
    await create_topics(real_kafka, [topic], 2)

    async def for_ever(_partitions: object) -> None:
        asked.set()
        await asyncio.Event().wait()

    options = KafkaOptions(real_kafka, unique("g"), session_timeout=6.0, revoke_timeout=0.2, fetch_wait=0.05)
    async with running(KafkaConsumer(options, [topic], for_ever)) as first:
        await poll_until(lambda: len(first.assignment()) == 2, first)
        async with running(KafkaConsumer(options, [topic], nobody)) as second:
            await poll_until(lambda: len(first.assignment()) == len(second.assignment()) == 1, first, second)
    assert asked.is_set()  # K3: asked to drain, for a bounded time


async def test_gzip_is_read_like_anything_else(real_kafka: str) -> None:
    topic, value = unique("t"), b'{"a":"' + b"x" * 400_000 + b'"}'
    await create_topics(real_kafka, [topic], 1)
    options = KafkaOptions(real_kafka, unique("g"), compression="gzip")
    async with running(KafkaProducer(options)) as producer, running(KafkaConsumer(options, [topic], nobody)) as consumer:
        assert all(await producer.send([a_record(topic, value=value) for _ in range(3)]))
        assert [record.value for record in await read(consumer, 3)] == [value] * 3


async def test_more_than_a_batch_for_one_partition_is_sent_in_order(real_kafka: str) -> None:
    topic = unique("t")
    await create_topics(real_kafka, [topic], 1)
    options = replace(KafkaOptions(real_kafka), group_id=unique("g"))
    async with running(KafkaProducer(options)) as producer, running(KafkaConsumer(options, [topic], nobody)) as consumer:
        records = [a_record(topic, value=b"%d:" % index + b"x" * 100_000) for index in range(20)]
        assert all(await producer.send(records))
        assert [record.value for record in await read(consumer, 20)] == [record.value for record in records]
