"""The consumer: a member of a group that commits what it is told and nothing else.

Fixed, whatever the options say: no auto-commit, earliest, read_committed, raw bytes, range assignment. A rebalance is stop-the-world:
the listener waits for the batch at work (bounded), because a batch that goes on without its partitions only makes duplicates.

Why it connects first and joins afterwards: a start that waited for its partitions would hang on a topic that does not exist yet, and
one that gave up in the middle of a join would leave a member behind for whom the whole group waits.
"""

import asyncio
import contextlib
import logging
from collections.abc import Collection, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError, RecordTooLargeError, UnknownMemberIdError

from saga.errors import Unavailable
from saga.ports.messaging import InboundRecord, Revoked, TopicPartition
from saga.transport.closing import close
from saga.transport.gaps import Gaps
from saga.transport.options import KafkaOptions, quiet_client
from saga.transport.progress import Progress
from saga.transport.refusal import unreachable
from saga.transport.transactions import OpenTransactions
from saga.transport.unreadable import Unreadable, is_unreadable, positions, rewind

MAX_PARTITION_BYTES = 2 * 1024 * 1024
HEARTBEAT = 0.5  # Why not a quarter of ten seconds: members learn by it that one has left, whose partitions stand still until then
GRACE = 0.2
TOLERATED = 3

log = logging.getLogger(__name__)


def client_settings(options: KafkaOptions) -> dict[str, Any]:
    """What the client is told. The first block is not up for discussion (hazards K2, K7, K10)."""
    return {
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "isolation_level": "read_committed",
        "key_deserializer": None,
        "value_deserializer": None,
        "partition_assignment_strategy": (RangePartitionAssignor,),
        "bootstrap_servers": options.bootstrap,
        **options.login.arguments(),
        "client_id": options.client_id,
        "group_id": options.group_id,
        "group_instance_id": options.instance_id or None,
        "session_timeout_ms": int(options.session_timeout * 1000),
        "heartbeat_interval_ms": int(min(HEARTBEAT, options.session_timeout / 4) * 1000),
        "max_poll_interval_ms": 300_000,
        "max_partition_fetch_bytes": MAX_PARTITION_BYTES,
        "fetch_max_wait_ms": int(options.fetch_wait * 1000),
        "metadata_max_age_ms": 10_000,
        "request_timeout_ms": int(max(options.session_timeout, options.connect_timeout) * 1000) + 5_000,
    }


