"""Records that are kept: held until something appears, or dead until a person looks at them. Parts of the store's face (streams.py)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from saga.ports.messaging import InboundRecord


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """A record that waits for its definition version or its saga. `target` is the saga id, or the definition's name for a start.

    `definition`/`definition_version` are what must be loaded to handle it ('' and 0: its saga is not known yet).
    """

    record: InboundRecord
    target: str
    reason: str
    definition: str = ""
    definition_version: int = 0
    held_at: datetime | None = None
    tenant: str = "default"


@dataclass(frozen=True, slots=True)
class HeldRow:
    """A held record as stored. `id` is the primary key's digest in hex, `place` where it stands in the order of the log."""

    id: str
    held: HeldRecord
    place: str = ""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that nobody can use: raw bytes (capped by the store at 64 KiB), why, and where it stood."""

    record: InboundRecord
    target: str
    reason: str
    detail: str
    tenant: str = "default"


@dataclass(frozen=True, slots=True)
class DeadRow:
    """A dead letter as stored. `id` is the primary key's digest in hex; it is never deleted. `whole`: nothing of the record was cut off;
    `place`: where it stands in the order of the log.

    `redriven_at` is set when it is settled: tried again with success, or set aside. Who acted last, why, in which request and what came of
    it stands in the fields behind it; `redrives` counts the acts. A letter that was tried and is dead again stays open.
    """

    id: str
    letter: DeadLetter
    dead_at: datetime
    whole: bool = True
    redriven_at: datetime | None = None
    redriven_by: str = ""
    redriven_because: str = ""
    redrive_id: str = ""
    outcome: str = ""
    outcome_detail: str = ""
    redrives: int = 0
    place: str = ""


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """Which dead letters or held records; None means any. `target` is a definition's name or a saga id; `definition` finds its starts and
    what its sagas were told. `since` and `until` (excluded): when it died or was first held. `after`: only behind this place in the
    order of the log. `open`: only what nobody has settled."""

    ids: tuple[str, ...] | None = None
    definition: str | None = None
    target: str | None = None
    reason: str | None = None
    topic: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: str | None = None
    open: bool = False


@dataclass(frozen=True, slots=True)
class RecordAct:
    """A person's act on kept records: `redrive`, `discard` or `retry-held`. `input_id` is made once a request."""

    verb: str
    actor: str
    reason: str
    input_id: str


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a dead letter. `still_dead`: it stays open, and `outcome` and `detail` are
    its new reason."""

    id: str
    outcome: str
    detail: str
    still_dead: bool = False


class Counted(NamedTuple):
    """How many there are, by the database's clock at `now`."""

    number: int
    now: datetime


ALL_RECORDS = RecordFilter()


class KeptRecords(Protocol):
    """The part of an open transaction that takes kept records."""

    async def take_dead(self, tenant: str, wanted: RecordFilter, limit: int) -> list[DeadRow]:
        """Open dead letters, locked until the end, by topic, partition and offset. Waits for a rival that tries them: what it has settled
        is left out. So fewer than `limit` do not mean that there are no more."""

    async def take_held_now(self, tenant: str, wanted: RecordFilter, limit: int) -> list[HeldRow]:
        """Held records whether their time has come or not, locked until the end, by topic, partition and offset; without those that
        somebody tries at this moment."""


class RecordStore(Protocol):
    """The part of the store that people ask about kept records."""

    async def dead_letters(self, tenant: str | None, limit: int, after: str | None, wanted: RecordFilter = ALL_RECORDS) -> list[DeadRow]:
        """Dead letters, newest first; `after` is the id of the last one seen."""

    async def dead_letter(self, tenant: str, letter: str) -> DeadRow | None:
        """The dead letter of this id (hex), if it is one of this tenant."""

    async def count_dead(self, tenant: str, wanted: RecordFilter) -> Counted:
        """How many open dead letters there are."""

    async def held_records(self, tenant: str, limit: int, wanted: RecordFilter = ALL_RECORDS) -> Sequence[HeldRow]:
        """Held records by topic, partition and offset."""

    async def count_held(self, tenant: str, wanted: RecordFilter) -> Counted:
        """How many held records there are."""
