"""Replay: streams → rows, again. It folds and writes rows; nothing that sends, waits or calls can be reached from here (hazard S16).

In place and guarded: `saga.version <= excluded.version`, each row with its own exact due time, while everything else goes on. Resumable
at any saga, because sagas are walked in order of their id. The table is never truncated, so deadlines never stop (design section 10).
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import UUID

from saga.core.evolve import fold
from saga.core.project import SagaRow, row_of
from saga.core.upcast import decode
from saga.ports.streams import Store

PAGE = 500


@dataclass(slots=True)
class ReplayReport:
    """What a replay found. `differing` names sagas whose row is missing or says something else than their events; `unreadable` those
    whose events do not fold. With check=True nothing was written."""

    check: bool
    sagas: int = 0
    events: int = 0
    written: int = 0
    differing: list[UUID] = field(default_factory=list)
    unreadable: list[UUID] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Every row says what its events say."""
        return not self.differing and not self.unreadable


async def replay(store: Store, *, check: bool, after: UUID | None = None) -> ReplayReport:
    """Compare (check) or rebuild every row, from the saga after `after` on."""
    report = ReplayReport(check)
    async for page in _pages(store, after):
        rows = _rows(page, report)
        stored = await store.rows_of(list(rows))
        wrong = {saga_id: row for saga_id, row in rows.items() if _differs(row, stored.get(saga_id))}
        report.differing.extend(wrong)
        if not check and wrong:
            report.written += await store.rebuild_rows(list(wrong.values()))
    return report


async def _pages(store: Store, after: UUID | None) -> AsyncIterator[list[tuple[UUID, list[bytes]]]]:
    while page := await store.streams_after(after, PAGE):
        yield page
        after = page[-1][0]


def _rows(page: list[tuple[UUID, list[bytes]]], report: ReplayReport) -> dict[UUID, SagaRow]:
    rows: dict[UUID, SagaRow] = {}
    for saga_id, bodies in page:
        report.sagas += 1
        report.events += len(bodies)
        try:
            rows[saga_id] = row_of(saga_id, fold(decode(body) for body in bodies))
        except Exception:
            report.unreadable.append(saga_id)
    return rows


def _differs(row: SagaRow, stored: SagaRow | None) -> bool:
    """A newer row is no difference: the saga went on meanwhile. A due time may be early, it is a lower bound (I8)."""
    if stored is None or stored.version < row.version:
        return True
    if stored.version > row.version:
        return False
    early = row.due_at is not None and stored.due_at is not None and stored.due_at <= row.due_at
    ended_or_idle = row.due_at is None and (not row.ended or stored.due_at is None)
    return not (early or ended_or_idle) or _said(row) != _said(stored)


def _said(row: SagaRow) -> tuple[object, ...]:
    return (
        row.tenant,
        row.definition,
        row.definition_version,
        row.key,
        row.status,
        row.ended,
        row.started_at,
        row.last_progress,
        row.ended_at,
        row.waits_for,
        row.parked_steps,
    )
