"""The composition root: the only place that builds concrete things and ties them together.

    settings ─> telemetry, store (asyncpg), registry (definitions by name)
                  └─> router, cache, relay(producer), intake, deadlines, heartbeat ─> supervisor   + desk ─> REST

`serve` is a whole replica; `operations` is the desk alone, for the CLI: it decides acts against the database and leaves sending to the
replicas, whose sweep finds the pointers.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, cast
from uuid import uuid4

from saga.access.gate import Around, Gate, somebody_may_ask
from saga.access.ledger import Ledger
from saga.api.app import build_app
from saga.api.serving import serve_http
from saga.config import Settings, without_password
from saga.core.lifecycle import Telling
from saga.definition.diagram import mermaid
from saga.definition.registry import Registry
from saga.deployment.starting import check_at_start, is_strict, look_at
from saga.deployment.topics import wishes
from saga.errors import ConfigurationError, Unavailable
from saga.observability import names
from saga.observability.telemetry import Telemetry
from saga.ports.messaging import Consumer, OutboundRecord, Producer, Revoked
from saga.ports.streams import DefinitionRow, Store
from saga.rotating import Renewable, kafka_options, renew_replica, renewal_of
from saga.runtime.changes import Changes
from saga.runtime.deadlines import Deadlines
from saga.runtime.door import Door
from saga.runtime.folds import FoldCache
from saga.runtime.following import Following, OpenReader
from saga.runtime.heartbeat import Heartbeat
from saga.runtime.intake import Intake, IntakeParts
from saga.runtime.operating import Desk
from saga.runtime.operations import LiveOperations
from saga.runtime.relay import Relay, RelaySettings
from saga.runtime.replay import ReplayReport
from saga.runtime.replay import replay as replay_rows
from saga.runtime.routing import Router
from saga.runtime.seen import Seen
from saga.runtime.supervisor import Pace, Supervisor
from saga.runtime.watching import Watching
from saga.secrets.renewal import Renewal
from saga.store.migrate import migrate as migrate_schema
from saga.store.postgres import PostgresStore
from saga.transport.admin import KafkaAdmin
from saga.transport.codec import decode, encode
from saga.transport.consumer import KafkaConsumer
from saga.transport.producer import KafkaProducer
from saga.transport.reader import KafkaReader


@dataclass(frozen=True, slots=True)
class Coordinator:
    """One replica, built but not running."""

    store: Store
    producer: Producer
    registry: Registry
    intake: Intake
    relay: Relay
    deadlines: Deadlines
    heartbeat: Heartbeat
    supervisor: Supervisor
    desk: Desk
    telemetry: Telemetry


class Unsent:
    """The producer of a process that decides but does not send: nothing is acknowledged, so every pointer waits for a replica."""

    async def start(self) -> None:
        """Nothing to connect."""

    async def send(self, records: Sequence[OutboundRecord]) -> list[bool]:
        """Leave it to the replicas."""
        return [False] * len(records)

    async def stop(self) -> None:
        """Nothing to close."""


def build(
    settings: Settings,
    store: Store,
    producer: Producer,
    registry: Registry,
    telemetry: Telemetry,
    open_reader: OpenReader | None = None,
) -> Coordinator:
    """Tie a replica together from its concrete parts; tests pass the memory store and bus. Without a reader of the lifecycle topic sagas
    are not followed."""
    seen, changes = Seen(telemetry, settings.lifecycle_topic), Changes()
    telling = Telling(bool(settings.lifecycle_topic), settings.lifecycle_steps)
    router = Router(registry, decode, settings.epoch, seen.new_trace)
    sending = RelaySettings(settings.source, settings.epoch, settings.claim_for, settings.claim_backoff, telling, settings.lifecycle_topic)
    relay = Relay(store, producer, encode, seen, sending)
    cache = FoldCache(settings.cache_bytes)
    intake = Intake(IntakeParts(store, registry, router, cache, relay, seen, settings.claim_for, telling, changes))
    remembered = timedelta(days=settings.remember_for_days)
    deadlines = Deadlines(store, intake, settings.ticks_per_round, remembered)
    heartbeat = Heartbeat(store, router, seen, definition_rows(registry), settings.heartbeat_every)
    supervisor = Supervisor(intake, relay, deadlines, heartbeat, seen)
    following = Following(open_reader, decode, settings.source, seen.loop_failed)
    desk = Desk(store, intake, router, supervisor.faults, Watching(store, changes, following), remembered)
    return Coordinator(store, producer, registry, intake, relay, deadlines, heartbeat, supervisor, desk, telemetry)


def definition_rows(registry: Registry) -> list[DefinitionRow]:
    """What a replica publishes of its loaded definitions."""
    return [
        DefinitionRow(
            name=definition.name,
            version=definition.version,
            hash=definition.hash,
            topics=tuple(f"{participant}.events" for participant in definition.participants()),
            graph=mermaid(definition),
            starts_on=definition.starts_on.message_type,
        )
        for definition in registry.all()
    ]


def pace_of(settings: Settings) -> Pace:
    """The supervisor's spans and bounds."""
    return Pace(
        batch_records=settings.batch_records,
        tick_every=settings.tick_every,
        ticks_per_round=settings.ticks_per_round,
        relay_every=settings.relay_every,
        unsent_records=settings.unsent_records,
        stuck_after=settings.stuck_after,
        drain_timeout=settings.drain_timeout,
    )


