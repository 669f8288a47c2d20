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

import uvicorn
from fastapi import FastAPI

from saga.errors import ConfigurationError
from saga.observability.telemetry import export_spans
from saga.ports.messaging import Consumer, Revoked
from saga.sdk.service import Parts, Service
from saga.sdk.settings import ServiceSettings, load_settings
from saga.secrets.renewal import Part, Renewal
from saga.secrets.servers import KAFKA_LOGIN, POSTGRES_LOGIN
from saga.transport.consumer import KafkaConsumer
from saga.transport.options import KafkaOptions
from saga.transport.producer import KafkaProducer

CONFIGURATION = 2

log = logging.getLogger(__name__)


def main(parts: Callable[[ServiceSettings], Parts], build_app: Callable[[Service], FastAPI]) -> int:
    """Read the settings and serve until a signal; the exit code: 0, or 2 for a setting that cannot work, said in one line."""
    try:
        settings = load_settings()
        logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
        renewal = Renewal(settings, _say)
        service = kafka_service(parts(settings), settings, renewal)
        flush = export_spans(service.participant.name)
        try:
            asyncio.run(serve(service, settings, build_app, renewal))
        finally:
            flush()
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return CONFIGURATION
    return 0


def kafka_service(parts: Parts, settings: ServiceSettings, renewal: Renewal[ServiceSettings] | None = None) -> Service:
    """A service on Kafka. Nothing is connected yet. With a `renewal`, its logins follow what that reads again."""
    producer = KafkaProducer(_options(parts, settings))

    def consumer(revoked: Revoked) -> Consumer:
        return KafkaConsumer(producer.options, [parts.participant.commands_topic], revoked)

    service = Service(parts, settings, consumer, producer)

    async def take_kafka(fresh: ServiceSettings) -> None:
        await producer.renew(_options(parts, fresh))
        service.rejoin()

    if renewal is not None:
        renewal.add(Part("log", frozenset({"log_level"}), _set_level))
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


async def _set_level(fresh: ServiceSettings) -> None:
    logging.getLogger().setLevel(fresh.log_level.upper())


def _say(level: str, event: str, **facts: object) -> None:
    told = ", ".join(f"{name}={value}" for name, value in facts.items())
    log.log(logging.getLevelNamesMapping()[level.upper()], "%s%s", event, f": {told}" if told else "")


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
