"""The reader without a group, in memory, on the embedded broker and on real Kafka: what is shown here holds for all three."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from kafka_log import Log
from kafka_shapes import WITHIN, a_record

from saga.ports.messaging import InboundRecord, LogReader

pytest_plugins = ["kafka_fixtures"]


@pytest.fixture(
    params=["memory", "simulated", pytest.param("mock", marks=pytest.mark.integration), pytest.param("real", marks=pytest.mark.integration)]
)
async def log(request: pytest.FixtureRequest) -> AsyncIterator[Log]:
    made = Log(request, request.param)
    yield made
    await made.close()


async def fill(log: Log, topic: str, first: int, count: int) -> None:
    records = [a_record(topic, f"k{number % 5}", str(number).encode()) for number in range(first, first + count)]
    assert all(await (await log.producer()).send(records))


async def take(reader: LogReader, count: int, batch: int = 100) -> list[InboundRecord]:
    found: list[InboundRecord] = []
    async with asyncio.timeout(WITHIN):
        while len(found) < count:
            found += await reader.poll(batch, 0.2)
    return found


def numbers(records: list[InboundRecord]) -> list[int]:
    return sorted(int(record.value or b"") for record in records)


async def test_a_reader_without_a_place_gets_what_is_written_from_now_on(log: Log) -> None:
    topic = await log.topic()
    await fill(log, topic, 0, 10)
    reader = await log.reader(topic)
    assert sum(reader.positions().values()) == 10
    await fill(log, topic, 10, 5)
    assert numbers(await take(reader, 5)) == [10, 11, 12, 13, 14]


async def test_another_reader_goes_on_at_the_positions_of_the_first(log: Log) -> None:
    topic = await log.topic()
    await fill(log, topic, 0, 30)
    first = await log.reader(topic, {})
    before = await take(first, 7, batch=7)
    places = first.positions()
    assert sum(places.values()) == len(before) == 7
    assert numbers([*before, *await take(await log.reader(topic, places), 23)]) == list(range(30))


async def test_readers_do_not_share_and_each_partition_comes_in_order(log: Log) -> None:
    topic = await log.topic()
    await fill(log, topic, 0, 40)
    for reader in (await log.reader(topic, {}), await log.reader(topic, {})):
        found = await take(reader, 40)
        for partition in range(3):
            offsets = [record.offset for record in found if record.partition == partition]
            assert offsets == list(range(len(offsets)))


async def test_offsets_that_are_not_there_are_read_from_the_beginning(log: Log) -> None:  # K8: the topic was made anew
    topic = await log.topic()
    await fill(log, topic, 0, 10)
    reader = await log.reader(topic, {0: 1_000_000, 1: 1_000_000, 2: 1_000_000})
    assert numbers(await take(reader, 10)) == list(range(10))


async def test_a_poll_without_records_returns_nothing_and_moves_nothing(log: Log) -> None:
    reader = await log.reader(await log.topic())
    before = reader.positions()
    assert (await reader.poll(10, 0.1), reader.positions()) == ([], before)
