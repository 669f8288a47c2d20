"""What the memory store knows of definitions: which were published, which replicas live, which are paused."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from saga.errors import ConfigurationError
from saga.ports.access import AuditEntry, told
from saga.ports.streams import DefinitionRow, LoadedVersion, PausedDefinition
from saga.testing.store_transaction import Alive, Data, Faults

ALIVE = timedelta(seconds=15)


class MemoryDefinitions(Faults):
    """The part of `saga.ports.streams.Store` about definitions, and the database's clock."""

    def __init__(self, clock: Callable[[], datetime] | None) -> None:
        super().__init__()
        self.data = Data()
        self._hand = datetime(2030, 1, 1, tzinfo=UTC)
        self._clock = clock

    @property
    def now(self) -> datetime:
        """The database's clock."""
        return self._clock() if self._clock else self._hand

    @now.setter
    def now(self, value: datetime) -> None:
        self._hand = value

    async def publish(self, replica: UUID, definitions: Sequence[DefinitionRow]) -> None:
        """Heartbeat. Raises ConfigurationError when a definition version means another graph elsewhere."""
        await self._point("publish")
        known = self.data.definitions
        others = [f"{row.name} version {row.version}" for row in definitions if known.get((row.name, row.version), row).hash != row.hash]
        if others:
            raise ConfigurationError(f"another graph was published as {', '.join(others)}: give the changed definition a new version")
        known.update({(row.name, row.version): row for row in definitions})
        self.data.replicas[replica] = Alive(self.now, frozenset(LoadedVersion(row.name, row.version) for row in definitions))

    async def retire(self, replica: UUID) -> None:
        """The replica leaves."""
        await self._point("retire")
        self.data.replicas.pop(replica, None)

    async def newest_common(self) -> Mapping[str, int]:
        """Per definition the newest version that every live replica has loaded."""
        await self._point("newest_common")
        live = self._live()
        return _newest(frozenset.intersection(*live) if live else ())

    async def newest_loaded(self) -> Mapping[str, int]:
        """Per definition the newest version that any live replica has loaded."""
        await self._point("newest_loaded")
        return _newest(frozenset().union(*self._live()))

    def _live(self) -> list[frozenset[LoadedVersion]]:
        return [replica.loaded for replica in self.data.replicas.values() if replica.seen_at > self.now - ALIVE]

    async def definitions(self) -> list[DefinitionRow]:
        """All definition versions ever published."""
        await self._point("definitions")
        return [row for _, row in sorted(self.data.definitions.items())]

    async def pause_definition(self, pause: PausedDefinition, entry: AuditEntry) -> bool:
        """Pause all sagas of a definition; False if they are paused already."""
        await self._point("pause_definition")
        row = replace(pause, paused_at=self.now)
        paused = self.data.paused.setdefault((pause.tenant, pause.definition), row) is row
        self.data.note([told(entry, changed=paused)], self.now)
        return paused

    async def resume_definition(self, tenant: str, definition: str, entry: AuditEntry) -> PausedDefinition | None:
        """The pause ends; what it was."""
        await self._point("resume_definition")
        ended = self.data.paused.pop((tenant, definition), None)
        self.data.note([told(entry, changed=ended is not None)], self.now)
        return ended

    async def paused_definitions(self) -> list[PausedDefinition]:
        """All pauses."""
        await self._point("paused_definitions")
        return [row for _, row in sorted(self.data.paused.items())]


def _newest(versions: Iterable[LoadedVersion]) -> dict[str, int]:
    return {one.definition: one.version for one in sorted(versions)}
