"""Rows of sagas: written whole by everybody, never back to an older version; due times and what sweeps and lists read of them."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from saga.core.project import SagaRow
from saga.ports.streams import Batch, LoadedVersion, Mend, Page, SagaFilter
from saga.store.pool import Pool, Session

_COLUMNS = (
    "saga_id",
    "version",
    "tenant",
    "definition",
    "definition_version",
    "key",
    "status",
    "ended",
    "due_at",
    "started_at",
    "last_progress",
    "ended_at",
    "waits_for",
)


async def set_aside(session: Session, batch: Batch) -> None:
    """Set aside what was quarantined, and mend due times, both without waiting for a rival."""
    if batch.quarantined:
        reasons = dict(batch.quarantined)
        await session.run("quarantine", list(reasons), list(reasons.values()))
    if batch.mends:
        await session.run("mend_due", *_mends(batch.mends))


async def rebuild_rows(pool: Pool, rows: Sequence[SagaRow]) -> int:
    """Upsert rows of replay with their exact due times; how many were not overtaken by live writes."""
    return len(await pool.fetch("rebuild_rows", *columns(rows))) if rows else 0


async def due_sagas(pool: Pool, loaded: Collection[LoadedVersion], limit: int) -> list[UUID]:
    """Sagas whose due time has passed, oldest first."""
    names, versions = [one.definition for one in loaded], [one.version for one in loaded]
    return [row["saga_id"] for row in await pool.fetch("due_sagas", names, versions, limit)]


async def rows_of(pool: Pool, sagas: Collection[UUID]) -> dict[UUID, SagaRow]:
    """The rows of these sagas that exist."""
    return {row.saga_id: row for row in _rows(await pool.fetch("read_rows", list(sagas)))}


async def list_sagas(pool: Pool, wanted: SagaFilter, limit: int, after: UUID | None) -> Page:
    """A page of rows, newest first."""
    rows = await pool.fetch(
        "list_rows",
        wanted.tenant,
        wanted.definition,
        wanted.status,
        wanted.key,
        wanted.started_after,
        wanted.started_before,
        limit + 1,
        after,
        None if wanted.visible is None else list(wanted.visible),
    )
    page = tuple(_rows(rows[:limit]))
    return Page(page, page[-1].saga_id if len(rows) > limit and page else None)


def columns(rows: Iterable[SagaRow]) -> list[list[Any]]:
    """Rows as arrays, one a column, in the order in which everybody locks them."""
    ordered = sorted(rows, key=lambda row: row.saga_id)
    arrays: list[list[Any]] = [[getattr(row, column) for row in ordered] for column in _COLUMNS]
    arrays.append(["\n".join(row.parked_steps) for row in ordered])  # an array of arrays would have to be rectangular
    return arrays


def _mends(mends: Iterable[Mend]) -> tuple[list[Any], ...]:
    ordered = sorted({mend.saga_id: mend for mend in mends}.values(), key=lambda mend: mend.saga_id)
    return [one.saga_id for one in ordered], [one.version for one in ordered], [one.due_at for one in ordered]


def _rows(rows: Iterable[Any]) -> Iterable[SagaRow]:
    for row in rows:
        yield SagaRow(**{column: row[column] for column in _COLUMNS}, parked_steps=tuple(row["parked_steps"]))
