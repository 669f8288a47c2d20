"""The reader: one topic, all partitions, no group. What it reads nobody misses, and nothing is committed.

Why it keeps its own positions: when the topic grows, the client assigns everything anew and forgets where it was. So whatever the client
thinks, reading goes on where the last poll ended, and what comes twice is dropped here.
"""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import KafkaError

from saga.errors import Unavailable
from saga.ports.messaging import InboundRecord
from saga.transport.closing import close
from saga.transport.consumer import record_of
from saga.transport.options import KafkaOptions, quiet_client
from saga.transport.progress import Progress
from saga.transport.refusal import unreachable
from saga.transport.unreadable import Unreadable, is_unreadable, positions, rewind

MAX_PARTITION_BYTES = 256 * 1024  # records of a saga's life are small, and there may be several readers
GRACE = 0.2


class KafkaReader:
    """Reads raw records of a topic (saga.ports.messaging.LogReader)."""

    def __init__(self, options: KafkaOptions, topic: str) -> None:
        self._options = options
        self._topic = topic
        self._client: AIOKafkaConsumer | None = None
        self._next: dict[int, int] = {}
        self._unreadable = Unreadable(options.incident)
        self._progress = Progress()

    async def start(self, since: Mapping[int, int] | None) -> None:
        """Connect and go to these offsets. Raises Unavailable when no broker answers in time, or there is no such topic."""
        quiet_client()
        client = AIOKafkaConsumer(
            self._topic,
            bootstrap_servers=self._options.bootstrap,
            client_id=self._options.client_id,
            **self._options.login.arguments(),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_partition_fetch_bytes=MAX_PARTITION_BYTES,
            fetch_max_wait_ms=int(self._options.fetch_wait * 1000),
            metadata_max_age_ms=10_000,
        )
        try:
            async with asyncio.timeout(self._options.connect_timeout):
                await client.start()
                self._next = await _places(client, since)
        except (KafkaError, TimeoutError, OSError) as error:
            await close(client, self._options.close_timeout)
            raise await unreachable(self._options, error) from None
        except BaseException:
            await close(client, self._options.close_timeout)
            raise
        self._client = client
        self._progress.restart()
        self._seek(client)

    async def poll(self, max_records: int, timeout: float) -> list[InboundRecord]:
        """Records that were not read before. What the client cannot read is skipped with an incident."""
        if self._client is None:
            raise Unavailable("kafka", "the reader is not running")
        client = self._client
        self._seek(client)
        before = positions(client)
        found: dict[KafkaPartition, list[Any]] = {}
        try:
            async with asyncio.timeout(timeout + GRACE):
                found = await self._fetch(client, max_records, timeout)
        except TimeoutError:
            pass
        except Exception as error:
            if not is_unreadable(error):
                raise Unavailable("kafka", f"reading {self._topic} failed ({type(error).__name__})") from None
            await self._step_back(client, before)
        self._look_for_answers(client, found)
        new = [record for place, records in found.items() for one in records if (record := self._new(place, one)) is not None]
        for place, at in positions(client).items():
            self._next[place.partition] = max(at, self._next.get(place.partition, 0))  # past offsets that hold no record
        return new

    def positions(self) -> dict[int, int]:
        """The next offset to read, by partition."""
        return dict(self._next)

    async def stop(self) -> None:
        """Close, within a bound."""
        client, self._client = self._client, None
        if client is not None:
            await close(client, self._options.close_timeout)

    async def _fetch(self, client: AIOKafkaConsumer, max_records: int, timeout: float) -> dict[KafkaPartition, list[Any]]:
        if self._unreadable.looking:
            return await self._unreadable.read(client, max_records, timeout)
        found: dict[KafkaPartition, list[Any]] = await client.getmany(timeout_ms=int(timeout * 1000), max_records=max_records)
        return found

    async def _step_back(self, client: AIOKafkaConsumer, before: Mapping[KafkaPartition, int]) -> None:
        try:
            await rewind(client, before, self._options.connect_timeout)
        except (KafkaError, TimeoutError) as error:
            raise Unavailable("kafka", f"reading again failed ({type(error).__name__})") from None
        self._unreadable.suspect(client)

    def _seek(self, client: AIOKafkaConsumer) -> None:
        """Where the client stands before what was read already, or knows no place yet: to our place."""
        known = positions(client)
        for place in client.assignment():
            ours = self._next.setdefault(place.partition, 0)
            if place not in known or known[place] < ours:
                client.seek(place, ours)

    def _new(self, place: KafkaPartition, record: Any) -> InboundRecord | None:
        if record.offset < self._next.get(place.partition, 0):
            return None
        self._next[place.partition] = record.offset + 1
        return record_of(place, record)

    def _look_for_answers(self, client: AIOKafkaConsumer, found: Collection[KafkaPartition]) -> None:
        """Raises Unavailable when a partition's fetches have not been answered for as long as a connection may take, and a while."""
        self._progress.note(client, found, has_share=True)
        if self._progress.seconds > self._options.connect_timeout + 2 * self._options.fetch_wait:
            raise Unavailable("kafka", f"nobody answers a reader of {self._topic}")


async def _places(client: AIOKafkaConsumer, since: Mapping[int, int] | None) -> dict[int, int]:
    places = sorted(client.assignment())
    ends = await client.end_offsets(places)
    if since is None:
        return {place.partition: ends[place] for place in places}
    begins = await client.beginning_offsets(places)
    wanted = {place: since.get(place.partition, 0) for place in places}
    return {place.partition: at if begins[place] <= at <= ends[place] else begins[place] for place, at in wanted.items()}
