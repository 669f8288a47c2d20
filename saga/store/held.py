"""Records that wait for their definition version, or for their saga."""

import re
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from saga.ports.messaging import InboundRecord
from saga.ports.records import Counted, HeldRecord, HeldRow, RecordFilter
from saga.ports.streams import LoadedVersion
from saga.store.pool import Pool, Session
from saga.store.records import RecordKey, key_at, key_of, pack_headers, place_of, plain, unpack_headers

_HEX = re.compile(r"([0-9a-f]{2}){1,64}")


async def take_held(session: Session, loaded: Collection[LoadedVersion], limit: int, overdue: datetime) -> list[HeldRecord]:
    """What can be tried again, locked until the end; records of unknown sagas held since before `overdue` come too."""
    names, versions = [one.definition for one in loaded], [one.version for one in loaded]
    return [_held(row) for row in await session.fetch("take_held", names, versions, limit, overdue)]


async def take_held_now(session: Session, tenant: str, wanted: RecordFilter, limit: int) -> list[HeldRow]:
    """Those that a filter finds, locked until the end, whether their time has come or not."""
    return [_held_row(row) for row in await session.fetch("take_held_now", *filtered(tenant, wanted), limit)]


async def list_held(pool: Pool, tenant: str, limit: int, wanted: RecordFilter) -> list[HeldRow]:
    """Those that a filter finds, in the order of the log."""
    return [_held_row(row) for row in await pool.fetch("list_held", *filtered(tenant, wanted), limit)]


async def count_held(pool: Pool, tenant: str, wanted: RecordFilter) -> Counted:
    """How many a filter finds."""
    (row,) = await pool.fetch("count_held_wanted", *filtered(tenant, wanted))
    return Counted(row["count"], row["now"])


async def write_held(session: Session, held: Sequence[HeldRecord], released: Sequence[HeldRecord], now: datetime) -> None:
    """Hold new ones, let go of those released; one that is in both goes on waiting for what the new one says."""
    holding, leaving = {key_of(one): one for one in held}, {key_of(one) for one in released}
    new = sorted(((key, one) for key, one in holding.items() if key not in leaving), key=lambda pair: pair[0])
    again = sorted(((key, one) for key, one in holding.items() if key in leaving), key=lambda pair: pair[0])
    if new:
        await session.run("hold_records", *_keys([key for key, _ in new]), *_reasons(new), *_contents(new), now)
    if gone := sorted(leaving - holding.keys()):
        await session.run("release_held", *_keys(gone))
    if again:
        await session.run("hold_again", *_keys([key for key, _ in again]), *_reasons(again))


Pairs = Sequence[tuple[RecordKey, HeldRecord]]


def _keys(keys: Sequence[RecordKey]) -> tuple[list[Any], ...]:
    return tuple([key[column] for key in keys] for column in range(5))


def _reasons(pairs: Pairs) -> tuple[list[Any], ...]:
    return (
        [_saga_id(one.target) if not one.definition else None for _, one in pairs],
        [plain(one.definition) for _, one in pairs],
        [one.definition_version for _, one in pairs],
        [plain(one.reason) for _, one in pairs],
    )


def _contents(pairs: Pairs) -> tuple[list[Any], ...]:
    records = [one.record for _, one in pairs]
    return (
        [record.key for record in records],
        [record.value for record in records],
        [pack_headers(record.headers) for record in records],
        [record.timestamp_ms for record in records],
        [plain(one.tenant) for _, one in pairs],
    )


def _saga_id(target: str) -> UUID | None:
    try:
        return UUID(target)
    except ValueError:
        return None


def record_of(row: Any) -> InboundRecord:
    """The record in a row of held_record or dead_letter."""
    headers = unpack_headers(row["headers"])
    return InboundRecord(row["topic"], row["partition"], row["offset"], row["record_key"], row["value"], headers, row["timestamp_ms"])


def row_key(row: Any) -> RecordKey:
    """The primary key of such a row."""
    return row["topic"], row["partition"], row["offset"], row["digest"], row["target"]


def filtered(tenant: str | None, wanted: RecordFilter) -> tuple[Any, ...]:
    """A filter as the parameters $1 to $13 of the queries that take one."""
    ids = None if wanted.ids is None else ids_of(wanted.ids)
    after = (None, None, None, None, None) if wanted.after is None else key_at(wanted.after)
    return (tenant, ids, wanted.definition, wanted.target, wanted.reason, wanted.topic, wanted.since, wanted.until, *after)


def ids_of(texts: Collection[str]) -> list[bytes]:
    """Ids as stored; what is no hex names nothing."""
    return [bytes.fromhex(text) for text in texts if _HEX.fullmatch(text)]


def _held(row: Any) -> HeldRecord:
    waits_for = row["definition"], row["definition_version"]
    return HeldRecord(record_of(row), row["target"], row["reason"], *waits_for, held_at=row["held_at"], tenant=row["tenant"])


def _held_row(row: Any) -> HeldRow:
    return HeldRow(row["id"].hex(), _held(row), place_of(row_key(row)))
