"""Sorting what is told of sagas' lives: copies dropped, each saga's changes in the order of their versions (invariant I18).

Senders cannot keep that order: a replica that was stopped sends late what another has gone past (check-store 11). A record names the
change before it, so the reader knows when one is missing, and holds back what follows until it has come, for a while: what a broker has
lost never comes.

Why a change that came late is dropped where the follower joined in between: through one client no version goes back (I14).
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from saga.core.lifecycle import WHATS
from saga.wire import LifecycleMessage

REMEMBERED = 10_000  # sagas
HELD = 1_000  # records


class Told(NamedTuple):
    """A change, and where it stands in its topic."""

    message: LifecycleMessage
    partition: int
    offset: int


@dataclass(slots=True)
class _Saga:
    """What one saga's reader knows: the version given on last, the newest change given on, and what is held back since when."""

    version: int = 0
    change: int = 0
    held: dict[int, Told] = field(default_factory=dict)
    since: float = 0.0


class Chain:
    """Sorts for one follower. `whole`: it reads the topic from the beginning, so a saga's first record must be that of its start.
    `patience` is the seconds that a record is held back."""

    def __init__(self, patience: float = 5.0, *, whole: bool = False) -> None:
        self._patience = patience
        self._whole = whole
        self._sagas: OrderedDict[UUID, _Saga] = OrderedDict()
        self._held = 0

    def take(self, told: Told, now: float) -> list[Told]:
        """One more record; what may be given on now."""
        saga = self._saga(told.message.saga_id)
        if told.message.version <= saga.version or told.message.version in saga.held:
            return []
        if not saga.held:
            saga.since = now
        saga.held[told.message.version] = told
        self._held += 1
        return self._release(saga) + (self.overdue(float("inf")) if self._held > HELD else [])

    def overdue(self, now: float) -> list[Told]:
        """What has been held back for too long: given on with a gap."""
        if not self._held:
            return []
        late = [saga for saga in self._sagas.values() if saga.held and now - saga.since >= self._patience]
        return [told for saga in late for told in self._release(saga, gaps=True)]

    def held(self) -> Iterable[Told]:
        """What is held back."""
        return [told for saga in self._sagas.values() for told in saga.held.values()] if self._held else []

    def _release(self, saga: _Saga, *, gaps: bool = False) -> list[Told]:
        released = []
        for version in sorted(saga.held):
            message = saga.held[version].message
            unknown = saga.version == 0 and not self._whole
            if not (gaps or unknown or message.previous <= saga.change):
                break
            released.append(saga.held.pop(version))
            self._held -= 1
            saga.version = version
            saga.change = version if message.what in WHATS else max(saga.change, message.previous)
        return released

    def _saga(self, saga_id: UUID) -> _Saga:
        saga = self._sagas.setdefault(saga_id, _Saga())
        self._sagas.move_to_end(saga_id)
        if len(self._sagas) > REMEMBERED:
            oldest = next(iter(self._sagas))
            if not self._sagas[oldest].held:
                del self._sagas[oldest]
        return saga
