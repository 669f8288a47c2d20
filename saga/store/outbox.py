"""Pointers: which events' commands wait to be sent, and who has the right to send them until when."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from saga.ports.streams import Batch, Pointer
from saga.store.pool import Pool, Session

NOBODY = UUID(int=0)


async def write_pointers(session: Session, batch: Batch, now: datetime) -> None:
    """New pointers in, acknowledged ones out, within a batch."""
    if batch.pointers:
        until = now + timedelta(seconds=batch.claim_for)
        await session.run("add_pointers", *_columns(batch.pointers), batch.owner or NOBODY, until, now)
    if batch.acknowledged:
        await session.run("delete_pointers", *_columns(batch.acknowledged))


async def delete_pointers(pool: Pool, acknowledged: Collection[Pointer]) -> None:
    """Acknowledged pointers out, in a transaction of their own."""
    if acknowledged:
        await pool.fetch("delete_pointers", *_columns(acknowledged))


async def claim_pointers(pool: Pool, owner: UUID, limit: int, backoff: float) -> list[Pointer]:
    """Pointers whose time has passed, oldest first, claimed for `backoff` seconds."""
    rows = await pool.fetch("claim_pointers", owner, limit, backoff)
    rows = sorted(rows, key=lambda row: (row["created_at"], row["saga_id"], row["version"]))
    return [Pointer(row["saga_id"], row["version"]) for row in rows]


def _columns(pointers: Collection[Pointer]) -> tuple[list[UUID], list[int]]:
    ordered = sorted(set(pointers))
    return [pointer.saga_id for pointer in ordered], [pointer.version for pointer in ordered]
