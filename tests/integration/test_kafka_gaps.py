"""Records that were deleted before the group had read them (hazard K10)."""

import pytest
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from kafka_shapes import a_record, nobody, poll_until, read, unique

from saga.ports.messaging import TopicPartition
from saga.transport.consumer import KafkaConsumer
from saga.transport.options import KafkaOptions
from saga.transport.producer import KafkaProducer
from saga.transport.topics import create_topics

pytest_plugins = ["kafka_fixtures"]
pytestmark = pytest.mark.integration


async def delete_before(bootstrap: str, topic: str, offset: int) -> None:
    """What retention does in time."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.delete_records({KafkaPartition(topic, 0): RecordsToDelete(before_offset=offset)})
    await admin.close()


async def test_what_was_deleted_unread_is_told_once_with_its_offsets_and_the_rest_is_read(real_kafka: str) -> None:  # K10
    topic, told = unique("t"), list[str]()
    await create_topics(real_kafka, [topic, f"{topic}-more"], 1)
    options = KafkaOptions(real_kafka, unique("g"), fetch_wait=0.05, incident=lambda what, detail: told.append(f"{what}: {detail}"))
    producer, before, after = KafkaProducer(options), KafkaConsumer(options, [topic], nobody), KafkaConsumer(options, [topic], nobody)
    await producer.send([a_record(topic, value=str(number).encode()) for number in range(10)])
    await before.start()
    await read(before, 10)
    await before.commit({TopicPartition(topic, 0): 4})
    await before.stop()
    assert told == []
    await delete_before(real_kafka, topic, 7)
    await after.start()
    assert [record.offset for record in await read(after, 3)] == [7, 8, 9]
    await after.subscribe([topic, f"{topic}-more"])
    await poll_until(lambda: len(after.assignment()) == 2, after)
    await after.stop()
    await producer.stop()
    assert told == [f"records-lost: {topic}/0 offsets 4 to 6 were deleted unread"]


async def test_a_new_group_on_an_old_topic_has_lost_nothing(real_kafka: str) -> None:  # K10
    topic, told = unique("t"), list[str]()
    await create_topics(real_kafka, [topic], 1)
    options = KafkaOptions(real_kafka, unique("g"), fetch_wait=0.05, incident=lambda *said: told.append(said[0]))
    producer, consumer = KafkaProducer(options), KafkaConsumer(options, [topic], nobody)
    await producer.send([a_record(topic) for _ in range(5)])
    await delete_before(real_kafka, topic, 3)
    await consumer.start()
    assert len(await read(consumer, 2)) == 2
    await consumer.stop()
    await producer.stop()
    assert told == []
