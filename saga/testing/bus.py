"""The log in memory: the same answers as Kafka (one conformance suite says so), and its ways of failing on demand.

    bus = MemoryBus(partitions=6)
    consumer, producer = bus.consumer("coordinator", ["payment.events"], on_revoked), bus.producer()
    bus.next_sends(Fault.UNKNOWN, Fault.LOST)      # what happens to the next two records that are sent
    bus.fault = lambda record: Fault.TWICE         # or to every record, by what it is
    bus.down = True
    await bus.expel(consumer)                      # its session ran out; it has not noticed yet (a zombie)
    await bus.rewind("coordinator")                # everything is delivered again

Deterministic: no threads, no chance, no clock but the one given; a rebalance is over when the call that caused it returns.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from enum import Enum
from time import monotonic

from saga.errors import Unavailable
from saga.ports.messaging import InboundRecord, OutboundRecord, Revoked, TopicPartition
from saga.transport.producer import partition_of

REVOKE_WITHIN = 2.0


class Fault(Enum):
    """What becomes of a record that is sent."""

    NONE = "stored once, acknowledged"
    REFUSED = "not stored, not acknowledged"
    UNKNOWN = "stored, not acknowledged: the answer was lost"
    LOST = "acknowledged, and lost: a broker failed over (hazard K8)"
    TWICE = "stored twice, acknowledged: the producer had to try again"
    LATE = "acknowledged, and stored behind the next record of its topic"


class MemoryBus:
    """Topics, consumer groups and faults. A topic that is not known is made on its first use, with `partitions` partitions."""

    def __init__(self, partitions: int = 6, *, clock: Callable[[], float] = monotonic) -> None:
        self.down = False
        self.fault: Callable[[OutboundRecord], Fault] = lambda _record: Fault.NONE
        self.clock = clock
        self._partitions = partitions
        self._logs: dict[str, list[list[InboundRecord]]] = {}
        self._groups: dict[str, _Group] = {}
        self._next: deque[Fault] = deque()
        self._late: defaultdict[str, list[OutboundRecord]] = defaultdict(list)
        self._arrived = asyncio.Event()

    def consumer(self, group: str, topics: Collection[str], on_revoked: Revoked | None = None) -> "MemoryConsumer":
        """A member of `group`, not started."""
        return MemoryConsumer(self, self._group(group), topics, on_revoked)

    def producer(self) -> "MemoryProducer":
        """A producer, not started."""
        return MemoryProducer(self)

    def create_topic(self, name: str, partitions: int) -> None:
        """Make a topic; one that exists is left as it is."""
        self._logs.setdefault(name, [[] for _ in range(partitions)])

    async def grow(self, name: str, partitions: int) -> None:
        """More partitions: keys move to other ones, groups are assigned anew (hazard K9)."""
        log = self.log(name)
        log.extend([] for _ in range(partitions - len(log)))
        for group in self._groups.values():
            await group.rebalance()

    async def rewind(self, group: str) -> None:
        """Forget what the group has committed: everything is delivered again."""
        self._group(group).committed.clear()
        await self._group(group).rebalance()

    async def expel(self, consumer: "MemoryConsumer") -> None:
        """The group thinks that this member is dead. It learns of it when it polls, and joins again."""
        await consumer.group.leave(consumer)

    def next_sends(self, *faults: Fault) -> None:
        """What becomes of the next records that are sent, one after another."""
        self._next.extend(faults)

    def release(self) -> None:
        """Store the late records that are still on their way."""
        for record in [record for late in self._late.values() for record in late]:
            self.store(record)
        self._late.clear()

    def records(self, topic: str) -> list[InboundRecord]:
        """Everything that a topic holds, by partition and offset."""
        return [record for partition in self.log(topic) for record in partition]

    def committed(self, group: str) -> Mapping[TopicPartition, int]:
        """The offsets that a group has committed."""
        return dict(self._group(group).committed)

    def log(self, topic: str) -> list[list[InboundRecord]]:
        """The partitions of a topic."""
        return self._logs.setdefault(topic, [[] for _ in range(self._partitions)])

    def store(self, record: OutboundRecord) -> None:
        """Append a record, as any client could, and wake who waits for it."""
        log = self.log(record.topic)
        partition = partition_of(record.key, len(log))
        log[partition].append(InboundRecord(record.topic, partition, len(log[partition]), record.key, record.value, record.headers))
        self._arrived.set()

    def send(self, record: OutboundRecord) -> bool:
        """What becomes of one record that a producer sends; True if it is acknowledged."""
        fault = self._next.popleft() if self._next else self.fault(record)
        if self.down or fault is Fault.REFUSED:
            return False
        if fault is Fault.LATE:
            self._late[record.topic].append(record)
            return True
        for _ in range({Fault.LOST: 0, Fault.TWICE: 2}.get(fault, 1)):
            self.store(record)
        for late in self._late.pop(record.topic, ()):
            self.store(late)
        return fault is not Fault.UNKNOWN

    async def arrival(self, seconds: float) -> None:
        """Wait until something is stored, at most so long."""
        self._arrived.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._arrived.wait()

    def _group(self, name: str) -> "_Group":
        return self._groups.setdefault(name, _Group(self))


class _Group:
    """Eager, like the real one: everybody gives up everything, then all is assigned by range."""

    def __init__(self, bus: MemoryBus) -> None:
        self.committed: dict[TopicPartition, int] = {}
        self._bus = bus
        self.members: list[MemoryConsumer] = []
        self._lock = asyncio.Lock()

    async def join(self, member: "MemoryConsumer") -> None:
        self.members.append(member)
        await self.rebalance()

    async def leave(self, member: "MemoryConsumer") -> None:
        if member in self.members:
            self.members.remove(member)
            await self.rebalance()

    async def rebalance(self) -> None:
        async with self._lock:
            for member in list(self.members):
                await member.give_up()
            owners: dict[MemoryConsumer, set[TopicPartition]] = {member: set() for member in self.members}
            for topic in sorted({topic for member in self.members for topic in member.topics}):
                for member, partitions in _ranges(len(self._bus.log(topic)), [one for one in self.members if topic in one.topics]):
                    owners[member].update(TopicPartition(topic, partition) for partition in partitions)
            for member, owned in owners.items():
                member.take({place: self.committed.get(place, 0) for place in sorted(owned)})


class MemoryConsumer:
    """`saga.ports.messaging.Consumer` in memory."""

    def __init__(self, bus: MemoryBus, group: _Group, topics: Collection[str], on_revoked: Revoked | None) -> None:
        self.group, self.topics = group, frozenset(topics)
        self._bus, self._on_revoked = bus, on_revoked
        self._positions: dict[TopicPartition, int] = {}
        self._running = self._paused = False
        self._fetched_at = bus.clock()

    async def start(self) -> None:
        """Join the group. Raises Unavailable while the bus is down."""
        if self._bus.down:
            raise Unavailable("kafka", "no broker answers at memory")
        self._running, self._fetched_at = True, self._bus.clock()
        await self.group.join(self)

    async def poll(self, max_records: int, timeout: float) -> list[InboundRecord]:
        """At most `max_records`, waiting for the first; joins again if the group has expelled it."""
        self._must_run()
        await asyncio.sleep(0)
        if self not in self.group.members and not self._bus.down:
            await self.give_up()
            await self.group.join(self)
        found = self._take(max_records)
        if not found and timeout > 0:
            await self._bus.arrival(timeout)
            found = self._take(max_records) if self._running else []
        if not self._bus.down:
            self._fetched_at = self._bus.clock()
        return found

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit what is still ours. Raises Unavailable while the bus is down."""
        self._must_run()
        if self._bus.down:
            raise Unavailable("kafka", "committing offsets failed (down)")
        if self in self.group.members:
            self.group.committed.update({place: offset for place, offset in offsets.items() if place in self._positions})

    def seek(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Read again from these offsets."""
        self._positions.update({place: offset for place, offset in offsets.items() if place in self._positions})

    def pause(self) -> None:
        """Return nothing until `resume`."""
        self._paused = True

    def resume(self) -> None:
        """Return records again."""
        self._paused = False

    async def subscribe(self, topics: Collection[str]) -> None:
        """Replace the subscription if it changes."""
        if frozenset(topics) != self.topics:
            self.topics = frozenset(topics)
            await self.group.rebalance()

    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions owned, as far as this member knows."""
        return frozenset(self._positions)

    def joined(self) -> bool:
        """Whether the group knows this member."""
        return self in self.group.members

    def lag(self) -> dict[TopicPartition, int]:
        """Records not read yet."""
        return {place: len(self._bus.log(place.topic)[place.partition]) - position for place, position in self._positions.items()}

    def seconds_since_poll(self) -> float:
        """Since a poll that a broker answered, by the clock of the bus."""
        return self._bus.clock() - self._fetched_at

    async def stop(self) -> None:
        """Leave the group."""
        if self._running:
            self._running, self._positions = False, {}
            await self.group.leave(self)

    async def give_up(self) -> None:
        """The group takes everything back; wait for the batch at work, within a bound."""
        if self._positions and self._on_revoked is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(REVOKE_WITHIN):
                    await self._on_revoked(frozenset(self._positions))
        self._positions = {}

    def take(self, positions: dict[TopicPartition, int]) -> None:
        """The group gives these partitions, to be read from these offsets."""
        self._positions = positions

    def _take(self, max_records: int) -> list[InboundRecord]:
        found: list[InboundRecord] = []
        if self._paused or self._bus.down:
            return found
        for place in list(self._positions):
            position = self._positions[place]
            records = self._bus.log(place.topic)[place.partition][position : position + max_records - len(found)]
            if records:
                found.extend(records)
                self._positions[place] = self._positions.pop(place) + len(records)  # and is served last next time: none starves
            if len(found) == max_records:
                break
        return found

    def _must_run(self) -> None:
        if not self._running:
            raise Unavailable("kafka", "the consumer is not running")


class MemoryProducer:
    """`saga.ports.messaging.Producer` in memory."""

    def __init__(self, bus: MemoryBus) -> None:
        self._bus = bus

    async def start(self) -> None:
        """Connect. Raises Unavailable while the bus is down."""
        if self._bus.down:
            raise Unavailable("kafka", "no broker answers at memory")

    async def send(self, records: Sequence[OutboundRecord]) -> list[bool]:
        """Send all; True where acknowledged."""
        await asyncio.sleep(0)
        return [self._bus.send(record) for record in records]

    async def stop(self) -> None:
        """Nothing is left to flush."""


def _ranges(partitions: int, members: Sequence[MemoryConsumer]) -> list[tuple[MemoryConsumer, range]]:
    """As Kafka's range assignor: neighbours together, the first members get one more."""
    share, more = divmod(partitions, len(members))
    starts = [share * index + min(index, more) for index in range(len(members) + 1)]
    return [(member, range(starts[index], starts[index + 1])) for index, member in enumerate(members)]
