"""A log of each kind behind one face, for the conformance suite of the port."""

from collections.abc import Collection, Mapping
from dataclasses import replace

import pytest
from kafka_shapes import nobody, unique

from saga.ports.messaging import Consumer, InboundRecord, LogReader, Producer, Revoked, TopicPartition
from saga.testing.bus import MemoryBus
from saga.testing.bus_reader import MemoryReader
from saga.transport.consumer import KafkaConsumer
from saga.transport.options import KafkaOptions
from saga.transport.producer import KafkaProducer
from saga.transport.reader import KafkaReader
from saga.transport.topics import create_topics
from tests.simulate.calm import CalmLog

IN_MEMORY = ("memory", "simulated")


class Log:
    """Makes topics, and members that are stopped after the test."""

    def __init__(self, request: pytest.FixtureRequest, kind: str) -> None:
        self._bus = CalmLog() if kind == "simulated" else MemoryBus()
        self._mock = request.getfixturevalue("mock_cluster") if kind == "mock" else None
        bootstrap = self._mock.bootstrap if self._mock else request.getfixturevalue("real_kafka") if kind == "real" else ""
        self._options = KafkaOptions(bootstrap, session_timeout=6.0 if kind == "real" else 2.0, fetch_wait=0.05)
        self._kind = kind
        self._made: list[Consumer | Producer | LogReader] = []

    async def topic(self, partitions: int = 3) -> str:
        name = unique("payment") + ".events"
        if self._kind == "real":
            await create_topics(self._options.bootstrap, [name], partitions)
        else:
            (self._mock or self._bus).create_topic(name, partitions)
        return name

    async def consumer(self, group: str, topics: Collection[str], on_revoked: Revoked = nobody) -> Consumer:
        if self._kind in IN_MEMORY:
            made: Consumer = self._bus.consumer(group, topics, on_revoked)
        else:
            made = KafkaConsumer(replace(self._options, group_id=group), topics, on_revoked)
        await made.start()
        self._made.append(made)
        return made

    async def producer(self) -> Producer:
        made = self._bus.producer() if self._kind in IN_MEMORY else KafkaProducer(self._options)
        await made.start()
        self._made.append(made)
        return made

    async def reader(self, topic: str, since: Mapping[int, int] | None = None) -> LogReader:
        made: LogReader = MemoryReader(self._bus, topic) if self._kind in IN_MEMORY else KafkaReader(self._options, topic)
        await made.start(since)
        self._made.append(made)
        return made

    async def close(self) -> None:
        for made in self._made:
            await made.stop()


def next_offsets(records: Collection[InboundRecord]) -> dict[TopicPartition, int]:
    return {TopicPartition(record.topic, record.partition): record.offset + 1 for record in sorted(records, key=lambda one: one.offset)}
