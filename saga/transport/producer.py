"""The producer: one batch a partition, on explicit partitions, all sent before the first is waited for.

Why batches on explicit partitions: `send` a record costs nine times as much as `create_batch`/`send_batch`, and the client's default
partitioner is pure Python, 4 µs a key; a saga's key comes again with each of its commands, so its partition is remembered.

A topic that does not exist holds up nothing but what is to be sent there: it is looked for once every few seconds, for one second.
"""

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from time import monotonic, time
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError
from aiokafka.partitioner import murmur2

from saga.errors import ConfigurationError, LoginRefused, Unavailable
from saga.ports.messaging import OutboundRecord, TopicPartition
from saga.transport.closing import close
from saga.transport.options import KafkaOptions, quiet_client
from saga.transport.refusal import unreachable

MAX_BATCH = 512 * 1024 + 32 * 1024
LOOK_FOR = 1.0
LOOK_AGAIN = 5.0
DISCARD_WITHIN = 0.1

# AssertionError: the client's answer to a topic that was made anew with fewer partitions.
_BROKERS_FAULT = (KafkaError, OSError, AssertionError)

Sent = list[tuple[list[int], "asyncio.Future[Any]"]]


@lru_cache(maxsize=8_192)
def _hash(key: bytes) -> int:
    return int(murmur2(key)) & 0x7FFFFFFF


def partition_of(key: bytes, partitions: int) -> int:
    """Kafka's default partitioner for keyed records: murmur2 of the key bytes."""
    return _hash(key) % partitions


def client_settings(options: KafkaOptions) -> dict[str, Any]:
    """What the client is told. The first block is not up for discussion (hazards K6, K8)."""
    return {
        "acks": "all",
        "enable_idempotence": True,
        "key_serializer": None,
        "value_serializer": None,
        "bootstrap_servers": options.bootstrap,
        **options.login.arguments(),
        "client_id": options.client_id,
        "compression_type": None if options.compression == "none" else options.compression,
        "max_batch_size": MAX_BATCH,
        "max_request_size": MAX_BATCH * 2,
        "request_timeout_ms": int(options.send_timeout * 1000),
        "metadata_max_age_ms": 30_000,
    }


