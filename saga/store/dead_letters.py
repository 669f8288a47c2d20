"""Records that nobody can use: kept for people, marked when tried again or set aside, never deleted."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from saga.ports.records import ALL_RECORDS, Counted, DeadLetter, DeadRow, RecordAct, RecordFilter, Settled
from saga.store.held import filtered, ids_of, record_of, row_key
from saga.store.pool import Pool, Session
from saga.store.records import capped, digest, id_of, key_of, pack_headers, place_of, plain


async def bury(session: Session, letters: Sequence[DeadLetter], now: datetime) -> None:
    """Insert dead letters; one that is open already stays as it is, one that was redriven is open again."""
    ordered = sorted(((key, letter) for key, letter in {key_of(one): one for one in letters}.items()), key=lambda pair: pair[0])
    kept = [(key, capped(letter)) for key, letter in ordered]
    ids, reasons, details = [id_of(key) for key, _ in kept], [one.reason for _, one in kept], [one.detail for _, one in kept]
    await session.run("reopen", ids, reasons, details, now)
    await session.run(
        "bury",
        *([key[column] for key, _ in kept] for column in range(5)),
        ids,
        [letter.tenant for _, letter in kept],
        reasons,
        details,
        [letter.record.key for _, letter in kept],
        [letter.record.value for _, letter in kept],
        [pack_headers(letter.record.headers) for _, letter in kept],
        [letter.record.timestamp_ms for _, letter in kept],
        [len(letter.record.value or b"") for _, letter in ordered],
        now,
    )


async def take_dead(session: Session, tenant: str, wanted: RecordFilter, limit: int) -> list[DeadRow]:
    """Open ones that a filter finds, locked until the end."""
    return [_dead(row) for row in await session.fetch("take_dead", *filtered(tenant, wanted), limit)]


async def settle(session: Session, settled: Sequence[Settled], act: RecordAct, now: datetime) -> None:
    """Write down what became of letters that were taken in this transaction."""
    await session.run(
        "settle_dead",
        ids_of([one.id for one in settled]),
        [plain(one.outcome) for one in settled],
        [plain(one.detail) for one in settled],
        [one.still_dead for one in settled],
        plain(act.actor),
        plain(act.reason),
        plain(act.input_id),
        now,
    )


async def list_dead(pool: Pool, tenant: str | None, limit: int, after: str | None, wanted: RecordFilter = ALL_RECORDS) -> list[DeadRow]:
    """A page, newest first; an `after` that is no id gives an empty page."""
    last = None if after is None else next(iter(ids_of([after])), b"")
    rows = await pool.fetch("list_dead", *filtered(tenant, wanted)[:8], last, wanted.open, limit)
    return [_dead(row) for row in rows]


async def count_dead(pool: Pool, tenant: str, wanted: RecordFilter) -> Counted:
    """How many open ones a filter finds."""
    (row,) = await pool.fetch("count_dead_wanted", *filtered(tenant, wanted))
    return Counted(row["count"], row["now"])


def _dead(row: Any) -> DeadRow:
    record = record_of(row)
    return DeadRow(
        id=row["id"].hex(),
        letter=DeadLetter(record, row["target"], row["reason"], row["detail"], row["tenant"]),
        dead_at=row["dead_at"],
        whole=digest(record) == row["digest"],
        redriven_at=row["redriven_at"],
        redriven_by=row["redriven_by"] or "",
        redriven_because=row["redriven_because"] or "",
        redrive_id=row["redrive_id"] or "",
        outcome=row["outcome"] or "",
        outcome_detail=row["outcome_detail"] or "",
        redrives=row["redrives"],
        place=place_of(row_key(row)),
    )
