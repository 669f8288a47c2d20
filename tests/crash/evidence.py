"""What is looked at after a crash: the tables of both sides read by SQL, and the topics read with a second client library.

Nothing here asks a process of ours: streams are read as rows, records with confluent-kafka, offsets from the broker.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
from confluent_kafka import OFFSET_BEGINNING, Consumer, ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from saga.core.events import Event
from saga.core.upcast import decode

PARTITIONS = 2
READ_WITHIN = 10.0


@dataclass(frozen=True)
class Record:
    """A record of a topic."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: dict[str, str]


@dataclass
class Story:
    """One saga as both sides have it written down."""

    saga_id: UUID | None = None
    versions: list[int] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    pointers: set[int] = field(default_factory=set)  # versions that wait to be sent, seen in one moment with the events
    row: asyncpg.Record | None = None
    keys: int = 0
    effects: list[asyncpg.Record] = field(default_factory=list)


class Topics:
    """The topics of a lane from offset 0, and what its groups have committed. Blocking calls run beside the loop."""

    def __init__(self, bootstrap: str, lane: str) -> None:
        self.lane = lane
        self.records: list[Record] = []
        self.names = [f"{lane}.{what}" for what in ("commands", "events", "lifecycle")]
        self._places = [TopicPartition(name, number) for name in self.names for number in range(PARTITIONS)]
        common = {"bootstrap.servers": bootstrap, "log_level": 0}
        self._admin = AdminClient(common)
        self._reader = Consumer({**common, "enable.auto.commit": False, "group.id": f"{lane}-judge"})
        self._reader.assign([TopicPartition(place.topic, place.partition, OFFSET_BEGINNING) for place in self._places])
        self._next = {(place.topic, place.partition): 0 for place in self._places}
        self._lock = asyncio.Lock()

    async def read(self) -> list[Record]:
        """Everything that the topics hold now."""
        async with self._lock:
            await asyncio.to_thread(self._read_to_end)
        return self.records

    async def committed(self, group: str, topic: str) -> dict[tuple[str, int], int]:
        """The next offset of each partition that a group has committed; 0 where none is."""
        async with self._lock:
            return await asyncio.to_thread(self._committed, f"{self.lane}-{group}", topic)

    async def ends(self) -> dict[tuple[str, int], int]:
        """The next offset that each partition will have."""
        async with self._lock:
            return await asyncio.to_thread(self._ends)

    async def close(self) -> None:
        """Close the clients."""
        await asyncio.to_thread(self._reader.close)

    def _committed(self, group: str, topic: str) -> dict[tuple[str, int], int]:
        places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        asked = self._admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group, places)])
        found = asked[group].result(READ_WITHIN).topic_partitions
        return {(place.topic, place.partition): max(0, place.offset) for place in found}

    def _ends(self) -> dict[tuple[str, int], int]:
        asked = self._admin.list_offsets(dict.fromkeys(self._places, OffsetSpec.latest()))
        return {(place.topic, place.partition): answer.result(READ_WITHIN).offset for place, answer in asked.items()}

    def _read_to_end(self) -> None:
        ends = self._ends()
        while any(ends[place] > self._next[place] for place in ends):
            for message in self._reader.consume(100, 0.02):
                if message.error() is None:
                    self.records.append(_record(message))
                    self._next[message.topic(), message.partition()] = message.offset() + 1


def _record(message: Any) -> Record:
    headers = {name: (value or b"").decode() for name, value in message.headers() or ()}
    return Record(message.topic(), message.partition(), message.offset(), message.key() or b"", message.value() or b"", headers)


_EVENTS = """
select version, data, exists (select from saga.outbox o where o.saga_id = e.saga_id and o.version = e.version) as waits
from saga.saga_event e where saga_id = $1 order by version
"""


async def story_of(coordinator: Any, participant: Any, definition: str, key: str) -> Story:
    """One saga."""
    story = Story()
    ids = await coordinator.fetch("select saga_id from saga.saga_key where definition = $1 and key = $2", definition, key)
    story.keys = len(ids)
    if ids:
        story.saga_id = ids[0]["saga_id"]
        rows = await coordinator.fetch(_EVENTS, story.saga_id)
        story.versions = [row["version"] for row in rows]
        story.pointers = {row["version"] for row in rows if row["waits"]}
        story.events = [decode(row["data"]) for row in rows]
        story.row = await coordinator.fetchrow("select * from saga.saga where saga_id = $1", story.saga_id)
    story.effects = await participant.fetch("select place, what, command_id, do_id from effect where key = $1 order by place", key)
    return story
