"""One replica as a process: `saga serve`. It waits for its servers, judges the topics, runs the loops, drains on a signal."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, cast

from saga.access.gate import Around, Gate, somebody_may_ask
from saga.api.app import build_app
from saga.api.serving import serve_http
from saga.bootstrap import build, load_definitions, pace_of
from saga.config import Settings, without_password
from saga.definition.registry import Registry
from saga.deployment.starting import check_at_start, is_strict, look_at
from saga.deployment.topics import wishes
from saga.errors import Conflict, Unavailable, UnknownOutcome
from saga.observability import names
from saga.observability.telemetry import Telemetry
from saga.opening import topic_admin
from saga.ports.messaging import Consumer, Revoked
from saga.rotating import Renewable, kafka_options, renew_replica, renewal_of
from saga.runtime.door import Door
from saga.runtime.following import OpenReader
from saga.runtime.operations import LiveOperations
from saga.secrets.renewal import Part, Renewal
from saga.store.postgres import PostgresStore
from saga.transport.consumer import KafkaConsumer
from saga.transport.producer import KafkaProducer
from saga.transport.reader import KafkaReader


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
    renewal.add(Part("issuers", frozenset({"issuers"}), partial(_trust, gate)))
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


async def _trust(gate: Gate, fresh: Settings) -> None:
    gate.trust(fresh)


async def _run_replica(
    renewal: Renewal[Settings], registry: Registry, store: PostgresStore, telemetry: Telemetry, door: Door, stopping: asyncio.Event
) -> None:
    settings = renewal.settings
    producer = KafkaProducer(kafka_options(settings, telemetry))
    try:
        coordinator = build(settings, store, producer, registry, telemetry, _reader(producer, settings.lifecycle_topic))
        door.store = store
        renew_replica(renewal, Renewable(store, producer, coordinator.supervisor), telemetry)
        with suppress(Unavailable, UnknownOutcome, Conflict):  # whatever passes: the supervisor beats again
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
