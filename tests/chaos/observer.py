"""What passed over Kafka, read from offset 0 by a second client library (confluent-kafka) while it passes.

Why while it passes and not at the end: a fault deletes topics, and what was read before stays read. Records are added up as they come, so
that a long run fits into memory.
"""

import asyncio
import hashlib
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

LOOK_EVERY = 2.0


@dataclass
class Seen:
    """The sum of all records. Commands and replies are by command id; `told` holds the versions of each saga that were told of."""

    records: int = 0
    commands: dict[str, set[bytes]] = field(default_factory=dict)
    replies: dict[tuple[str, str], str] = field(default_factory=dict)
    starts: set[str] = field(default_factory=set)
    told: dict[str, set[int]] = field(default_factory=dict)
    ends: dict[tuple[str, int], int] = field(default_factory=dict)
    lost_topics: set[str] = field(default_factory=set)
    leaked: list[str] = field(default_factory=list)


class Observer:
    """A thread that reads all topics. `start`, then `read_all` when nothing more is coming, then `stop`.

    Why a new client after a topic was made again: once one read a partition of such a topic no longer, though its place was known and
    others could read it. A new one knows nothing of the old topic. It goes on where the other one stood.
    """

    def __init__(self, bootstrap: str, topics: Sequence[str], canary: str) -> None:
        self._bootstrap = bootstrap
        self._consumer = self._client()
        self._topics = frozenset(topics)
        self._canary = canary.encode()
        self._assigned: set[tuple[str, int]] = set()
        self._forget: set[str] = set()
        self._asked = self._renewed = 0  # so many new clients were asked for, and so many of these are made
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.seen = Seen()

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread (blocking)."""
        self._ending.set()
        self._thread.join(30)
        self._consumer.close()

    def forget(self, topic: str) -> None:
        """The topic was made again: it is read from its new beginning."""
        self.seen.lost_topics.add(topic)
        self._forget.add(topic)
        self._asked += 1

    async def read_all(self, within: float = 60.0) -> str:
        """Wait until everything that is there now has been read, the second half of the time with a new client; what is missing if that
        does not come to pass."""
        began, helped = monotonic(), False
        while True:
            before = self.seen.records
            await asyncio.sleep(1.0)
            still = self.seen.records != before or self._renewed < self._asked
            missing = "records were still being read" if still else await asyncio.to_thread(self._missing)
            if not missing or monotonic() > began + within:
                return missing
            if not helped and monotonic() > began + within / 2:
                helped = True
                print(f"read with a new client: {missing}", file=sys.stderr, flush=True)
                self._asked += 1

    def _missing(self) -> str:
        """Asks with a client of its own, also what there is to read: the other one is in the hands of the thread, and may overlook some."""
        asking, place = self._client(), ("", 0)
        try:
            there = asking.list_topics(timeout=5).topics
            if hidden := sorted(self._topics - set(there)):
                return f"nobody lists {hidden}"
            for place in sorted((name, number) for name in self._topics for number in there[name].partitions):
                end, read = asking.get_watermark_offsets(TopicPartition(*place), timeout=5)[1], self.seen.ends.get(place, 0)
                if read < end:
                    return f"{place} is read to {read} of {end}"
        except KafkaException as error:
            return f"the end of {place} is not known: {error}"
        finally:
            asking.close()
        return ""

    def _run(self) -> None:
        looked = 0.0
        while not self._ending.is_set():
            if monotonic() - looked > LOOK_EVERY:
                looked = monotonic()
                self._look()
            for message in self._consumer.consume(500, 0.2):
                if message.error() is None:
                    self._take(message)
                elif message.error().code() == KafkaError._FATAL:
                    return

    def _client(self) -> Consumer:
        return Consumer(
            {
                "bootstrap.servers": self._bootstrap,
                "group.id": "chaos-observer",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "enable.partition.eof": False,
                "topic.metadata.refresh.interval.ms": 2_000,
                "log_level": 0,
            }
        )

    def _look(self) -> None:
        """Partitions that are new, and topics that were made again, are read from their beginning."""
        if self._renewed < self._asked:
            self._begin_anew()
        try:
            topics = self._consumer.list_topics(timeout=5).topics
        except Exception:
            return  # the brokers are having a bad time: looked at again in two seconds
        there = {(name, number) for name in self._topics & set(topics) for number in topics[name].partitions}
        # Why: a broker that has not heard yet that a topic was deleted tells of partitions that the new one may not have.
        gone = {one for one in self._assigned - there if one[0] in topics and topics[one[0]].partitions}
        if gone:
            self._consumer.incremental_unassign([TopicPartition(*one) for one in gone])
            self._assigned -= gone
        fresh = there - self._assigned
        if fresh:
            self._consumer.incremental_assign([TopicPartition(*one, self.seen.ends.get(one, OFFSET_BEGINNING)) for one in fresh])
            self._assigned |= fresh

    def _begin_anew(self) -> None:
        """Here and not in `forget`: until now the old client may have brought records of the old topic."""
        asked, forgotten, self._forget = self._asked, self._forget, set()
        for place in [place for place in self.seen.ends if place[0] in forgotten]:
            del self.seen.ends[place]
        self._consumer.close()
        self._consumer, self._assigned = self._client(), set()
        self._renewed = asked

    def _take(self, message: object) -> None:
        topic, seen = message.topic(), self.seen  # type: ignore[attr-defined]
        headers = {name: (value or b"").decode(errors="replace") for name, value in message.headers() or ()}  # type: ignore[attr-defined]
        value = message.value() or b""  # type: ignore[attr-defined]
        seen.records += 1
        place = (topic, message.partition())  # type: ignore[attr-defined]
        seen.ends[place] = max(seen.ends.get(place, 0), message.offset() + 1)  # type: ignore[attr-defined]
        if topic.endswith(".commands"):
            name = headers.get("ce_id", "")
            seen.commands.setdefault(name, set()).add(hashlib.sha256(value).digest())
        elif topic.endswith(".events"):
            if headers.get("ce_causationid") and headers.get("ce_sagaid"):
                seen.replies[headers["ce_causationid"], headers.get("ce_outcome", "")] = headers["ce_id"]
            elif ".OrderPlaced." in headers.get("ce_type", ""):
                seen.starts.add((message.key() or b"").decode())  # type: ignore[attr-defined]
        else:
            seen.told.setdefault(headers.get("ce_sagaid", ""), set()).add(int(headers.get("ce_sagaversion", "0")))
            if self._canary in value:
                seen.leaked.append(f"{topic} tells the canary")
