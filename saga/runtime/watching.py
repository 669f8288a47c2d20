"""Watching sagas go on: one by its version, all by what is told of them.

A wait for one saga is woken by this replica's own commits, and looks at its row every second for those of the others: no listener in the
database, no connection held.
"""

from collections.abc import AsyncGenerator
from time import monotonic
from uuid import UUID

from saga.ports.streams import Store
from saga.runtime.changes import Changes, signalled
from saga.runtime.following import Following, Place, Seen
from saga.runtime.operations import Progress

LOOK_EVERY = 1.0


class Watching:
    """`saga.runtime.operations.Live`."""

    def __init__(self, store: Store, changes: Changes, following: Following) -> None:
        self._store = store
        self._changes = changes
        self._following = following

    async def progress(self, tenant: str, saga_id: UUID) -> Progress:
        """How far it is. Raises LookupError."""
        row = await self._store.get(saga_id)
        if row is None or row.tenant != tenant:
            raise LookupError("no saga has this id")
        return Progress(saga_id, row.version, row.status, row.ended)

    async def moved(self, tenant: str, saga_id: UUID, version: int, seconds: float) -> Progress:
        """How far it is once it is beyond `version`, or after so many seconds."""
        until = monotonic() + seconds
        with self._changes.watched(saga_id) as signal:
            while True:
                progress = await self.progress(tenant, saga_id)
                left = until - monotonic()
                if progress.version > version or left <= 0:
                    return progress
                await signalled(signal, min(LOOK_EVERY, left))

    async def settled(self, tenant: str, saga_id: UUID, seconds: float) -> Progress:
        """How far it is once it has ended, or after so many seconds."""
        until = monotonic() + seconds
        progress = await self.progress(tenant, saga_id)
        while not progress.ended and (left := until - monotonic()) > 0:
            progress = await self.moved(tenant, saga_id, progress.version, left)
        return progress

    def check(self) -> None:
        """Raises Unavailable where nobody can follow."""
        self._following.check()

    def follow(self, since: Place | None) -> AsyncGenerator[Seen, None]:
        """The changes of all sagas of all tenants: the caller lets through what may be seen."""
        return self._following.follow(since)

    async def close(self) -> None:
        """Wait for readers that are ending."""
        await self._following.close()
