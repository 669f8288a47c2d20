"""Event streams and keys."""

from collections.abc import Collection, Iterable, Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

from saga.errors import KeyTaken
from saga.ports.streams import KeyRow, SagaKey
from saga.store.pool import Session


async def find_keys(session: Session, keys: Collection[SagaKey]) -> dict[SagaKey, KeyRow]:
    """The rows of these keys that exist."""
    tenants, definitions, texts = zip(*keys, strict=True) if keys else ((), (), ())
    rows = await session.fetch("find_keys", list(tenants), list(definitions), list(texts))
    found = (key_row(row) for row in rows)
    return {row.key: row for row in found}


async def take_keys(session: Session, keys: Sequence[KeyRow]) -> None:
    """Insert key rows. Raises KeyTaken when a rival was first with one of them."""
    taken = await session.fetch(
        "take_keys",
        [row.key.tenant for row in keys],
        [row.key.definition for row in keys],
        [row.key.key for row in keys],
        [row.saga_id for row in keys],
        [row.partition_key for row in keys],
        [row.body_hash for row in keys],
    )
    if len(taken) < len(keys):
        raise KeyTaken("a rival started the saga of one of these keys")


async def load(session: Session, sagas: Collection[UUID]) -> dict[UUID, list[bytes]]:
    """Whole streams of those that have events."""
    return dict(by_saga(await session.fetch("read_streams", list(sagas))))


def by_saga(rows: Iterable[Any]) -> Iterable[tuple[UUID, list[bytes]]]:
    """Rows that are sorted by saga and version, as streams."""
    for saga_id, stream in groupby(rows, key=lambda row: row["saga_id"]):
        yield saga_id, [row["data"] for row in stream]


def key_row(row: Any) -> KeyRow:
    """A row of saga_key."""
    key = SagaKey(row["tenant"], row["definition"], row["key"])
    return KeyRow(key, row["saga_id"], row["partition_key"], row["body_hash"])
