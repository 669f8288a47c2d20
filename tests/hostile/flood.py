"""Sending and watching: records go out with confluent-kafka, offsets and memory are looked at from outside.

What is in flight is bounded, so that a run shows how fast the coordinator eats and not how much Kafka holds. A partition whose committed
offset stands still for `stalled_after` seconds while records wait behind it is a stall.
"""

from array import array
from collections import Counter
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from tests.hostile.bodies import Bad
from tests.hostile.stage import GROUP, PARTICIPANTS, PARTITIONS, Stage

IN_FLIGHT = 4_000
LOOK_EVERY = 0.25
Place = tuple[str, int]


class Stalled(Exception):
    """A partition does not go on."""


class Flood:
    """One producer of everything on the events topics, so that what stands at an offset is known: `kinds[place][offset]`."""

    def __init__(self, stage: Stage, stalled_after: float) -> None:
        self._stalled_after = stalled_after
        self._producer = Producer(
            {
                "bootstrap.servers": stage.bootstrap,
                "enable.idempotence": True,
                "linger.ms": 5,
                "log_level": 3,
                "partitioner": "murmur2_random",
                "message.max.bytes": 2_000_000,
                "queue.buffering.max.messages": 200_000,
            }
        )
        settings = {"bootstrap.servers": stage.bootstrap, "enable.auto.commit": False, "auto.offset.reset": "earliest"}
        self._commands = Consumer({**settings, "group.id": "proof-participants"})
        self._commands.assign([TopicPartition(f"{name}.commands", at, 0) for name in PARTICIPANTS for at in range(PARTITIONS)])
        self._group = Consumer({**settings, "group.id": GROUP})
        self._pid, self._bootstrap = stage.pid, stage.bootstrap
        self.names: list[str] = []
        self._numbers: dict[str, int] = {}
        self.kinds: dict[Place, array[int]] = {}
        self.fates: dict[int, str] = {}
        self.sent = self.delivered = self.handled = 0
        self.memory: list[tuple[float, float]] = []
        self.longest_pause = 0.0
        self._committed: dict[Place, tuple[int, float]] = {}
        self._looked = 0.0

    def send(self, bad: Bad) -> None:
        """Hand it to the producer."""
        number = self._numbers.setdefault(bad.kind, len(self._numbers))
        if number == len(self.names):
            self.names.append(bad.kind)
            self.fates[number] = bad.fate
        elif bad.fate == "*":
            self.fates[number] = "*"
        self.sent += 1
        while True:
            try:
                self._producer.produce(
                    bad.topic, key=bad.key, value=bad.value, headers=bad.headers, on_delivery=partial(self._delivered, number)
                )
                return
            except BufferError:
                self._producer.poll(0.1)

    def commands(self, seconds: float) -> Iterable[tuple[str, bytes, bytes, dict[str, str]]]:
        """What the coordinator has asked since the last time."""
        for message in self._commands.consume(500, seconds):
            if message.error() is None:
                headers = {name: (text or b"").decode() for name, text in message.headers() or ()}
                yield message.topic(), message.key() or b"", message.value() or b"", headers

    def room(self) -> bool:
        """Whether more may be sent; looks at offsets and memory now and then. Raises Stalled."""
        self._producer.poll(0)
        if monotonic() - self._looked > LOOK_EVERY:
            self.look()
        return self.sent - self.handled < IN_FLIGHT

    @property
    def lag(self) -> int:
        """Records that are sent and not yet below a committed offset."""
        return self.sent - self.handled

    def look(self) -> None:
        """Committed offsets, the longest pause, and how much memory the replica has."""
        wanted = [TopicPartition(*place) for place in self.kinds]
        now = self._looked = monotonic()
        for found in self._group.committed(wanted, timeout=30) if wanted else ():
            self._progress((found.topic, found.partition), max(0, found.offset), now)
        self.handled = sum(offset for offset, _ in self._committed.values())
        self.memory.append((float(self.handled), resident(self._pid)))

    def _progress(self, place: Place, offset: int, now: float) -> None:
        before, since = self._committed.get(place, (0, now))
        waits = offset < len(self.kinds[place])
        if offset != before or not waits:
            self._committed[place] = (offset, now)
            return
        self._committed[place] = (before, since)
        self.longest_pause = max(self.longest_pause, now - since)
        if now - since > self._stalled_after:
            kind = self.names[self.kinds[place][offset]]
            raise Stalled(f"{place[0]}/{place[1]} stands at offset {offset} since {now - since:.0f} s; there lies: {kind}")

    def drain(self) -> None:
        """Wait until everything sent lies below a committed offset. Raises Stalled."""
        self._producer.flush(60)
        while self.lag:
            self.look()
            sleep(0.05)

    def log(self) -> Iterable[tuple[Place, int, Any]]:
        """Every record of the events topics, read from offset 0."""
        reader, ends = (
            Consumer({"bootstrap.servers": self._bootstrap, "group.id": "proof-reader", "fetch.message.max.bytes": 4_000_000}),
            {},
        )
        for place in self.kinds:
            ends[place] = reader.get_watermark_offsets(TopicPartition(*place), timeout=30)[1]
        reader.assign([TopicPartition(*place, 0) for place in ends])
        left, last = {place for place, end in ends.items() if end}, monotonic()
        while left and monotonic() - last < 60:
            for message in reader.consume(2_000, 1.0):
                place, last = (message.topic(), message.partition()), monotonic()
                yield place, message.offset(), message
                if message.offset() + 1 >= ends[place]:
                    left.discard(place)
        reader.close()
        if left:
            raise Stalled(f"the second client does not reach the end of {sorted(left)}")

    def counts(self) -> Counter[str]:
        """Records delivered, by kind."""
        total: Counter[int] = Counter()
        for kinds in self.kinds.values():
            total.update(kinds)
        return Counter({self.names[number]: count for number, count in total.items()})

    def close(self) -> None:
        """Leave nothing open."""
        self._commands.close()
        self._group.close()

    def _delivered(self, number: int, error: Any, message: Any) -> None:
        if error is not None:
            raise RuntimeError(f"not delivered: {error}")
        kinds = self.kinds.setdefault((message.topic(), message.partition()), array("H"))
        offset = message.offset()
        if offset >= len(kinds):
            kinds.extend([0xFFFF] * (offset + 1 - len(kinds)))
        kinds[offset] = number
        self.delivered += 1


def resident(pid: int) -> float:
    """Resident memory of a process in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 2**20
