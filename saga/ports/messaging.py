"""The log, seen from the runtime and the SDK. At least once, in no order to rely on; nothing is safe because the log said so."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from saga.values import value

Headers = tuple[tuple[str, bytes | None], ...]


class TopicPartition(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


@value
class InboundRecord:
    """A record as it was read: raw bytes, nothing decoded. `timestamp_ms` is only shown, never decided on."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int = 0


@value
class OutboundRecord:
    """A record to be sent. The partition follows from the key by Kafka's default partitioner (murmur2)."""

    topic: str
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


Revoked = Callable[[frozenset[TopicPartition]], Awaitable[None]]


class Consumer(Protocol):
    """A member of a consumer group that reads from the earliest offset and commits only what it is told."""

    async def start(self) -> None:
        """Join the group. Raises Unavailable when no broker answers within the configured bound."""

    async def poll(self, max_records: int, timeout: float) -> list[InboundRecord]:
        """At most `max_records` records, waiting up to `timeout` seconds for the first; per partition in offset order."""

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit the next offset to read per partition. A partition that was revoked meanwhile is left out without a word."""

    def seek(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Read again from these offsets: for a batch that was given up."""

    def pause(self) -> None:
        """Stop fetching until `resume`: poll goes on and returns nothing, so the group keeps its member (backpressure)."""

    def resume(self) -> None:
        """Fetch again after `pause`."""

    async def subscribe(self, topics: Collection[str]) -> None:
        """Replace the subscription."""

    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions owned now."""

    def joined(self) -> bool:
        """Whether the group has given this member its share, which may be empty. False before that, and while the group forms anew."""

    def lag(self) -> Mapping[TopicPartition, int]:
        """Records behind the high watermark per owned partition, as far as it is known."""

    def seconds_since_poll(self) -> float:
        """Seconds since a broker last answered for the owned partition that waits longest, with or without records: what the watchdog
        looks at. A partition whose records wait here to be taken does not wait, nor does anything while paused."""

    async def stop(self) -> None:
        """Leave the group, within a bound."""


class LogReader(Protocol):
    """Reads one topic, all its partitions, without a group: it commits nothing, and nobody gets less for it. For who follows along."""

    async def start(self, since: Mapping[int, int] | None) -> None:
        """Begin at these next offsets by partition; None: at the end, with what is written from now on. A partition that is not named, and
        one whose offset is not there (too old, or the topic was made anew), is read from its beginning. Raises Unavailable."""

    async def poll(self, max_records: int, timeout: float) -> list[InboundRecord]:
        """At most `max_records` records, waiting up to `timeout` seconds for the first; per partition in offset order. Raises Unavailable
        once no broker has answered for a while; a new reader goes on from `positions`."""

    def positions(self) -> Mapping[int, int]:
        """The next offset to read, by partition."""

    async def stop(self) -> None:
        """Close, within a bound."""


class Producer(Protocol):
    """Sends records and says of each whether the broker acknowledged it. Never raises for the broker's sake."""

    async def start(self) -> None:
        """Connect. Raises Unavailable when no broker answers within the configured bound."""

    async def send(self, records: Sequence[OutboundRecord]) -> list[bool]:
        """Send all, in order per key, and wait for all: True where acknowledged. After any error the client is thrown away and
        the next call makes a new one (hazard K6); what was not acknowledged is sent again from what is stored."""

    async def stop(self) -> None:
        """Flush and close, within a bound."""
