"""What clients see of kept records. A list says where each stands and why; only one that is asked for by its id shows its bytes (A12)."""

from base64 import b64encode
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from saga.ports.records import DeadRow, HeldRow
from saga.runtime.record_operations import LetterResult, RecordsResult


class _Seen(BaseModel):
    model_config = ConfigDict(from_attributes=True, frozen=True)


class SeenDeadLetter(_Seen):
    """A record that nobody can use: where it stood and why. Its body, which may hold personal data, is shown by its id only."""

    id: str
    reason: str
    detail: str
    target: str
    topic: str
    partition: int
    offset: int
    body_bytes: int = Field(description="size of the body as stored")
    dead_at: datetime
    whole: bool = Field(description="nothing of the record was cut off, so it can be redriven")
    settled_at: datetime | None = Field(description="when a redrive or a discard settled it; null while it is open")
    outcome: str = Field(description="of the last act: appended, ignored, held, refused, discarded, or dead again")
    outcome_detail: str
    acted_by: str
    acted_because: str
    redrives: int


class DeadLetterPage(_Seen):
    """A page of dead letters, newest first."""

    items: list[SeenDeadLetter]
    next: str | None


class SeenHeader(_Seen):
    """A header: its value as text if it is UTF-8, else in base64; neither if it has none."""

    name: str
    text: str | None
    base64: str | None


class ShownDeadLetter(SeenDeadLetter):
    """One dead letter with its record, as far as it was kept (64 KiB of each part)."""

    key_base64: str | None
    body_base64: str | None
    headers: list[SeenHeader]
    timestamp_ms: int = Field(description="the record's own time stamp, only to look at")


class DeadLetterOutcome(_Seen):
    """What became of a dead letter. `detail`: the saga it was appended to, what it is held for, why it was ignored. If it is dead again,
    `reason` and `detail` say why, and it stays open."""

    id: str
    outcome: str
    detail: str
    reason: str


class RecordsOutcome(_Seen):
    """A dry run (`done` is false): how many there are, and the word to confirm with. Else how many came out how; with `left` above 0, ask
    again with the filter's `after`."""

    done: bool
    count: int
    confirm: str
    expires_at: datetime | None
    outcomes: dict[str, int]
    left: int
    after: str


class SeenHeldRecord(_Seen):
    """A record that waits, and for what: `definition` and its version, or (without one) the saga that `target` names."""

    id: str
    reason: str
    target: str
    definition: str
    definition_version: int
    topic: str
    partition: int
    offset: int
    body_bytes: int
    held_at: datetime | None


class HeldRecordPage(_Seen):
    """A page of held records, by topic, partition and offset."""

    items: list[SeenHeldRecord]
    next: str | None


def seen_dead_letter(row: DeadRow) -> SeenDeadLetter:
    """A dead letter in a list."""
    letter = row.letter
    return SeenDeadLetter(
        id=row.id,
        reason=letter.reason,
        detail=letter.detail,
        target=letter.target,
        topic=letter.record.topic,
        partition=letter.record.partition,
        offset=letter.record.offset,
        body_bytes=len(letter.record.value or b""),
        dead_at=row.dead_at,
        whole=row.whole,
        settled_at=row.redriven_at,
        outcome=row.outcome,
        outcome_detail=row.outcome_detail,
        acted_by=row.redriven_by,
        acted_because=row.redriven_because,
        redrives=row.redrives,
    )


def shown_dead_letter(row: DeadRow) -> ShownDeadLetter:
    """A dead letter with its bytes."""
    record = row.letter.record
    return ShownDeadLetter(
        **seen_dead_letter(row).model_dump(),
        key_base64=_base64(record.key),
        body_base64=_base64(record.value),
        headers=[_header(name, value) for name, value in record.headers],
        timestamp_ms=record.timestamp_ms,
    )


def seen_held_record(row: HeldRow) -> SeenHeldRecord:
    """A held record in a list."""
    held = row.held
    return SeenHeldRecord(
        id=row.id,
        reason=held.reason,
        target=held.target,
        definition=held.definition,
        definition_version=held.definition_version,
        topic=held.record.topic,
        partition=held.record.partition,
        offset=held.record.offset,
        body_bytes=len(held.record.value or b""),
        held_at=held.held_at,
    )


def became(result: LetterResult) -> DeadLetterOutcome:
    """What became of one."""
    return DeadLetterOutcome.model_validate(result)


def became_of_all(result: RecordsResult) -> RecordsOutcome:
    """What became of many."""
    return RecordsOutcome(
        done=result.done,
        count=result.count,
        confirm=result.confirm,
        expires_at=result.expires_at,
        outcomes=dict(result.outcomes or {}),
        left=result.left,
        after=result.after,
    )


def _base64(raw: bytes | None) -> str | None:
    return None if raw is None else b64encode(raw).decode()


def _header(name: str, value: bytes | None) -> SeenHeader:
    try:
        return SeenHeader(name=name, text=None if value is None else value.decode(), base64=None)
    except UnicodeDecodeError:
        return SeenHeader(name=name, text=None, base64=_base64(value))
