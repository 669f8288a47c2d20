"""Batches that the client cannot unpack (hazards K11, K12): stepped over and reported; nothing around them is lost."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.util import calc_crc32c
from kafka_shapes import a_record, nobody, read, unique

from saga.embedded.broker import EmbeddedBroker
from saga.ports.messaging import TopicPartition
from saga.transport.consumer import KafkaConsumer
from saga.transport.options import KafkaOptions
from saga.transport.producer import KafkaProducer, partition_of
from saga.transport.topics import create_topics

pytest_plugins = ["kafka_fixtures"]
pytestmark = pytest.mark.integration

Damage = Callable[[bytearray], None]
CRC_AT, CRC_FROM = 17, 21
NAME = b"a-header-name"


def wrong_checksum(batch: bytearray) -> None:
    batch[-1] ^= 0xFF


def header_name_is_not_utf8(batch: bytearray) -> None:
    at = batch.index(NAME)
    batch[at : at + 2] = b"\xff\xfe"
    batch[CRC_AT:CRC_FROM] = calc_crc32c(bytes(batch[CRC_FROM:])).to_bytes(4, "big")


def codec_is_not_installed(batch: bytearray) -> None:
    batch[22] = 4  # zstd
    batch[CRC_AT:CRC_FROM] = calc_crc32c(bytes(batch[CRC_FROM:])).to_bytes(4, "big")


@asynccontextmanager
async def a_hostile_client(bootstrap: str) -> AsyncIterator[AIOKafkaProducer]:
    client = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await client.start()
    yield client
    await client.stop()


async def send_damaged(bootstrap: str, place: TopicPartition, values: Sequence[bytes], damage: Damage) -> None:
    async with a_hostile_client(bootstrap) as client:
        batch = client.create_batch()
        for value in values:
            batch.append(key=b"k", value=value, timestamp=1, headers=[(NAME.decode(), b"x")])
        damaged = bytearray(batch._build())
        damage(damaged)
        batch._buffer = bytes(damaged)
        await (await client.send_batch(batch, place.topic, partition=place.partition))


def keys_of(partition: int, partitions: int, count: int) -> list[str]:
    found = (key for key in (f"k{index}" for index in range(10_000)) if partition_of(key.encode(), partitions) == partition)
    return [next(found) for _ in range(count)]


class Told:
    """What the consumer reports."""

    def __init__(self) -> None:
        self.incidents: list[str] = []

    def __call__(self, what: str, detail: str) -> None:
        self.incidents.append(f"{what}: {detail}")


@pytest.mark.parametrize("damage", [wrong_checksum, codec_is_not_installed])
async def test_an_unreadable_batch_is_stepped_over_and_nothing_around_it_is_lost(mock_cluster: EmbeddedBroker, damage: Damage) -> None:
    topic, told = unique("t"), Told()
    mock_cluster.create_topic(topic, 3)
    options = KafkaOptions(mock_cluster.bootstrap, unique("g"), incident=told, fetch_wait=0.05)
    producer, consumer = KafkaProducer(options), KafkaConsumer(options, [topic], nobody)
    everywhere = [key for partition in range(3) for key in keys_of(partition, 3, 4)]
    assert all(await producer.send([a_record(topic, key, f"before {key}".encode()) for key in everywhere]))
    await send_damaged(mock_cluster.bootstrap, TopicPartition(topic, 1), [b"bad"] * 3, damage)
    assert all(await producer.send([a_record(topic, key, f"after {key}".encode()) for key in everywhere]))
    await consumer.start()
    found = await read(consumer, 24)
    assert sorted(record.value or b"" for record in found) == sorted(
        f"{when} {key}".encode() for when in ("before", "after") for key in everywhere
    )
    assert consumer.skipped == 3  # K12
    assert [incident.rpartition(":")[0] for incident in told.incidents] == [f"unreadable-records: {topic}/1 offsets 4 to 6"]
    await consumer.stop()
    await producer.stop()


async def test_what_was_drained_of_other_partitions_in_the_failed_call_is_delivered(mock_cluster: EmbeddedBroker) -> None:
    topic = unique("t")
    mock_cluster.create_topic(topic, 8)
    options = KafkaOptions(mock_cluster.bootstrap, unique("g"), fetch_wait=0.05)
    producer, consumer = KafkaProducer(options), KafkaConsumer(options, [topic], nobody)
    for partition in range(8):
        await producer.send([a_record(topic, key, key.encode()) for key in keys_of(partition, 8, 20)])
        await send_damaged(mock_cluster.bootstrap, TopicPartition(topic, partition), [b"bad"], wrong_checksum)
    await consumer.start()
    found = await read(consumer, 160)
    assert len({record.value for record in found}) == 160  # K2: else the next commit would skip them for ever
    assert b"bad" not in {record.value for record in found}
    await consumer.stop()
    await producer.stop()


async def test_an_unreadable_batch_at_the_end_does_not_stop_the_partition(mock_cluster: EmbeddedBroker) -> None:
    topic = unique("t")
    mock_cluster.create_topic(topic, 1)
    options = KafkaOptions(mock_cluster.bootstrap, unique("g"), fetch_wait=0.05)
    producer, consumer = KafkaProducer(options), KafkaConsumer(options, [topic], nobody)
    await send_damaged(mock_cluster.bootstrap, TopicPartition(topic, 0), [b"bad"], wrong_checksum)
    await consumer.start()
    while consumer.skipped == 0:
        assert await consumer.poll(10, 0.2) == []
    await producer.send([a_record(topic, value=b"later")])
    (record,) = await read(consumer, 1)
    assert (record.value, record.offset) == (b"later", 1)
    await consumer.stop()
    await producer.stop()


async def odd_names_among_sound_records(bootstrap: str, topic: str, batch: int = 500) -> None:
    """Three batches, an odd name in the middle one: every record of all three is read, and nothing is reported."""
    told = Told()
    options = KafkaOptions(bootstrap, unique("g"), incident=told, fetch_wait=0.05)
    producer, consumer = KafkaProducer(options), KafkaConsumer(options, [topic], nobody)
    await producer.send([a_record(topic, value=b"before")])
    await send_damaged(bootstrap, TopicPartition(topic, 0), [b"odd", b"sound", b"sound too"], header_name_is_not_utf8)
    await producer.send([a_record(topic, value=b"after")])
    await consumer.start()
    found = await read(consumer, 5, batch=batch)
    assert [record.value for record in found] == [b"before", b"odd", b"sound", b"sound too", b"after"]
    assert [record.offset for record in found] == [0, 1, 2, 3, 4]
    assert [name for record in found for name, _ in record.headers] == ["\\xff\\xfeheader-name", NAME.decode(), NAME.decode()]
    assert (told.incidents, consumer.skipped) == ([], 0)  # K11
    await consumer.stop()
    await producer.stop()


@pytest.mark.parametrize("batch", [500, 2, 1])
async def test_a_header_name_that_is_not_utf8_takes_no_record_along(mock_cluster: EmbeddedBroker, batch: int) -> None:
    topic = unique("t")
    mock_cluster.create_topic(topic, 1)
    await odd_names_among_sound_records(mock_cluster.bootstrap, topic, batch)


async def test_a_header_name_that_is_not_utf8_passes_a_real_broker_and_is_read(real_kafka: str) -> None:
    topic = unique("t")
    await create_topics(real_kafka, [topic], 1)
    await odd_names_among_sound_records(real_kafka, topic)
