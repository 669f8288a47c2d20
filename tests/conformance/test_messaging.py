"""The log, in memory, on the embedded broker and on real Kafka, behind one face: what is shown here holds for all three."""

from collections.abc import AsyncIterator

import pytest
from kafka_log import Log, next_offsets
from kafka_shapes import a_record, poll_until, read, unique

from saga.errors import Unavailable
from saga.ports.messaging import TopicPartition

pytest_plugins = ["kafka_fixtures"]


@pytest.fixture(
    params=["memory", "simulated", pytest.param("mock", marks=pytest.mark.integration), pytest.param("real", marks=pytest.mark.integration)]
)
async def log(request: pytest.FixtureRequest) -> AsyncIterator[Log]:
    made = Log(request, request.param)
    yield made
    await made.close()


async def test_what_is_sent_arrives_byte_for_byte(log: Log) -> None:
    topic = await log.topic()
    producer = await log.producer()
    sent = a_record(topic, "schlüssel", '{"ü": 1}'.encode(), ce_id="1", ce_type="a.b.C.v1")
    assert await producer.send([sent]) == [True]
    (record,) = await read(await log.consumer(unique("g"), [topic]), 1)
    assert (record.topic, record.offset, record.key, record.value, record.headers) == (topic, 0, sent.key, sent.value, sent.headers)


async def test_a_new_group_reads_from_the_beginning_in_offset_order_per_partition(log: Log) -> None:
    topic = await log.topic()
    sent = [a_record(topic, f"order-{index % 7}", str(index).encode()) for index in range(300)]
    assert all(await (await log.producer()).send(sent))
    records = await read(await log.consumer(unique("g"), [topic]), 300, batch=64)  # K10: never `latest`
    assert sorted(int(record.value or b"") for record in records) == list(range(300))
    for partition in range(3):
        offsets = [record.offset for record in records if record.partition == partition]
        assert offsets == list(range(len(offsets)))


async def test_records_of_one_key_stand_in_one_partition_in_the_order_sent(log: Log) -> None:
    topic = await log.topic()
    assert all(await (await log.producer()).send([a_record(topic, f"k{index % 5}", str(index).encode()) for index in range(100)]))
    records = await read(await log.consumer(unique("g"), [topic]), 100)
    for key in {record.key for record in records}:
        of_key = [record for record in records if record.key == key]
        assert len({record.partition for record in of_key}) == 1
        assert [int(record.value or b"") for record in of_key] == sorted(int(record.value or b"") for record in of_key)


async def test_a_member_has_joined_when_it_has_its_share_and_not_when_it_has_only_started(log: Log) -> None:  # K5
    consumer = await log.consumer(unique("g"), [await log.topic()])
    assert consumer.joined() == bool(consumer.assignment())
    await poll_until(consumer.joined, consumer)
    assert len(consumer.assignment()) == 3
    await consumer.stop()
    assert not consumer.joined()


async def test_poll_returns_at_most_what_was_asked_for(log: Log) -> None:
    topic = await log.topic()
    await (await log.producer()).send([a_record(topic, f"k{index}") for index in range(50)])
    consumer = await log.consumer(unique("g"), [topic])
    await poll_until(lambda: bool(consumer.assignment()), consumer)
    sizes = [len(await consumer.poll(8, 0.5)) for _ in range(4)]
    assert max(sizes) <= 8


async def test_what_was_not_committed_comes_again_after_a_restart(log: Log) -> None:
    topic, group = await log.topic(1), unique("g")
    await (await log.producer()).send([a_record(topic, "k", str(index).encode()) for index in range(10)])
    first = await log.consumer(group, [topic])
    await read(first, 10)
    await first.commit({TopicPartition(topic, 0): 4})  # K1, K2: the offset follows the database, not the poll
    await first.stop()
    again = await read(await log.consumer(group, [topic]), 6)
    assert [record.offset for record in again] == [4, 5, 6, 7, 8, 9]


async def test_seek_delivers_a_batch_again_that_was_given_up(log: Log) -> None:
    topic = await log.topic(1)
    await (await log.producer()).send([a_record(topic, "k", str(index).encode()) for index in range(5)])
    consumer = await log.consumer(unique("g"), [topic])
    await read(consumer, 5)
    consumer.seek({TopicPartition(topic, 0): 2, TopicPartition("not-ours", 0): 9})
    assert [record.offset for record in await read(consumer, 3)] == [2, 3, 4]


