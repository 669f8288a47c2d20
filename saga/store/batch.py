"""What a batch with events writes in one statement: events, pointers, rows. And what it means when fewer events went in than were sent.

Why one: as three, each with its round trip and two of them planned anew each time, they took the store a quarter more CPU time and wait for
a batch of one record, which is what batches are below saturation.
"""

from datetime import datetime, timedelta

from saga.errors import WrongExpectedVersion
from saga.ports.streams import Batch
from saga.store import outbox, projection
from saga.store.pool import Session


async def write(session: Session, batch: Batch, now: datetime) -> None:
    """Append all streams, check the empties, point at what is to be sent, write the rows. Raises WrongExpectedVersion naming the sagas
    that moved on."""
    events = sorted(
        (append.saga_id, version, body, append.base)
        for append in batch.appends
        for version, body in enumerate(append.bodies, append.base + 1)
    )
    answer = await session.fetch(
        "write_batch",
        [event[0] for event in events],
        [event[1] for event in events],
        [event[2] for event in events],
        [event[3] for event in events],
        sorted(batch.checks),
        *outbox.columns(batch.pointers),
        batch.owner or outbox.NOBODY,
        now + timedelta(seconds=batch.claim_for),
        now,
        *projection.columns(batch.rows),
    )
    added = {(row["saga_id"], row["version"]) for row in answer if row["appended"]}
    moved = {saga_id for saga_id, version, _, _ in events if (saga_id, version) not in added}
    moved |= {row["saga_id"] for row in answer if not row["appended"] and row["version"] != batch.checks[row["saga_id"]]}
    if moved:
        raise WrongExpectedVersion(moved)
