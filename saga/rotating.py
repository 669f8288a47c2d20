"""What SIGHUP changes of a replica: its logins and its log level. A part of the composition root."""

from dataclasses import dataclass

from saga.config import Settings
from saga.observability import names
from saga.observability.telemetry import Telemetry
from saga.runtime.supervisor import Supervisor
from saga.secrets.renewal import Part, Renewal
from saga.secrets.servers import KAFKA_LOGIN, POSTGRES_LOGIN
from saga.store.postgres import PostgresStore
from saga.transport.options import KafkaOptions
from saga.transport.producer import KafkaProducer


@dataclass(frozen=True, slots=True)
class Renewable:
    """What holds logins. New consumers take their options from the producer, so the supervisor only has to join anew."""

    store: PostgresStore
    producer: KafkaProducer
    supervisor: Supervisor


def renewal_of(settings: Settings, telemetry: Telemetry) -> Renewal[Settings]:
    """The settings in force of a process that has only just begun: its log level follows them already."""
    log = telemetry.logger("saga.settings")

    def say(level: str, event: str, **facts: object) -> None:
        if level == "error":
            telemetry.metrics.count(names.INCIDENTS, kind="settings-refused")
        getattr(log, level)(event, **facts)

    async def set_level(fresh: Settings) -> None:
        telemetry.set_level(fresh.log_level)

    renewal = Renewal(settings, say)
    renewal.add(Part("log", frozenset({"log_level"}), set_level))
    return renewal


def renew_replica(renewal: Renewal[Settings], replica: Renewable, telemetry: Telemetry) -> None:
    """From now on the replica's logins follow the settings."""

    async def take_kafka(fresh: Settings) -> None:
        await replica.producer.renew(kafka_options(fresh, telemetry))
        replica.supervisor.rejoin()

    renewal.add(Part("postgres", POSTGRES_LOGIN, replica.store.renew))
    renewal.add(Part("kafka", KAFKA_LOGIN, take_kafka))


def kafka_options(settings: Settings, telemetry: Telemetry) -> KafkaOptions:
    """How this process reaches Kafka, and who hears of what goes wrong there."""
    log = telemetry.logger("saga.kafka")

    def incident(what: str, detail: str) -> None:
        telemetry.metrics.count(names.INCIDENTS, kind=what)
        log.error("incident", kind=what, detail=detail)

    return KafkaOptions(
        bootstrap=settings.kafka_bootstrap,
        group_id=settings.group_id,
        instance_id=settings.instance_id,
        session_timeout=settings.session_timeout,
        connect_timeout=settings.connect_timeout,
        send_timeout=settings.send_timeout,
        fetch_wait=settings.fetch_wait,
        client_id="saga-coordinator",
        incident=incident,
        login=settings.kafka_login(),
    )
