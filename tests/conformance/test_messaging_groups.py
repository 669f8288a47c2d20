"""Groups of several members, in memory and on real Kafka.

Why not on the embedded broker: once the leader of a group has handed in the assignment, it answers a follower that comes after it with
INVALID_REQUEST instead of its share. A group of one member, all that development needs, is not touched by this.
"""

from collections.abc import AsyncIterator

import pytest
from kafka_log import Log, next_offsets
from kafka_shapes import a_record, poll_until, read, unique

from saga.ports.messaging import TopicPartition

pytest_plugins = ["kafka_fixtures"]


@pytest.fixture(params=["memory", "simulated", pytest.param("real", marks=pytest.mark.integration)])
async def log(request: pytest.FixtureRequest) -> AsyncIterator[Log]:
    made = Log(request, request.param)
    yield made
    await made.close()


async def test_two_members_share_the_partitions_and_the_first_hears_what_it_loses(log: Log) -> None:
    topic, group, lost = await log.topic(4), unique("g"), list[TopicPartition]()

    async def on_revoked(partitions: frozenset[TopicPartition]) -> None:
        lost.extend(partitions)

    first = await log.consumer(group, [topic], on_revoked)
    await poll_until(lambda: len(first.assignment()) == 4, first)
    second = await log.consumer(group, [topic])
    await poll_until(lambda: len(first.assignment()) == len(second.assignment()) == 2, first, second)
    assert {place.partition for place in lost} == {0, 1, 2, 3}  # K3: stop-the-world
    assert {place.partition for place in first.assignment() | second.assignment()} == {0, 1, 2, 3}


async def test_whoever_takes_over_reads_from_what_was_committed(log: Log) -> None:
    topic, group = await log.topic(2), unique("g")
    await (await log.producer()).send([a_record(topic, f"k{index}") for index in range(40)])
    first = await log.consumer(group, [topic])
    records = await read(first, 40)
    await first.commit(next_offsets(records[:30]))
    second = await log.consumer(group, [topic])
    await first.stop()
    committed = next_offsets(records[:30])
    again = [record for record in records if record.offset >= committed.get(TopicPartition(topic, record.partition), 0)]
    assert {(one.partition, one.offset) for one in await read(second, len(again))} == {(one.partition, one.offset) for one in again}


async def test_a_member_that_is_stopped_gives_its_partitions_to_the_others(log: Log) -> None:
    topic, group = await log.topic(4), unique("g")
    first, second = await log.consumer(group, [topic]), await log.consumer(group, [topic])
    await poll_until(lambda: len(first.assignment()) == len(second.assignment()) == 2, first, second)
    await first.stop()
    await poll_until(lambda: len(second.assignment()) == 4, second)