async def test_committing_a_partition_that_is_not_ours_is_left_out_without_a_word(log: Log) -> None:
    topic, group = await log.topic(1), unique("g")
    await (await log.producer()).send([a_record(topic)])
    consumer = await log.consumer(group, [topic])
    records = await read(consumer, 1)
    await consumer.commit({TopicPartition("not-ours", 3): 7, **next_offsets(records)})  # K3
    await consumer.stop()
    other = await log.consumer(group, [topic])
    await poll_until(lambda: bool(other.assignment()), other)
    assert await other.poll(10, 0.1) == []


async def test_a_paused_consumer_returns_nothing_and_keeps_its_partitions(log: Log) -> None:
    topic = await log.topic()
    consumer, producer = await log.consumer(unique("g"), [topic]), await log.producer()
    await poll_until(lambda: len(consumer.assignment()) == 3, consumer)
    consumer.pause()  # S20
    await producer.send([a_record(topic, f"k{index}") for index in range(20)])
    assert [await consumer.poll(100, 0.1) for _ in range(3)] == [[], [], []]
    assert len(consumer.assignment()) == 3
    consumer.resume()
    assert len(await read(consumer, 20)) == 20


async def test_partitions_assigned_during_a_pause_are_paused_too(log: Log) -> None:
    topic, group = await log.topic(), unique("g")
    await (await log.producer()).send([a_record(topic, f"k{index}") for index in range(20)])
    consumer = await log.consumer(group, [topic])
    consumer.pause()
    assert await poll_until(lambda: len(consumer.assignment()) == 3, consumer) == []
    assert [await consumer.poll(100, 0.1) for _ in range(3)] == [[], [], []]
    consumer.resume()
    assert len(await read(consumer, 20)) == 20


async def test_a_new_subscription_replaces_the_old_one(log: Log) -> None:
    old, new = await log.topic(1), await log.topic(2)
    await (await log.producer()).send([a_record(new, f"k{index}") for index in range(6)])
    consumer = await log.consumer(unique("g"), [old])
    await poll_until(lambda: consumer.assignment() == {TopicPartition(old, 0)}, consumer)
    await consumer.subscribe([new])
    assert {record.topic for record in await read(consumer, 6)} == {new}
    assert consumer.assignment() == {TopicPartition(new, 0), TopicPartition(new, 1)}


async def test_lag_says_how_far_behind_a_partition_is(log: Log) -> None:
    topic = await log.topic(1)
    await (await log.producer()).send([a_record(topic, "k") for _ in range(10)])
    consumer = await log.consumer(unique("g"), [topic])
    first = await read(consumer, 1, batch=4)
    assert consumer.lag() == {TopicPartition(topic, 0): 10 - len(first)}
    await read(consumer, 10 - len(first))
    assert consumer.lag() == {TopicPartition(topic, 0): 0}


async def test_progress_is_seen_also_when_there_is_nothing_to_read(log: Log) -> None:
    consumer = await log.consumer(unique("g"), [await log.topic()])
    await poll_until(lambda: bool(consumer.assignment()), consumer)
    await consumer.poll(10, 0.1)
    await consumer.poll(10, 0.1)
    assert consumer.seconds_since_poll() < 0.3  # K5


async def test_a_consumer_that_does_not_run_says_so(log: Log) -> None:
    consumer = await log.consumer(unique("g"), [await log.topic()])
    await consumer.stop()
    with pytest.raises(Unavailable):
        await consumer.poll(1, 0.0)
    assert consumer.assignment() == frozenset()


async def test_sending_nothing_is_acknowledged_as_nothing(log: Log) -> None:
    assert await (await log.producer()).send([]) == []


async def test_two_groups_read_the_same_records(log: Log) -> None:
    topic = await log.topic()
    await (await log.producer()).send([a_record(topic, f"k{index}") for index in range(10)])
    for group in (unique("g"), unique("g")):
        assert len(await read(await log.consumer(group, [topic]), 10)) == 10
