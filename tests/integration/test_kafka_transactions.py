"""Records of transactions, as a real broker gives and keeps them back (hazard K7)."""

from asyncio import to_thread

import pytest
from confluent_kafka import Producer
from kafka_shapes import a_record, nobody, poll_until, read, unique

from saga.transport.consumer import KafkaConsumer
from saga.transport.options import KafkaOptions
from saga.transport.producer import KafkaProducer
from saga.transport.topics import create_topics

pytest_plugins = ["kafka_fixtures"]
pytestmark = pytest.mark.integration


class Writer:
    """Writes to a topic's partition 0 in transactions, with a client that is not ours. Blocking."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._topic = topic
        self._producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": unique("writer")})
        self._producer.init_transactions(20)

    def write(self, *values: bytes) -> None:
        """In a transaction that is open afterwards."""
        self._producer.begin_transaction()
        for value in values:
            self._producer.produce(self._topic, value, partition=0)
        self._producer.flush(20)

    def commit(self) -> None:
        self._producer.commit_transaction(20)

    def abort(self) -> None:
        self._producer.abort_transaction(20)


async def test_a_transaction_that_stays_open_keeps_everything_after_it_back_and_is_told_once(real_kafka: str) -> None:  # K7
    topic, told = unique("t"), list[str]()
    await create_topics(real_kafka, [topic], 1)
    options = KafkaOptions(
        real_kafka, unique("g"), fetch_wait=0.05, transaction_patience=1.0, incident=lambda what, detail: told.append(f"{what}: {detail}")
    )
    producer, consumer, writer = KafkaProducer(options), KafkaConsumer(options, [topic], nobody), Writer(real_kafka, topic)
    await producer.send([a_record(topic, value=b"before")])
    await to_thread(writer.write, b"in it")
    await producer.send([a_record(topic, value=b"after")])
    await consumer.start()
    assert [record.value for record in await read(consumer, 1)] == [b"before"]
    await poll_until(lambda: told != [], consumer)
    assert told[0].startswith(f"transaction-open: {topic}/0 offsets 1 to 2 have waited ")
    await to_thread(writer.commit)
    assert [record.value for record in await read(consumer, 2)] == [b"in it", b"after"]
    await consumer.stop()
    await producer.stop()
    assert len(told) == 1


async def test_what_a_writer_took_back_is_never_read(real_kafka: str) -> None:  # K7
    topic = unique("t")
    await create_topics(real_kafka, [topic], 1)
    options = KafkaOptions(real_kafka, unique("g"), fetch_wait=0.05)
    consumer, writer = KafkaConsumer(options, [topic], nobody), Writer(real_kafka, topic)
    await to_thread(writer.write, b"taken back")
    await to_thread(writer.abort)
    await to_thread(writer.write, b"meant")
    await to_thread(writer.commit)
    await consumer.start()
    assert [record.value for record in await read(consumer, 1)] == [b"meant"]
    await consumer.stop()