class KafkaProducer:
    """Sends and says what was acknowledged (saga.ports.messaging.Producer).

    `replaced` counts the clients that were thrown away after an error (hazard K6).
    """

    def __init__(self, options: KafkaOptions) -> None:
        self.replaced = 0
        self._options = options
        self._client: AIOKafkaProducer | None = None
        self._lock = asyncio.Lock()
        self._missing: dict[str, float] = {}
        self._told: set[tuple[str, str]] = set()

    async def start(self) -> None:
        """Connect. Raises Unavailable when no broker answers in time."""
        await self._connected()

    async def send(self, records: Sequence[OutboundRecord]) -> list[bool]:
        """Send all and wait for all: True where the broker acknowledged. Never raises for the broker's sake.

        Takes `send_timeout` at most, and a second more when the client has to be thrown away.
        """
        acknowledged = [False] * len(records)
        if not records:
            return acknowledged
        async with self._lock:
            try:
                async with asyncio.timeout(self._options.send_timeout):
                    sound = await self._send(await self._connected(), records, acknowledged)
            except (LoginRefused, ConfigurationError) as error:
                sound = False
                self._tell_once("kafka-refused", str(error))
            except (*_BROKERS_FAULT, Unavailable, TimeoutError):
                sound = False
            if not sound:
                await self._replace()
        return acknowledged

    @property
    def options(self) -> KafkaOptions:
        """The options in force."""
        return self._options

    async def renew(self, options: KafkaOptions) -> None:
        """Send with these options from now on: a new client takes over between two sends, so nothing is in the old one's hands.

        Raises LoginRefused or ConfigurationError when they do not work; then nothing has changed. Where no broker answers they cannot be
        tried and are taken.
        """
        try:
            client = await _connect(options)
        except LoginRefused:
            raise
        except Unavailable:
            client = None
        async with self._lock:
            old, self._client, self._options = self._client, client, options
            self._told.clear()
        if old is not None:
            await close(old, options.close_timeout)

    async def stop(self) -> None:
        """Flush and close, within a bound."""
        client, self._client = self._client, None
        if client is not None:
            await close(client, self._options.close_timeout)

    async def _send(self, client: AIOKafkaProducer, records: Sequence[OutboundRecord], acknowledged: list[bool]) -> bool:
        """Fills `acknowledged` as the answers come, so that a time-out does not take back what was said. False: not to be trusted."""
        counts = await self._partition_counts(client, {record.topic for record in records})
        placed: dict[TopicPartition, list[int]] = {}
        for index, record in enumerate(records):
            if count := counts.get(record.topic):
                placed.setdefault(TopicPartition(record.topic, partition_of(record.key, count)), []).append(index)
        results = await asyncio.gather(
            *(self._send_partition(client, place, records, indexes, acknowledged) for place, indexes in placed.items()),
            return_exceptions=True,
        )
        errors = [result for result in results if isinstance(result, BaseException)]
        for error in errors:
            if not isinstance(error, _BROKERS_FAULT):
                raise error
        return all(self._is_refused_topic(error) for error in errors)

    def _is_refused_topic(self, error: BaseException) -> bool:
        """An ACL is no fault of the client: what goes to other topics goes on. It is looked at again after a while."""
        if not isinstance(error, TopicAuthorizationFailedError):
            return False
        topic = str(error.args[0] if error.args else "a topic")
        self._missing[topic] = monotonic() + LOOK_AGAIN
        self._tell_once("write-refused", f"{topic} may not be written by {self._options.login.username or 'us'}; what goes there waits")
        return True

    def _tell_once(self, what: str, detail: str) -> None:
        """Until other options come: it is the same fault each time."""
        if (what, detail) not in self._told:
            self._told.add((what, detail))
            self._options.incident(what, detail)

    async def _send_partition(
        self,
        client: AIOKafkaProducer,
        place: TopicPartition,
        records: Sequence[OutboundRecord],
        indexes: Sequence[int],
        acknowledged: list[bool],
    ) -> None:
        sent: Sent = []
        batch, chunk = client.create_batch(), list[int]()
        for index in indexes:
            if not _append(batch, records[index]):
                sent.append((chunk, await _submit(client, batch, place)))
                batch, chunk = client.create_batch(), []
                _append(batch, records[index])
            chunk.append(index)
        sent.append((chunk, await _submit(client, batch, place)))
        for chunk, future in sent:
            await asyncio.shield(future)
            for index in chunk:
                acknowledged[index] = True

    async def _partition_counts(self, client: AIOKafkaProducer, topics: set[str]) -> dict[str, int]:
        now = monotonic()
        wanted = [topic for topic in sorted(topics) if self._missing.get(topic, 0.0) <= now]
        found = await asyncio.gather(*(self._partition_count(client, topic) for topic in wanted))
        return {topic: count for topic, count in zip(wanted, found, strict=True) if count}

    async def _partition_count(self, client: AIOKafkaProducer, topic: str) -> int:
        try:
            async with asyncio.timeout(LOOK_FOR):
                count = len(await client.partitions_for(topic))
        except (KafkaError, TimeoutError):
            if topic not in self._missing:
                self._options.incident("missing-topic", f"{topic} does not exist or is hidden from us; what goes there waits")
            self._missing[topic] = monotonic() + LOOK_AGAIN
            return 0
        self._missing.pop(topic, None)
        return count

    async def _connected(self) -> AIOKafkaProducer:
        if self._client is None:
            self._client = await _connect(self._options)
        return self._client

    async def _replace(self) -> None:
        """Why it is hardly given time to flush: what it holds is stored and is sent again by the next one."""
        client, self._client = self._client, None
        if client is not None:
            self.replaced += 1
            self._options.incident("producer-replaced", "a send failed or took too long; what is stored is sent again by a new client")
            await close(client, DISCARD_WITHIN)


async def _connect(options: KafkaOptions) -> AIOKafkaProducer:
    """A client that is connected. Raises Unavailable."""
    quiet_client()
    client = AIOKafkaProducer(**client_settings(options))
    try:
        async with asyncio.timeout(options.connect_timeout):
            await client.start()
    except (KafkaError, TimeoutError, OSError) as error:
        await close(client, DISCARD_WITHIN)
        raise await unreachable(options, error) from None
    except BaseException:
        await close(client, DISCARD_WITHIN)
        raise
    return client


def _append(batch: Any, record: OutboundRecord) -> bool:
    """Put a record into a batch; False if it is full. An empty batch takes a record of any size, and the broker judges it."""
    return batch.append(key=record.key, value=record.value, timestamp=int(time() * 1000), headers=list(record.headers)) is not None


async def _submit(client: AIOKafkaProducer, batch: Any, place: TopicPartition) -> "asyncio.Future[Any]":
    future: asyncio.Future[Any] = await client.send_batch(batch, place.topic, partition=place.partition)
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
    return future
