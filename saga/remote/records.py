"""The part of `Operations` about kept records, over REST."""
# ruff: noqa: ARG002 - whose records they are is said by the key, so no method passes its tenant on

from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any

from saga.access.actor import in_header
from saga.api import cursors, record_views
from saga.ports.messaging import InboundRecord
from saga.ports.records import ALL_RECORDS, DeadLetter, DeadRow, HeldRecord, HeldRow, RecordFilter
from saga.remote.answers import read, taken
from saga.remote.asking import Asking
from saga.remote.routes import ROUTES
from saga.runtime.record_operations import LetterAct, LetterResult, RecordsAct, RecordsResult

PAGE = 200


class RemoteRecords:
    """What `RecordActs` does on the machine, by asking a replica."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    async def dead_letters(
        self, tenant: str | None, limit: int, after: str | None, wanted: RecordFilter = ALL_RECORDS
    ) -> Sequence[DeadRow]:
        """A page of dead letters, newest first. Blank bytes stand for the bodies, which a list does not show."""
        asked = {**_said(wanted), "open": wanted.open or None, "limit": limit, "cursor": cursors.of_dead_letter(after) if after else None}
        page = read(record_views.DeadLetterPage, await self._asking.get(ROUTES["dead_letters"], _given(asked)))
        return [_dead_row(tenant, one, _blank(one)) for one in page.items]

    async def dead_letter(self, tenant: str, letter: str) -> DeadRow:
        """One with its bytes."""
        seen = read(record_views.ShownDeadLetter, await self._asking.get(ROUTES["dead_letter"], letter=letter))
        headers = tuple((one.name, one.text.encode() if one.text is not None else _bytes(one.base64)) for one in seen.headers)
        place = seen.topic, seen.partition, seen.offset
        record = InboundRecord(*place, _bytes(seen.key_base64), _bytes(seen.body_base64), headers, seen.timestamp_ms)
        return _dead_row(tenant, seen, record)

    async def redrive(self, tenant: str, act: LetterAct) -> LetterResult:
        """Try one again."""
        return await self._on_letter("redrive", act)

    async def discard(self, tenant: str, act: LetterAct) -> LetterResult:
        """Set one aside."""
        return await self._on_letter("discard", act)

    async def redrive_many(self, tenant: str, act: RecordsAct) -> RecordsResult:
        """Count, or try again, the open ones that a filter finds."""
        return await self._on_records("redrive_many", act)

    async def held_records(self, tenant: str, limit: int, wanted: RecordFilter = ALL_RECORDS) -> Sequence[HeldRow]:
        """Held records, from as many pages as that takes."""
        found: list[HeldRow] = []
        cursor: str | None = cursors.of_held(wanted.after) if wanted.after else ""
        while cursor is not None and (left := limit - len(found)) > 0:
            asked = {**_said(wanted), "limit": min(left, PAGE), "cursor": cursor or None}
            page = read(record_views.HeldRecordPage, await self._asking.get(ROUTES["held_records"], _given(asked)))
            found += [HeldRow(one.id, taken(HeldRecord, one, record=_blank(one), tenant=tenant)) for one in page.items]
            cursor = page.next
        return found

    async def retry_held(self, tenant: str, act: RecordsAct) -> RecordsResult:
        """Count, or try now, the held records that a filter finds."""
        return await self._on_records("retry_held", act)

    async def _on_letter(self, verb: str, act: LetterAct) -> LetterResult:
        answer = await self._asking.post(ROUTES[verb], {"reason": act.reason}, _headers(act), letter=act.letter)
        return taken(LetterResult, read(record_views.DeadLetterOutcome, answer))

    async def _on_records(self, verb: str, act: RecordsAct) -> RecordsResult:
        ids = None if act.wanted.ids is None else list(act.wanted.ids)
        body = {
            "filter": _given({**_said(act.wanted), "ids": ids, "after": act.wanted.after}),
            "reason": act.reason,
            "confirm": act.confirm,
        }
        answer = await self._asking.post(ROUTES[verb], body, _headers(act))
        return taken(RecordsResult, read(record_views.RecordsOutcome, answer))


def _headers(act: LetterAct | RecordsAct) -> dict[str, str]:
    return {"X-Actor": in_header(act.actor), "Idempotency-Key": act.input_id}


def _said(wanted: RecordFilter) -> dict[str, Any]:
    said = {name: getattr(wanted, name) for name in ("definition", "target", "reason", "topic")}
    return said | {name: moment.isoformat() if (moment := getattr(wanted, name)) else None for name in ("since", "until")}


def _given(asked: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in asked.items() if value is not None}


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text)


def _blank(seen: record_views.SeenDeadLetter | record_views.SeenHeldRecord) -> InboundRecord:
    return InboundRecord(seen.topic, seen.partition, seen.offset, None, bytes(seen.body_bytes), ())


def _dead_row(tenant: str | None, seen: record_views.SeenDeadLetter, record: InboundRecord) -> DeadRow:
    letter = taken(DeadLetter, seen, record=record, tenant=tenant or "")
    acted = {"redriven_at": seen.settled_at, "redriven_by": seen.acted_by, "redriven_because": seen.acted_because}
    return taken(DeadRow, seen, letter=letter, **acted)