def load_definitions(settings: Settings) -> Registry:
    """The registry of the modules named in the settings. Raises DefinitionError with every fault, ConfigurationError without any module."""
    if not settings.definitions:
        raise ConfigurationError("SAGA_DEFINITIONS: name at least one module that holds definitions, as in shop.sagas")
    registry = Registry()
    for module in settings.definitions:
        registry.load(module)
    return registry


async def serve(settings: Settings) -> None:
    """Run a replica with its REST API until SIGTERM or SIGINT, then drain. Postgres or Kafka may come later: readiness says so.
    SIGHUP reads the settings again.

    Raises DefinitionError and ConfigurationError for what waiting does not mend.
    """
    registry = load_definitions(settings)
    telemetry = Telemetry.start("saga-coordinator", trace_ratio=settings.trace_ratio, level=settings.log_level, form=settings.log_format)
    log = telemetry.logger("saga")
    renewal = renewal_of(settings, telemetry)
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, renewal.ask)
    door = Door()
    gate = Gate(settings, door, Around(denied=lambda why: telemetry.metrics.count(names.REQUESTS_DENIED, reason=why)))
    if settings.insecure_dev:
        log.warning("insecure", detail="everybody may do everything over REST: SAGA_INSECURE_DEV is set")
    app = build_app(cast(LiveOperations, door), telemetry.metrics.page, settings, gate)

    def drain() -> None:
        stopping.set()
        app.state.streams.close()

    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, drain)
    web = serve_http(app, settings.http_host, settings.http_port)
    log.info(
        "serving",
        definitions=list(settings.definitions),
        http=f"{settings.http_host}:{settings.http_port}",
        postgres=without_password(settings.postgres_dsn.get_secret_value()),
        kafka=settings.kafka_bootstrap,
        kafka_protocol=settings.kafka_security_protocol,
    )
    try:
        store = await _patiently(lambda: PostgresStore.connect(renewal.settings), stopping, log, door)
        if store is not None:
            await _run_replica(renewal, registry, store, telemetry, door, stopping)
    finally:
        app.state.streams.close()
        await web.stop()
        log.info("stopped")
        telemetry.stop()


async def _run_replica(
    renewal: Renewal[Settings], registry: Registry, store: PostgresStore, telemetry: Telemetry, door: Door, stopping: asyncio.Event
) -> None:
    settings = renewal.settings
    producer = KafkaProducer(kafka_options(settings, telemetry))
    try:
        coordinator = build(settings, store, producer, registry, telemetry, _reader(producer, settings.lifecycle_topic))
        door.store = store
        renew_replica(renewal, Renewable(store, producer, coordinator.supervisor), telemetry)
        with suppress(Unavailable):
            await store.ping()
            await somebody_may_ask(settings, store)
            await coordinator.heartbeat.beat()  # a changed graph under an old version is refused here, before anything is read
        door.desk = coordinator.desk  # people may look and act while Kafka is away
        door.missing = ("kafka", "its topics have not been checked yet")
        async with _topics_checked(renewal, registry, telemetry, stopping):
            door.missing = None
            running = asyncio.create_task(coordinator.supervisor.run(_consumers(producer), pace_of(settings)))
            told = asyncio.create_task(stopping.wait())
            await asyncio.wait({running, told}, return_when=asyncio.FIRST_COMPLETED)
            told.cancel()
            coordinator.supervisor.stop()
            await running
            await coordinator.desk.live.close()
    finally:
        await producer.stop()
        await store.close()


@asynccontextmanager
async def _topics_checked(
    renewal: Renewal[Settings], registry: Registry, telemetry: Telemetry, stopping: asyncio.Event
) -> AsyncIterator[None]:
    """Topics are judged: before the body where that is strict or in production (raises ConfigurationError then), beside it elsewhere."""
    settings = renewal.settings
    wanted, strict, log = wishes(registry.all(), settings), is_strict(settings), telemetry.logger("saga.topics")
    production = settings.env == "production"
    look = partial(look_at, lambda: topic_admin(renewal.settings), wanted, production=production)
    looking = check_at_start(look, stopping, log, strict=strict)
    checking = asyncio.create_task(looking)
    try:
        if strict or production:
            await checking
        yield
    finally:
        checking.cancel()
        await asyncio.wait({checking})


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


async def _patiently(
    connect: Callable[[], Awaitable[PostgresStore]], stopping: asyncio.Event, log: Any, door: Door
) -> PostgresStore | None:
    """Connect, however long it takes: one line at the first failure, then silence and backoff. None when told to stop meanwhile."""
    wait, told = 0.2, False
    while not stopping.is_set():
        try:
            return await connect()
        except Unavailable as error:
            door.missing = (error.what, error.detail)
            if not told:
                log.warning("waiting", fault=str(error))
                told = True
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await stopping.wait()
        wait = min(wait * 2, 5.0)
    return None


def _reader(producer: KafkaProducer, topic: str) -> OpenReader | None:
    """Each new reader logs in as the producer does by then."""
    return (lambda: KafkaReader(producer.options, topic)) if topic else None


def _consumers(producer: KafkaProducer) -> Callable[[frozenset[str], Revoked], Consumer]:
    """Each new consumer logs in as the producer does by then."""
    return lambda topics, on_revoked: KafkaConsumer(producer.options, topics, on_revoked)
