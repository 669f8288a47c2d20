"""The database, seen from the runtime: one transaction a batch, and short ones for sweeps and questions (design section 7).

Event bodies are bytes here: a store never looks into an event.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from saga.core.project import SagaRow as SagaRow
from saga.ports.access import AccessStore, AuditEntry
from saga.ports.records import DeadLetter as DeadLetter
from saga.ports.records import DeadRow as DeadRow
from saga.ports.records import HeldRecord as HeldRecord
from saga.ports.records import KeptRecords, RecordAct, RecordStore, Settled
from saga.values import value


class SagaKey(NamedTuple):
    """Exactly one saga exists per (tenant, definition, key)."""

    tenant: str
    definition: str
    key: str


class Pointer(NamedTuple):
    """Names the event whose command waits to be sent."""

    saga_id: UUID
    version: int


class LoadedVersion(NamedTuple):
    """A definition that a replica has loaded."""

    definition: str
    version: int


@value
class PausedDefinition:
    """All sagas of a definition are paused, new ones included. Who, why, and the request; `paused_at` is the database's, set by it."""

    tenant: str
    definition: str
    actor: str
    reason: str
    input_id: str
    paused_at: datetime | None = None


@value
class KeyRow:
    """What a start is deduped by. Outlives the saga's archive. `body_hash` is SHA-256 of the body as received."""

    key: SagaKey
    saga_id: UUID
    partition_key: bytes
    body_hash: bytes


@value
class Append:
    """New events of one stream: `bodies` get the versions base + 1 ... base + n. `base` is the version decided on (0: a new stream)."""

    saga_id: UUID
    base: int
    bodies: tuple[bytes, ...]


@value
class Mend:
    """A due time found wrong by a tick: written only if the row still has `version`, dropped silently otherwise."""

    saga_id: UUID
    version: int
    due_at: datetime | None


@dataclass(slots=True)
class Batch:
    """Everything one transaction writes. Every list has distinct keys; the store sorts each by primary key.

    `checks`: sagas whose decision was empty, with the version it was taken on; the write fails if a stream has moved on.
    `claim_for`: seconds that the owner has for sending the pointers before anybody may claim them. `act`: who brought the kept records
    of this batch and why; `settled`: what became of the dead letters among them.
    """

    keys: list[KeyRow] = field(default_factory=list)
    appends: list[Append] = field(default_factory=list)
    checks: dict[UUID, int] = field(default_factory=dict)
    pointers: list[Pointer] = field(default_factory=list)
    owner: UUID | None = None
    claim_for: float = 10.0
    acknowledged: list[Pointer] = field(default_factory=list)
    held: list[HeldRecord] = field(default_factory=list)
    released: list[HeldRecord] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    rows: list[SagaRow] = field(default_factory=list)
    mends: list[Mend] = field(default_factory=list)
    quarantined: list[tuple[UUID, str]] = field(default_factory=list)
    audit: list[AuditEntry] = field(default_factory=list)
    act: RecordAct | None = None
    settled: list[Settled] = field(default_factory=list)
    proof_of_commit: bool = False  # write a heartbeat even if nothing else: the batch after an unknown commit must write


class Transaction(KeptRecords, Protocol):
    """One open transaction, READ COMMITTED. `now` is the database's clock read by its first statement, the time of every decision
    in it; `timeline` names the server's timeline: when it changes, all cached folds are worthless (check-store rule 1). `paused` holds the
    paused definitions by (tenant, name) as of that statement."""

    now: datetime
    timeline: str
    paused: Mapping[tuple[str, str], PausedDefinition]

    async def load(self, sagas: Collection[UUID]) -> dict[UUID, list[bytes]]:
        """Whole streams, oldest event first; a saga without events is missing from the answer."""

    async def find_keys(self, keys: Collection[SagaKey]) -> dict[SagaKey, KeyRow]:
        """The rows of these keys that exist."""

    async def take_held(self, loaded: Collection[LoadedVersion], limit: int) -> list[HeldRecord]:
        """Held records that can be tried again: version loaded, or saga known by now, or held longer than the bound given to the
        store (then its reason is `unknown-saga` and the caller makes a dead letter of it). Locked with SKIP LOCKED until the end."""

    async def write(self, batch: Batch) -> None:
        """Keys, append with checks, pointers, held, dead, rows, audit, in this order. Raises WrongExpectedVersion or KeyTaken (the caller
        leaves the transaction by that exception and nothing is written)."""


