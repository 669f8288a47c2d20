"""Records that nobody can use: kept for people, marked when tried again, never deleted."""

from collections.abc import Sequence
from datetime import datetime

from saga.ports.streams import DeadLetter, DeadRow
from saga.store.held import record_of
from saga.store.pool import Pool, Session
from saga.store.records import capped, id_of, key_of, pack_headers


async def bury(session: Session, letters: Sequence[DeadLetter], now: datetime) -> None:
    """Insert dead letters; one that is there already stays as it is."""
    ordered = sorted(((key, letter) for key, letter in {key_of(one): one for one in letters}.items()), key=lambda pair: pair[0])
    kept = [(key, capped(letter)) for key, letter in ordered]
    await session.run(
        "bury",
        *([key[column] for key, _ in kept] for column in range(5)),
        [id_of(key) for key, _ in kept],
        [letter.tenant for _, letter in kept],
        [letter.reason for _, letter in kept],
        [letter.detail for _, letter in kept],
        [letter.record.key for _, letter in kept],
        [letter.record.value for _, letter in kept],
        [pack_headers(letter.record.headers) for _, letter in kept],
        [letter.record.timestamp_ms for _, letter in kept],
        [len(letter.record.value or b"") for _, letter in ordered],
        now,
    )


async def list_dead(pool: Pool, tenant: str | None, limit: int, after: str | None) -> list[DeadRow]:
    """A page, newest first; an `after` that is no id gives an empty page."""
    try:
        last = bytes.fromhex(after) if after is not None else None
    except ValueError:
        return []
    rows = await pool.fetch("list_dead", tenant, limit, last)
    return [
        DeadRow(row["id"].hex(), DeadLetter(record_of(row), row["target"], row["reason"], row["detail"], row["tenant"]), row["dead_at"])
        for row in rows
    ]