class KafkaConsumer:
    """Reads raw records of its topics (saga.ports.messaging.Consumer)."""

    def __init__(self, options: KafkaOptions, topics: Collection[str], on_revoked: Revoked) -> None:
        self._options, self._topics, self._on_revoked = options, frozenset(topics), on_revoked
        self._client: AIOKafkaConsumer | None = None
        self._paused = False
        self._unreadable = Unreadable(options.incident)
        self._gaps = Gaps(options.incident, options.revoke_timeout)
        self._transactions = OpenTransactions(options.incident, options.transaction_patience)
        self._progress = Progress()
        self._faults = 0
        self._hidden: frozenset[str] = frozenset()

    @property
    def skipped(self) -> int:
        """Offsets that were stepped over because the client could not read them; each range was an incident."""
        return self._unreadable.skipped

    async def start(self) -> None:
        """Connect, and join the group in the background. Raises Unavailable when no broker answers in time."""
        quiet_client()
        client = AIOKafkaConsumer(**client_settings(self._options))
        try:
            async with asyncio.timeout(self._options.connect_timeout):
                await client.start()
        except (KafkaError, TimeoutError, OSError) as error:
            await close(client, self._options.close_timeout)
            raise await unreachable(self._options, error) from None
        except BaseException:
            await close(client, self._options.close_timeout)
            raise
        self._client = client
        self._progress.restart()
        self._join()

    async def poll(self, max_records: int, timeout: float) -> list[InboundRecord]:
        """Up to `max_records` records, within `timeout` seconds, also while the group is being formed.

        What the client cannot read is skipped with an incident. Raises Unavailable for what waiting here does not mend.
        """
        client = self._running()
        self._pause_all()
        before = positions(client)
        try:
            async with asyncio.timeout(timeout + GRACE):
                found = await self._fetch(client, max_records, timeout)
        except TimeoutError:
            return []
        except RecordTooLargeError as error:
            self._unreadable.too_large(error)
            return []
        except Exception as error:
            if is_unreadable(error):
                await self._rewind(client, before)
            else:
                self._tolerate(error)
            return []
        if self._paused:
            for place in found:
                client.seek(place, found[place][0].offset)
            found = {}
        self._note_progress(client, found)
        return [record_of(place, record) for place, records in found.items() for record in records]

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit; what was revoked meanwhile is left out, and its new owner reads it again. Raises Unavailable."""
        client = self._running()
        owned = client.assignment()
        mine = {KafkaPartition(*place): offset for place, offset in offsets.items() if KafkaPartition(*place) in owned}
        if not mine:
            return
        try:
            async with asyncio.timeout(self._options.send_timeout):
                await client.commit(mine)
        except (CommitFailedError, IllegalStateError, UnknownMemberIdError):
            log.info("the group moved on before the commit: its records come again, as duplicates")  # normal (hazard K3)
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
        self._pause_all()

    def resume(self) -> None:
        """Fetch again."""
        self._paused = False
        client = self._running()
        client.resume(*client.paused())

    async def subscribe(self, topics: Collection[str]) -> None:
        """Replace the subscription if it changes. Topics that do not exist are read from when they do."""
        if frozenset(topics) != self._topics:
            self._topics = frozenset(topics)
            self._join()

    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions owned now."""
        if self._client is None:
            return frozenset()
        return frozenset(TopicPartition(place.topic, place.partition) for place in self._client.assignment())

    def joined(self) -> bool:
        """Whether the group has given us our share."""
        return self._client is not None and self._has_share(self._client)

    def lag(self) -> dict[TopicPartition, int]:
        """Records behind the high watermark, of partitions that have been fetched from."""
        client = self._running()
        known = ((place, client.highwater(place), position) for place, position in positions(client).items())
        return {TopicPartition(*place): max(0, mark - position) for place, mark, position in known if mark is not None}

    def seconds_since_poll(self) -> float:
        """Seconds since a broker last answered a fetch of the partition that waits longest. Paused, or as a member without partitions:
        since the last poll."""
        return self._progress.seconds

    async def stop(self) -> None:
        """Leave the group, within a bound."""
        client, self._client = self._client, None
        if client is not None:
            await close(client, self._options.close_timeout)

    async def revoked(self, partitions: Collection[KafkaPartition]) -> None:
        """The group takes partitions away; wait for the batch at work, within a bound."""
        if partitions:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._options.revoke_timeout):
                    await self._on_revoked(frozenset(TopicPartition(place.topic, place.partition) for place in partitions))

    async def assigned(self, partitions: Collection[KafkaPartition]) -> None:
        """The group gave partitions: a new assignment forgets that it was paused, and what was lost meanwhile is told (hazard K10)."""
        self._pause_all()
        if self._client is not None:
            await self._gaps.look(self._client, partitions)

    def _join(self) -> None:
        client = self._running()
        if self._topics:
            client.subscribe(topics=sorted(self._topics), listener=_Listener(self))
        else:
            client.unsubscribe()

    def _pause_all(self) -> None:
        if self._paused and self._client is not None:
            self._client.pause(*self._client.assignment())

    async def _fetch(self, client: AIOKafkaConsumer, max_records: int, timeout: float) -> dict[KafkaPartition, list[Any]]:
        if self._unreadable.looking:
            return await self._unreadable.read(client, max_records, timeout)
        found: dict[KafkaPartition, list[Any]] = await client.getmany(timeout_ms=int(timeout * 1000), max_records=max_records)
        return found

    def _tolerate(self, error: Exception) -> None:
        """The client joins again by itself after an error of the group. Only when that does not help is it to be replaced: a new member
        would cost the group two more rebalances."""
        self._faults += 1
        if self._faults > TOLERATED:
            raise Unavailable("kafka", f"fetching failed ({type(error).__name__})") from None

    async def _rewind(self, client: AIOKafkaConsumer, before: Mapping[KafkaPartition, int]) -> None:
        try:
            await rewind(client, before, self._options.connect_timeout)
        except (KafkaError, TimeoutError) as error:
            raise Unavailable("kafka", f"reading again failed ({type(error).__name__})") from None
        self._unreadable.suspect(client)

    def _note_progress(self, client: AIOKafkaConsumer, found: Collection[KafkaPartition]) -> None:
        """Why not every return of `poll`: it also returns when nobody has answered for minutes (hazard K5)."""
        self._note_hidden(client)
        self._transactions.look(client)
        if self._paused:
            self._progress.restart()
        if self._paused or self._progress.note(client, found, has_share=self._has_share(client)):
            self._faults = 0

    def _note_hidden(self, client: AIOKafkaConsumer) -> None:
        """The client leaves out what it may not read, and says nothing."""
        hidden = self._topics & client._client.cluster.unauthorized_topics
        for topic in sorted(hidden - self._hidden):
            self._options.incident("read-refused", f"{topic} may not be read by {self._options.login.username or 'us'}")
        self._hidden = hidden

    def _has_share(self, client: AIOKafkaConsumer) -> bool:
        joined = not client._subscription.reassignment_in_progress and client._coordinator.coordinator_id is not None
        return joined or not self._topics

    def _running(self) -> AIOKafkaConsumer:
        if self._client is None:
            raise Unavailable("kafka", "the consumer is not running")
        return self._client


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, consumer: KafkaConsumer) -> None:
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: Collection[KafkaPartition]) -> None:
        await self._consumer.revoked(revoked)

    async def on_partitions_assigned(self, assigned: Collection[KafkaPartition]) -> None:
        await self._consumer.assigned(assigned)


def record_of(place: KafkaPartition, record: Any) -> InboundRecord:
    """The client's record as the port has it."""
    return InboundRecord(place.topic, place.partition, record.offset, record.key, record.value, record.headers, record.timestamp)
