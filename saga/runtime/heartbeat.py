"""The heartbeat: this replica lives and has these definitions loaded; what all live replicas have; which topics to read; the gauges.

New sagas run on the newest version that every live replica has (design 4.9), so a rolling deploy never starts a saga that half of the
replicas must hold. The subscription is the topics of all published definitions, not only of those loaded here: a record that this
replica cannot decide is held for one that can.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID, uuid4

from saga.ports.streams import DefinitionRow, Store
from saga.runtime.routing import Router, StartKnown
from saga.runtime.seen import Seen


class Heartbeat:
    """Publishes and learns, every few seconds."""

    def __init__(self, store: Store, router: Router, seen: Seen, loaded: Sequence[DefinitionRow], every: float) -> None:
        self.replica: UUID = uuid4()
        self.every = every
        self.known_topics: frozenset[str] = frozenset(topic for row in loaded for topic in row.topics)
        self._store = store
        self._router = router
        self._seen = seen
        self._loaded = loaded

    async def beat(self) -> None:
        """One beat. Raises ConfigurationError if another replica has the same definition version with another graph."""
        await self._store.publish(self.replica, self._loaded)
        rows = await learn(self._store, self._router)
        self.known_topics = frozenset(topic for row in rows for topic in row.topics) or self.known_topics
        self._seen.figures(await self._store.figures())

    async def topics(self) -> frozenset[str]:
        """What to subscribe to, asked from the database first."""
        await self.beat()
        return self.known_topics

    async def retire(self) -> None:
        """This replica leaves: others need not wait for its heartbeat to grow old."""
        await self._store.retire(self.replica)


async def learn(store: Store, router: Router, *, alive: bool = True) -> Sequence[DefinitionRow]:
    """Tell the router what new sagas run on; all published definitions. `alive`: our own heartbeat is among those counted. A process
    without one keeps what it has loaded where no replica lives."""
    common, loaded = await store.newest_common(), await store.newest_loaded()
    rows = await store.definitions()
    if common or alive:
        router.learn(_known(rows, common), _known(rows, loaded))
    return rows


def _known(rows: Sequence[DefinitionRow], versions: Mapping[str, int]) -> list[StartKnown]:
    return [StartKnown(row.name, row.version, row.starts_on) for row in rows if versions.get(row.name) == row.version]
