"""Dead letters and held records of the memory store: found by a filter, buried, settled."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from saga.core.project import SagaRow
from saga.ports.records import DeadLetter, DeadRow, HeldRecord, HeldRow, RecordAct, RecordFilter, Settled
from saga.store.records import RecordKey, capped, digest, id_of, key_at, key_of, place_of, plain

Dead = dict[RecordKey, DeadRow]


def find_dead(dead: Dead, rows: Mapping[UUID, SagaRow], tenant: str | None, wanted: RecordFilter) -> list[tuple[RecordKey, DeadRow]]:
    """Dead letters that a filter finds, open or not, in the order of the log."""
    behind = _behind(wanted)
    of = {str(saga_id): row.definition for saga_id, row in rows.items()}
    return [
        (key, row)
        for key, row in sorted(dead.items())
        if behind(key)
        and tenant in (None, row.letter.tenant)
        and _fits(key, row.letter.reason, row.dead_at, wanted)
        and wanted.definition in (None, key[4], of.get(key[4], ""))
    ]


def find_held(held: Mapping[RecordKey, HeldRecord], tenant: str, wanted: RecordFilter) -> list[tuple[RecordKey, HeldRecord]]:
    """Held records that a filter finds, in the order of the log."""
    behind = _behind(wanted)
    return [
        (key, one)
        for key, one in sorted(held.items())
        if behind(key)
        and one.tenant == tenant
        and one.held_at is not None
        and _fits(key, one.reason, one.held_at, wanted)
        and wanted.definition in (None, key[4], one.definition)
    ]


def held_row(key: RecordKey, held: HeldRecord) -> HeldRow:
    """As it is handed out."""
    return HeldRow(id_of(key).hex(), held, place_of(key))


def bury(dead: Dead, letter: DeadLetter, now: datetime) -> None:
    """A letter that is open stays as it is; one that was redriven is open again; one that was discarded is not."""
    key, kept = key_of(letter), capped(letter)
    before = dead.get(key)
    if before is None:
        dead[key] = DeadRow(id_of(key).hex(), kept, now, digest(kept.record) == key[3], place=place_of(key))
    elif before.redriven_at is not None and before.outcome != "discarded":
        again = replace(before.letter, reason=kept.reason, detail=kept.detail)
        dead[key] = replace(before, letter=again, dead_at=now, redriven_at=None)


def settle(dead: Dead, settled: Settled, act: RecordAct | None, now: datetime) -> None:
    """What became of a letter that was open."""
    key, row = next((key, row) for key, row in dead.items() if row.id == settled.id)
    if act is None or row.redriven_at is not None:
        return
    if settled.still_dead:
        row = replace(row, letter=replace(row.letter, reason=plain(settled.outcome), detail=plain(settled.detail)))
    dead[key] = replace(
        row,
        redriven_at=None if settled.still_dead else now,
        redriven_by=plain(act.actor),
        redriven_because=plain(act.reason),
        redrive_id=plain(act.input_id),
        outcome="dead" if settled.still_dead else plain(settled.outcome),
        outcome_detail=plain(settled.detail),
        redrives=row.redrives + 1,
    )


def _fits(key: RecordKey, reason: str, since: datetime, wanted: RecordFilter) -> bool:
    return (
        (wanted.ids is None or id_of(key).hex() in wanted.ids)
        and wanted.target in (None, key[4])
        and wanted.reason in (None, reason)
        and wanted.topic in (None, key[0])
        and (wanted.since is None or since >= wanted.since)
        and (wanted.until is None or since < wanted.until)
    )


def _behind(wanted: RecordFilter) -> Callable[[RecordKey], bool]:
    if wanted.after is None:
        return lambda _key: True
    after = key_at(wanted.after)
    return lambda key: key > after
