"""What a command opens for itself and closes again: the desk alone, keys and audit, topics, a group of its own; migrations and replay.

`operations` decides acts against the database and leaves sending to the replicas, whose sweep finds the pointers.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import uuid4

from saga.access.ledger import Ledger
from saga.bootstrap import Unsent, build
from saga.config import Settings
from saga.definition.registry import Registry
from saga.observability.telemetry import Telemetry
from saga.ports.messaging import Consumer, Producer
from saga.rotating import kafka_options
from saga.runtime.operating import Desk
from saga.runtime.replay import ReplayReport
from saga.runtime.replay import replay as replay_rows
from saga.store.migrate import migrate as migrate_schema
from saga.store.postgres import PostgresStore
from saga.transport.admin import KafkaAdmin
from saga.transport.consumer import KafkaConsumer
from saga.transport.producer import KafkaProducer


@asynccontextmanager
async def topic_admin(settings: Settings) -> AsyncIterator[KafkaAdmin]:
    """A connection that looks at topics and extends them. Raises Unavailable."""
    async with KafkaAdmin.open(kafka_options(settings, Telemetry.silent())) as admin:
        yield admin


@asynccontextmanager
async def own_group(settings: Settings, topics: Collection[str]) -> AsyncIterator[tuple[Producer, Consumer]]:
    """A producer, and the only member of a group that nobody else is in: it reads the topics from their beginning. Raises Unavailable."""
    options = replace(kafka_options(settings, Telemetry.silent()), group_id=f"{settings.group_id}-{uuid4().hex}", instance_id="")
    producer, consumer = KafkaProducer(options), KafkaConsumer(options, topics, _nobody)
    try:
        await producer.start()
        await consumer.start()
        yield producer, consumer
    finally:
        await consumer.stop()
        await producer.stop()


async def _nobody(_partitions: object) -> None:
    """Nobody waits for what is revoked."""


@asynccontextmanager
async def operations(settings: Settings) -> AsyncIterator[Desk]:
    """The desk alone, for the CLI on the machine. Acts are decided and appended here; a replica sends what follows from them."""
    registry = Registry()
    for module in settings.definitions:
        registry.load(module)
    telemetry = Telemetry.silent()
    store = await PostgresStore.connect(settings)
    try:
        yield build(settings, store, Unsent(), registry, telemetry).desk
    finally:
        await store.close()


@asynccontextmanager
async def ledger(settings: Settings) -> AsyncIterator[Ledger]:
    """Keys and audit, for the CLI on the machine. The login is used as it is: the service's role may not write keys."""
    store = await PostgresStore.connect(settings.model_copy(update={"postgres_role": ""}))
    try:
        yield Ledger(store)
    finally:
        await store.close()


async def migrate(settings: Settings) -> Sequence[str]:
    """Bring the schema up to date; the names of the migrations that were applied now."""
    return await migrate_schema(settings.postgres_login())


async def replay(settings: Settings, *, check: bool) -> ReplayReport:
    """Compare or rebuild every row from its events."""
    store = await PostgresStore.connect(settings)
    try:
        return await replay_rows(store, check=check)
    finally:
        await store.close()
