"""The consumer: a member of a group that commits what it is told and nothing else.

Fixed, whatever the options say: no auto-commit, earliest, read_committed, raw bytes, range assignment. A rebalance is stop-the-world:
the listener waits for the batch at work (bounded), because a batch that goes on without its partitions only makes duplicates.
"""

import asyncio
import contextlib
from collections.abc import Collection, Mapping, Sequence
from time import monotonic

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import (
    CommitFailedError,
    CorruptRecordException,
    IllegalStateError,
    KafkaError,
    RecordTooLargeError,
    UnknownMemberIdError,
)

from saga.errors import Unavailable
from saga.ports.messaging import InboundRecord, Revoked, TopicPartition
from saga.transport.closing import close
from saga.transport.options import KafkaOptions

MAX_PARTITION_BYTES = 2 * 1024 * 1024


class KafkaConsumer:
    """Reads raw records of its topics."""

    def __init__(self, options: KafkaOptions, topics: Collection[str], on_revoked: Revoked) -> None:
        self._options = options
        self._topics = frozenset(topics)
        self._on_revoked = on_revoked
        self._client: AIOKafkaConsumer | None = None
        self._paused = False
        self._fetched_at = monotonic()

    async def start(self) -> None:
        """Join the group. Raises Unavailable when no broker answers in time."""
        options = self._options
        client = AIOKafkaConsumer(
            bootstrap_servers=options.bootstrap,
            client_id=options.client_id,
            group_id=options.group_id,
            group_instance_id=options.instance_id or None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            partition_assignment_strategy=(RangePartitionAssignor,),
            session_timeout_ms=int(options.session_timeout * 1000),
            heartbeat_interval_ms=int(options.session_timeout * 1000 / 4),
            max_poll_interval_ms=300_000,
            max_partition_fetch_bytes=MAX_PARTITION_BYTES,
            fetch_max_wait_ms=int(options.fetch_wait * 1000),
            metadata_max_age_ms=10_000,
            request_timeout_ms=int(max(options.session_timeout, options.connect_timeout) * 1000) + 5_000,
        )
        if self._topics:
            client.subscribe(topics=sorted(self._topics), listener=_Listener(self))
        try:
            async with asyncio.timeout(options.connect_timeout + options.session_timeout):
                await client.start()
        except (KafkaError, TimeoutError, OSError) as error:
            await close(client, options.close_timeout)
            raise Unavailable("kafka", f"no broker answers at {options.bootstrap} ({type(error).__name__})") from None
        self._client = client
        self._fetched_at = monotonic()

    async def poll(self, max_records: int, timeout: float) -> list[InboundRecord]:
        """Up to `max_records` records. A record that the client cannot read is skipped with an incident."""
        client = self._running()
        if self._paused:
            client.pause(*client.assignment())
        try:
            found = await client.getmany(timeout_ms=int(timeout * 1000), max_records=max_records)
        except (RecordTooLargeError, CorruptRecordException) as error:
            self._options.incident("unreadable-records", f"{type(error).__name__} at {self._positions()}")
            return []
        except KafkaError as error:
            raise Unavailable("kafka", f"fetching failed ({type(error).__name__})") from None
        self._fetched_at = monotonic()
        return [
            InboundRecord(place.topic, place.partition, record.offset, record.key, record.value, tuple(record.headers), record.timestamp)
            for place, records in found.items()
            for record in records
        ]

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit; what was revoked meanwhile is left out, and its new owner reads it again."""
        client = self._running()
        owned = client.assignment()
        mine = {KafkaPartition(*place): offset for place, offset in offsets.items() if KafkaPartition(*place) in owned}
        if not mine:
            return
        try:
            async with asyncio.timeout(self._options.send_timeout):
                await client.commit(mine)
        except (CommitFailedError, IllegalStateError, UnknownMemberIdError):
            return  # the group moved on: normal (hazard K3); the records come again and are duplicates
        except (KafkaError, TimeoutError) as error:
            raise Unavailable("kafka", f"committing offsets failed ({type(error).__name__})") from None

    def seek(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Read again from these offsets, where the partition is still ours."""
        client = self._running()
        for place, offset in offsets.items():
            if KafkaPartition(*place) in client.assignment():
                client.seek(KafkaPartition(*place), offset)

    def pause(self) -> None:
        """Fetch nothing until `resume`, also of partitions that are assigned meanwhile."""
        self._paused = True
        client = self._running()
        client.pause(*client.assignment())

    def resume(self) -> None:
        """Fetch again."""
        self._paused = False
        client = self._running()
        client.resume(*client.paused())

    async def subscribe(self, topics: Collection[str]) -> None:
        """Replace the subscription if it changes."""
        if frozenset(topics) != self._topics:
            self._topics = frozenset(topics)
            self._running().subscribe(topics=sorted(self._topics), listener=_Listener(self))

    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions owned now."""
        if self._client is None:
            return frozenset()
        return frozenset(TopicPartition(place.topic, place.partition) for place in self._client.assignment())

    def lag(self) -> dict[TopicPartition, int]:
        """Records behind the high watermark, of partitions whose position is known."""
        lag: dict[TopicPartition, int] = {}
        for place in self.assignment():
            watermark = self._running().highwater(KafkaPartition(*place))
            position = self._position(place)
            if watermark is not None and position is not None:
                lag[place] = max(0, watermark - position)
        return lag

    def seconds_since_poll(self) -> float:
        """Seconds since a fetch last came back."""
        return monotonic() - self._fetched_at

    async def stop(self) -> None:
        """Leave the group, within a bound."""
        client, self._client = self._client, None
        if client is not None:
            await close(client, self._options.close_timeout)

    async def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """The group takes partitions away; wait for the batch at work, within a bound."""
        if partitions:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._options.revoke_timeout):
                    await self._on_revoked(frozenset(partitions))

    def _running(self) -> AIOKafkaConsumer:
        if self._client is None:
            raise Unavailable("kafka", "the consumer is not running")
        return self._client

    def _position(self, place: TopicPartition) -> int | None:
        state = self._running()._subscription.subscription
        with contextlib.suppress(AttributeError, KeyError, AssertionError, IllegalStateError):
            found = state.assignment.state_value(KafkaPartition(*place))
            return int(found._position) if found.has_valid_position else None
        return None

    def _positions(self) -> str:
        return ", ".join(f"{place.topic}/{place.partition}@{self._position(place)}" for place in sorted(self.assignment()))


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, consumer: KafkaConsumer) -> None:
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: Collection[KafkaPartition]) -> None:
        await self._consumer.revoked([TopicPartition(place.topic, place.partition) for place in revoked])

    async def on_partitions_assigned(self, assigned: Collection[KafkaPartition]) -> None:
        """Nothing to prepare: positions come from the group, paused ones are paused at the next poll."""
