"""Runs a service as a process: signals, HTTP, Kafka clients, exit codes.

    raise SystemExit(main(parts, build_app))

SIGTERM and SIGINT end it within about ten seconds; a second signal at once. HTTP is there first and last, so that /readyz can say what
is missing.
"""

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial

import uvicorn
from fastapi import FastAPI

from saga.errors import ConfigurationError
from saga.observability.telemetry import Telemetry, export_spans
from saga.ports.deployment import EMBEDDED_KAFKA
from saga.ports.messaging import Consumer, Revoked
from saga.running import run
from saga.sdk.service import Parts, Service
from saga.sdk.settings import ServiceSettings, load_settings
from saga.secrets.renewal import Part, Renewal
from saga.secrets.servers import KAFKA_LOGIN, POSTGRES_LOGIN
from saga.transport.admin import KafkaAdmin
from saga.transport.consumer import KafkaConsumer
from saga.transport.options import KafkaOptions
from saga.transport.producer import KafkaProducer

CONFIGURATION = 2

log = logging.getLogger(__name__)


def main(parts: Callable[[ServiceSettings], Parts], build_app: Callable[[Service], FastAPI]) -> int:
    """Read the settings and serve until a signal; the exit code: 0, or 2 for a setting that cannot work, said in one line."""
    try:
        settings = load_settings()
        brought = parts(settings)
        own = {__name__, parts.__module__}
        telemetry = Telemetry.start(
            brought.participant.name,
            level=settings.log_level,
            form=settings.log_format,
            own={name.partition(".")[0] for name in own},
        )
        renewal = Renewal(settings, partial(_say, telemetry))
        service = kafka_service(brought, settings, renewal, telemetry)
        flush = export_spans(service.participant.name)
        try:
            run(serve(service, settings, build_app, renewal))
        finally:
            flush()
            telemetry.stop()
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return CONFIGURATION
    return 0


def kafka_service(
    parts: Parts, settings: ServiceSettings, renewal: Renewal[ServiceSettings] | None = None, telemetry: Telemetry | None = None
) -> Service:
    """A service on Kafka. Nothing is connected yet. With a `renewal`, its logins follow what that reads again."""
    producer = KafkaProducer(_options(parts, settings))
    checked = _NotEmbedded(producer) if settings.env == "production" else producer

    def consumer(revoked: Revoked) -> Consumer:
        return KafkaConsumer(producer.options, [parts.participant.commands_topic], revoked)

    service = Service(parts, settings, consumer, checked, telemetry)

    async def take_kafka(fresh: ServiceSettings) -> None:
        await producer.renew(_options(parts, fresh))
        service.rejoin()

    if renewal is not None:
        renewal.add(Part("log", frozenset({"log_level"}), partial(_set_level, service.telemetry)))
        renewal.add(Part("postgres", POSTGRES_LOGIN, lambda fresh: service.renew_database(fresh.postgres_login())))
        renewal.add(Part("kafka", KAFKA_LOGIN, take_kafka))
    return service


def _options(parts: Parts, settings: ServiceSettings) -> KafkaOptions:
    name = parts.participant.name
    return KafkaOptions(
        bootstrap=settings.kafka_bootstrap,
        group_id=settings.group_id or name,
        instance_id=settings.instance_id,
        session_timeout=settings.session_timeout,
        fetch_wait=settings.fetch_wait,
        client_id=name,
        incident=lambda what, detail: log.error("%s incident %s: %s", name, what, detail),
        login=settings.kafka_login(),
    )


class _NotEmbedded:
    """A producer that does not begin on an embedded broker."""

    def __init__(self, producer: KafkaProducer) -> None:
        self._producer = producer
        self.send, self.stop = producer.send, producer.stop

    async def start(self) -> None:
        """Raises ConfigurationError for an embedded broker, known by its cluster id; Unavailable."""
        async with KafkaAdmin.open(self._producer.options) as admin:
            if (await admin.look([])).cluster.startswith(EMBEDDED_KAFKA):
                raise ConfigurationError("SERVICE_KAFKA_BOOTSTRAP: this is an embedded broker, for development; this is production")
        await self._producer.start()


async def _set_level(telemetry: Telemetry, fresh: ServiceSettings) -> None:
    telemetry.set_level(fresh.log_level)


def _say(telemetry: Telemetry, level: str, event: str, **facts: object) -> None:
    getattr(telemetry.logger("saga.settings"), level)(event, **facts)


async def serve(
    service: Service,
    settings: ServiceSettings,
    build_app: Callable[[Service], FastAPI],
    renewal: Renewal[ServiceSettings] | None = None,
) -> None:
    """Serve until a signal; SIGHUP reads the settings again. Raises ConfigurationError."""
    config = uvicorn.Config(build_app(service), settings.http_host, settings.http_port, log_level="warning", lifespan="off")
    server = _Server(config)
    loop = asyncio.get_running_loop()

    def end() -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        log.info("%s ends", service.participant.name)
        service.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    if renewal is not None:
        loop.add_signal_handler(signal.SIGHUP, renewal.ask)
    answering = asyncio.create_task(server.serve())
    try:
        await service.run()
    finally:
        server.should_exit = True
        await asyncio.wait([answering], timeout=2.0)
        answering.cancel()


class _Server(uvicorn.Server):
    """Leaves signals to us: HTTP ends after the service."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield
