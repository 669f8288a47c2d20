"""What people may ask of and do to kept records: the part of `Operations` that `record_acts` does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from saga.ports.records import ALL_RECORDS, DeadRow, HeldRow, RecordFilter


@dataclass(frozen=True, slots=True)
class LetterAct:
    """Who does what to which dead letter. `input_id` is made once a request, so that a repetition is recognised."""

    letter: str
    actor: str
    reason: str
    input_id: str


@dataclass(frozen=True, slots=True)
class LetterResult:
    """What became of a dead letter: appended (`detail`: to which saga), ignored, held (`detail`: for what), refused, discarded, or dead
    again (then it stays open, with this reason)."""

    id: str
    outcome: str
    detail: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RecordsAct:
    """Who wants what done with which records. Without `confirm` nothing is done: the answer says how many there are."""

    wanted: RecordFilter
    actor: str
    reason: str
    input_id: str
    confirm: str = ""


@dataclass(frozen=True, slots=True)
class RecordsResult:
    """A dry run: `count`, and `confirm`, good until `expires_at`. Else how many came out how, and how many were not reached (`left`):
    the same filter with `after` goes on with them."""

    done: bool
    count: int
    confirm: str = ""
    expires_at: datetime | None = None
    outcomes: Mapping[str, int] | None = None
    left: int = 0
    after: str = ""


class RecordOperations(Protocol):
    """The part of `Operations` about kept records. Raises LookupError for what does not exist or belongs to another tenant."""

    async def dead_letters(
        self, tenant: str | None, limit: int, after: str | None, wanted: RecordFilter = ALL_RECORDS
    ) -> Sequence[DeadRow]:
        """A page of dead letters, newest first."""

    async def dead_letter(self, tenant: str, letter: str) -> DeadRow:
        """One with its bytes, as far as they were kept."""

    async def redrive(self, tenant: str, act: LetterAct) -> LetterResult:
        """Try one again. Raises ActRefused: `already-settled`, `cut-off`, `not-addressed`."""

    async def discard(self, tenant: str, act: LetterAct) -> LetterResult:
        """Set one aside: it stays where it is, settled. Raises ActRefused `already-settled`."""

    async def redrive_many(self, tenant: str, act: RecordsAct) -> RecordsResult:
        """Count, or try again, the open ones that a filter finds. Raises ActRefused: `confirm-expired`, `confirm-differs`."""

    async def held_records(self, tenant: str, limit: int, wanted: RecordFilter = ALL_RECORDS) -> Sequence[HeldRow]:
        """A page of held records, by topic, partition and offset."""

    async def retry_held(self, tenant: str, act: RecordsAct) -> RecordsResult:
        """Count, or try now, the held records that a filter finds. Raises ActRefused as `redrive_many`."""
