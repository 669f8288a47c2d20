"""Keys of programs and the audit chain on Postgres."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from saga.ports.access import FIRST_HASH, ApiKey, AuditEntry, AuditRow, Head, Request, chained, not_yet, told
from saga.store.pool import Pool, Session

_ENTRY = ("actor", "act", "saga_id", "definition", "step", "reason", "outcome", "detail", "input_id")


class AccessTables:
    """`saga.ports.access.AccessStore`. Keys are changed with the login that migrates: the service's role may only read them."""

    def __init__(self, engine: Pool, questions: Pool) -> None:
        self._engine = engine
        self._questions = questions

    async def api_key(self, key_id: str) -> ApiKey | None:
        """The secret of this id, live or not."""
        rows = await self._questions.fetch("find_api_key", key_id)
        return _key(rows[0]) if rows else None

    async def api_keys(self, tenant: str | None) -> list[ApiKey]:
        """All secrets ever made, by tenant and name, oldest first."""
        return [_key(row) for row in await self._questions.fetch("list_api_keys", tenant)]

    async def add_api_key(self, key: ApiKey, entry: AuditEntry) -> None:
        """A new secret beside those that there are."""
        async with self._acting() as (session, now):
            await _add(session, key, now)
            await write_audit(session, [entry], now)

    async def rotate_api_key(self, key: ApiKey, overlap: float, entry: AuditEntry) -> None:
        """A new secret; the others of its name live for at most `overlap` seconds from now."""
        async with self._acting() as (session, now):
            await session.run("shorten_api_keys", key.tenant, key.name, now + timedelta(seconds=overlap))
            await _add(session, key, now)
            await write_audit(session, [entry], now)

    async def revoke_api_key(self, tenant: str, name: str, key_id: str | None, entry: AuditEntry) -> int:
        """End the secrets of a name, or one of them, at once; how many lived."""
        async with self._acting() as (session, now):
            ended = len(await session.fetch("revoke_api_keys", tenant, name, key_id, now))
            await write_audit(session, [told(entry, changed=ended > 0)], now)
        return ended

    async def note(self, entry: AuditEntry) -> None:
        """Write one row of audit in a transaction of its own."""
        async with self._acting() as (session, now):
            await write_audit(session, [entry], now)

    async def audit(self, tenant: str, limit: int, before: int | None) -> list[AuditRow]:
        """Rows newest first; `before` is the last position seen."""
        return [_row(row) for row in await self._questions.fetch("list_audit", tenant, limit, before)]

    async def audit_chain(self, tenant: str, after: int, limit: int) -> list[AuditRow]:
        """Rows in the order of the chain, behind position `after`."""
        return [_row(row) for row in await self._questions.fetch("read_audit_chain", tenant, after, limit)]

    async def audit_heads(self) -> Sequence[Head]:
        """The end of every tenant's chain."""
        return [Head(row["tenant"], row["position"], row["hash"]) for row in await self._questions.fetch("audit_heads")]

    @asynccontextmanager
    async def _acting(self) -> AsyncIterator[tuple[Session, datetime]]:
        """A short transaction, and the database's time. What audits it is written last in it."""
        async with self._engine.session() as session:
            try:
                await session.begin()
                (clock,) = await session.fetch("read_clock")
                yield session, clock["now"]
            except BaseException:
                await session.roll_back()
                raise
            await session.commit()


async def write_audit(session: Session, entries: Collection[AuditEntry], now: datetime) -> None:
    """Extend the chains. The heads are the last thing that a transaction locks, and they are locked in order of tenant."""
    tenants = sorted({entry.tenant for entry in entries})
    await session.run("begin_audit", tenants, FIRST_HASH)
    heads = [Head(row["tenant"], row["position"], row["hash"]) for row in await session.fetch("lock_audit", tenants)]
    columns = (list(column) for column in zip(*(entry.request for entry in entries), strict=True))
    known: dict[Request, set[str]] = {}
    for *request, outcome in await session.fetch("find_audit", *columns):
        known.setdefault(Request(*request), set()).add(outcome)
    news = not_yet(entries, known)
    for head in heads:
        if rows := chained(head, (one for one in news if one.tenant == head.tenant), now):
            await session.run("add_audit", *_columns(rows))
            await session.run("move_audit_head", head.tenant, rows[-1].position, rows[-1].hash)


def _columns(rows: Sequence[AuditRow]) -> list[list[Any]]:
    said = [[getattr(row.entry, name) for row in rows] for name in _ENTRY]
    return [[row.entry.tenant for row in rows], [row.position for row in rows], [row.at for row in rows], *said, [row.hash for row in rows]]


async def _add(session: Session, key: ApiKey, now: datetime) -> None:
    await session.run("add_api_key", key.id, key.name, key.tenant, key.secret_hash, list(key.grants), key.created_by, now, key.expires_at)


def _key(row: Any) -> ApiKey:
    return ApiKey(**{**row, "grants": tuple(row["grants"])})


def _row(row: Any) -> AuditRow:
    entry = AuditEntry(tenant=row["tenant"], **{name: row[name] for name in _ENTRY})
    return AuditRow(entry, row["position"], row["at"], row["hash"])
