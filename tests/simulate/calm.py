"""The simulated log and database with every hook on and no fault drawn: they must answer as the real ones do (tests/conformance)."""

import random
from collections.abc import Callable, Collection
from time import monotonic

from saga.ports.messaging import Revoked
from saga.testing.store import MemoryStore
from tests.simulate.cluster import Log, Member, Sender
from tests.simulate.nemesis import ALL, Nemesis
from tests.simulate.participants import Participants
from tests.simulate.world import World, strike


class _Immortal:
    """A process that is never struck."""

    alive = True
    draining = False

    async def awake(self) -> None:
        """It always is."""

    async def die_here(self) -> None:
        """It never does."""


class CalmLog(Log):
    """Consumers and producers as replicas have them."""

    def __init__(self) -> None:
        super().__init__(6, monotonic, calm())

    def consumer(self, group: str, topics: Collection[str], on_revoked: Revoked | None = None) -> Member:
        """As a replica's."""
        return self.member(group, topics, on_revoked, _Immortal())

    def producer(self) -> Sender:
        """As a replica's."""
        return Sender(self)


def calm() -> Nemesis:
    """Knows every fault, and none ever happens."""
    return Nemesis(random.Random(0), dict.fromkeys(ALL, 0.0))


def calm_store() -> MemoryStore:
    """The database of a world, its clock turned by hand."""
    store, log = MemoryStore(), CalmLog()
    strike(World(log.nemesis, log, store, Participants(log, log.nemesis, _never)))
    return store


def _never(_seconds: float, _call: Callable[[], None]) -> None:
    """Nothing is done later."""