@value
class DefinitionRow:
    """A definition version as some replica has loaded it: what every replica must agree on."""

    name: str
    version: int
    hash: str
    topics: tuple[str, ...]  # what the coordinator must subscribe to for it
    graph: str  # Mermaid text
    starts_on: str = ""  # the type of the event that starts it


@value
class SagaFilter:
    """What a list shows. None means any. `key` is an exact business key; `due_before` and `parked_step` help operators."""

    tenant: str | None = "default"
    definition: str | None = None
    status: str | None = None
    key: str | None = None
    started_after: datetime | None = None
    started_before: datetime | None = None
    visible: tuple[str, ...] | None = None  # the definitions that whoever asks may see; `definition` is what they ask for


@value
class Page:
    """A page of rows, newest first by saga_id (UUIDv7: time-ordered), and where the next one begins (None at the end)."""

    rows: tuple[SagaRow, ...]
    after: UUID | None


class Store(AccessStore, RecordStore, Protocol):
    """The coordinator's database. Every call is bounded in time; Unavailable says that the server cannot be reached."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Open one, commit on leaving, roll back on an exception. COMMIT is shielded and never cancelled; when its outcome is not
        known UnknownOutcome is raised. Deadlock, serialization failure and lock time-out raise WrongExpectedVersion()."""

    async def due_sagas(self, loaded: Collection[LoadedVersion], limit: int) -> list[UUID]:
        """Sagas whose due_at has passed by the database's clock, oldest first, of loaded versions, not paused nor quarantined."""

    async def claim_pointers(self, owner: UUID, limit: int, backoff: float) -> list[Pointer]:
        """Pointers whose claim_until has passed, now claimed by `owner` until `backoff` seconds from now; oldest first."""

    async def delete_pointers(self, acknowledged: Collection[Pointer]) -> None:
        """Delete acknowledged pointers in a transaction of their own (SKIP LOCKED; what is locked is deleted another time)."""

    async def load(self, saga_id: UUID) -> list[bytes]:
        """One whole stream outside any batch, for the relay and for questions; empty if unknown."""

    async def publish(self, replica: UUID, definitions: Sequence[DefinitionRow]) -> None:
        """Heartbeat: this replica lives and has these loaded. Raises ConfigurationError if a row of the same name and version has
        another hash."""

    async def retire(self, replica: UUID) -> None:
        """The replica leaves: its heartbeat is removed."""

    async def newest_common(self) -> Mapping[str, int]:
        """Per definition the newest version that every live replica (heartbeat younger than 15 s) has loaded."""

    async def newest_loaded(self) -> Mapping[str, int]:
        """Per definition the newest version that any live replica has loaded."""

    async def definitions(self) -> list[DefinitionRow]:
        """All definition versions ever published."""

    async def pause_definition(self, pause: PausedDefinition, entry: AuditEntry) -> bool:
        """Pause all sagas of a definition for every batch that begins from now on; False if they are paused already. `entry` is audited
        with it, as done or unchanged."""

    async def resume_definition(self, tenant: str, definition: str, entry: AuditEntry) -> PausedDefinition | None:
        """The pause ends; what it was, None if there was none. `entry` is audited with it, as done or unchanged."""

    async def paused_definitions(self) -> list[PausedDefinition]:
        """All pauses."""

    async def get(self, saga_id: UUID) -> SagaRow | None:
        """The row of one saga."""

    async def list_sagas(self, wanted: SagaFilter, limit: int, after: UUID | None) -> Page:
        """A page of rows."""

    async def find_key(self, key: SagaKey) -> KeyRow | None:
        """The row of one key."""

    async def rebuild_rows(self, rows: Sequence[SagaRow]) -> int:
        """Replay: upsert whole rows with their own exact due time where saga.version <= the new one; how many changed."""

    async def streams_after(self, after: UUID | None, limit: int) -> list[tuple[UUID, list[bytes]]]:
        """Whole streams in order of saga_id: replay walks the table with it, resumable at any saga."""

    async def rows_of(self, sagas: Collection[UUID]) -> dict[UUID, SagaRow]:
        """The rows of these sagas, for `replay --check`."""

    async def figures(self) -> Mapping[str, Any]:
        """Counts for gauges: open sagas by status, outbox size and age in seconds of its oldest pointer, held, dead."""

    async def ping(self) -> None:
        """Raises Unavailable when the database does not answer or has not the schema this code needs."""

    async def close(self) -> None:
        """Close the pools, within a bound."""
