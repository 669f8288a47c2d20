"""Pointers: which events' commands wait to be sent, and who has the right to send them until when."""

from collections.abc import Callable, Collection
from math import inf
from time import monotonic
from uuid import UUID

from saga.ports.streams import Pointer
from saga.store.pool import Pool, Session

NOBODY = UUID(int=0)
LOOK_BACK = 15.0
WHOLE_EVERY = 120.0


async def delete_pointers(asked: Session | Pool, acknowledged: Collection[Pointer]) -> None:
    """Acknowledged pointers out: within a batch, or of a pool in a transaction of their own."""
    if acknowledged:
        await asked.fetch("delete_pointers", *columns(acknowledged))


class Claims:
    """Claims pointers whose time has passed.

    Why not always all of them: a snapshot that somebody holds open keeps every deleted pointer in the index, and a claim would walk
    through all of them, the longer the more (hazard P7). So a claim looks back LOOK_BACK seconds, which meets each pointer many times;
    and at all of them at first, after a gap or a failure, while more are waiting than one claim takes, and every WHOLE_EVERY seconds.
    """

    def __init__(self, pool: Pool, clock: Callable[[], float] = monotonic) -> None:
        self._pool = pool
        self._clock = clock
        self._whole_at = self._last = -inf

    async def claim(self, owner: UUID, limit: int, backoff: float) -> list[Pointer]:
        """Oldest first, claimed for `backoff` seconds."""
        now = self._clock()
        whole = now >= self._whole_at or now - self._last > LOOK_BACK / 2
        self._last = -inf  # until it has succeeded
        rows = await self._pool.fetch("claim_pointers", owner, limit, backoff, None if whole else LOOK_BACK)
        self._last = now
        if whole or len(rows) == limit:
            self._whole_at = now if len(rows) == limit else now + WHOLE_EVERY
        rows = sorted(rows, key=lambda row: (row["created_at"], row["saga_id"], row["version"]))
        return [Pointer(row["saga_id"], row["version"]) for row in rows]


def columns(pointers: Collection[Pointer]) -> tuple[list[UUID], list[int]]:
    """Each once, in the order in which everybody locks them."""
    ordered = sorted(set(pointers))
    return [pointer.saga_id for pointer in ordered], [pointer.version for pointer in ordered]
