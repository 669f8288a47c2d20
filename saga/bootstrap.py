"""Where concrete things are tied together; `replica` runs the whole of it, `opening` opens parts of it for one command.

settings ─> telemetry, store (asyncpg), registry (definitions by name)
              └─> router, cache, relay(producer), intake, deadlines, heartbeat ─> supervisor   + desk ─> REST
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from saga.config import Settings
from saga.core.lifecycle import Telling
from saga.definition.diagram import mermaid
from saga.definition.registry import Registry
from saga.errors import ConfigurationError
from saga.observability.telemetry import Telemetry
from saga.ports.messaging import OutboundRecord, Producer
from saga.ports.streams import DefinitionRow, Store
from saga.runtime.changes import Changes
from saga.runtime.deadlines import Deadlines
from saga.runtime.folds import FoldCache
from saga.runtime.following import Following, OpenReader
from saga.runtime.heartbeat import Heartbeat
from saga.runtime.intake import Intake, IntakeParts
from saga.runtime.operating import Desk
from saga.runtime.relay import Relay, RelaySettings
from saga.runtime.routing import Router
from saga.runtime.seen import Seen
from saga.runtime.supervisor import Pace, Supervisor
from saga.runtime.watching import Watching
from saga.transport.codec import decode, encode


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
