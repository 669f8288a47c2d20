"""The producer: one batch a partition, on explicit partitions, all sent before the first is waited for.

Why batches on explicit partitions: `send` a record costs nine times as much as `create_batch`/`send_batch`, and the client's default
partitioner is pure Python, 4 µs a key; a saga's key comes again with each of its commands, so its partition is remembered.
"""

import asyncio
import logging
from collections.abc import Sequence
from functools import lru_cache
from time import time

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2

from saga.errors import Unavailable
from saga.ports.messaging import OutboundRecord, TopicPartition
from saga.transport.closing import close
from saga.transport.options import KafkaOptions

MAX_BATCH = 512 * 1024 + 32 * 1024

logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


@lru_cache(maxsize=65_536)
def _hash(key: bytes) -> int:
    return int(murmur2(key)) & 0x7FFFFFFF


def partition_of(key: bytes, partitions: int) -> int:
    """Kafka's default partitioner for keyed records: murmur2 of the key bytes."""
    return _hash(key) % partitions


class KafkaProducer:
    """Sends and says what was acknowledged. `replaced` counts the clients that were thrown away after an error (hazard K6)."""

    def __init__(self, options: KafkaOptions) -> None:
        self.replaced = 0
        self._options = options
        self._client: AIOKafkaProducer | None = None
        self._lock = asyncio.Lock()

    async def start(self) -> None:
        """Connect. Raises Unavailable when no broker answers in time."""
        await self._connected()

    async def send(self, records: Sequence[OutboundRecord]) -> list[bool]:
        """Send all and wait for all: True where the broker acknowledged. Never raises for the broker's sake."""
        if not records:
            return []
        async with self._lock:
            acknowledged = [False] * len(records)
            try:
                async with asyncio.timeout(self._options.send_timeout):
                    await self._send(await self._connected(), records, acknowledged)
            except (KafkaError, Unavailable, TimeoutError, OSError, ValueError):
                pass
            if not all(acknowledged):
                await self._replace()
            return acknowledged

    async def stop(self) -> None:
        """Close, within a bound."""
        await self._close()

    async def _send(self, client: AIOKafkaProducer, records: Sequence[OutboundRecord], acknowledged: list[bool]) -> None:
        placed: dict[TopicPartition, list[int]] = {}
        for index, record in enumerate(records):
            partitions = client._metadata.partitions_for_topic(record.topic) or await client.partitions_for(record.topic)
            placed.setdefault(TopicPartition(record.topic, partition_of(record.key, len(partitions))), []).append(index)
        sent: list[tuple[list[int], asyncio.Future[object]]] = []
        for place, indexes in placed.items():
            for chunk, future in await self._send_partition(client, place, records, indexes):
                sent.append((chunk, future))
        results = await asyncio.gather(*(future for _, future in sent), return_exceptions=True)
        for (chunk, _), result in zip(sent, results, strict=True):
            if not isinstance(result, BaseException):
                for index in chunk:
                    acknowledged[index] = True

    async def _send_partition(
        self, client: AIOKafkaProducer, place: TopicPartition, records: Sequence[OutboundRecord], indexes: Sequence[int]
    ) -> list[tuple[list[int], "asyncio.Future[object]"]]:
        sent: list[tuple[list[int], asyncio.Future[object]]] = []
        batch, chunk = client.create_batch(), list[int]()
        for index in indexes:
            record = records[index]
            if _append(batch, record) is None:
                if chunk:
                    sent.append((chunk, await client.send_batch(batch, place.topic, partition=place.partition)))
                    batch, chunk = client.create_batch(), []
                if _append(batch, record) is None:
                    continue
            chunk.append(index)
        if chunk:
            sent.append((chunk, await client.send_batch(batch, place.topic, partition=place.partition)))
        return sent

    async def _connected(self) -> AIOKafkaProducer:
        if self._client is None:
            client = AIOKafkaProducer(
                bootstrap_servers=self._options.bootstrap,
                client_id=self._options.client_id,
                acks="all",
                enable_idempotence=True,
                max_batch_size=MAX_BATCH,
                max_request_size=MAX_BATCH * 2,
                request_timeout_ms=int(self._options.send_timeout * 1000),
                metadata_max_age_ms=30_000,
            )
            try:
                async with asyncio.timeout(self._options.connect_timeout):
                    await client.start()
            except (KafkaError, TimeoutError, OSError) as error:
                await close(client, self._options.close_timeout)
                raise Unavailable("kafka", f"no broker answers at {self._options.bootstrap} ({type(error).__name__})") from None
            self._client = client
        return self._client

    async def _replace(self) -> None:
        if self._client is not None:
            self.replaced += 1
        await self._close()

    async def _close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await close(client, self._options.close_timeout)


def _append(batch: object, record: OutboundRecord) -> object | None:
    """Put a record into a batch; None if it is full."""
    headers = [(name, value) for name, value in record.headers]
    return batch.append(key=record.key, value=record.value, timestamp=int(time() * 1000), headers=headers)  # type: ignore[attr-defined, no-any-return]
