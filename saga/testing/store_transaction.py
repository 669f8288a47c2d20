"""What the memory store keeps, and one open transaction on it: guards as on Postgres, and locks that never wait."""

from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from saga.core.project import SagaRow
from saga.errors import KeyTaken, Unavailable, WrongExpectedVersion
from saga.ports.access import FIRST_HASH, ApiKey, AuditEntry, AuditRow, Head, Request, chained, not_yet
from saga.ports.records import DeadRow, HeldRecord, HeldRow, RecordFilter
from saga.ports.streams import Batch, DefinitionRow, KeyRow, LoadedVersion, Mend, PausedDefinition, Pointer, SagaKey
from saga.store.records import RecordKey, key_of, plain
from saga.testing.store_kept import bury, find_dead, find_held, held_row, settle

NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Claim:
    """Who may send a pointer's command, until when."""

    owner: UUID
    until: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Alive:
    """A replica's last heartbeat."""

    seen_at: datetime
    loaded: frozenset[LoadedVersion]


@dataclass(slots=True)
class Data:
    """Everything that is committed. A test may look into it."""

    keys: dict[SagaKey, KeyRow] = field(default_factory=dict)
    events: dict[UUID, list[bytes]] = field(default_factory=dict)
    rows: dict[UUID, SagaRow] = field(default_factory=dict)
    quarantined: dict[UUID, str] = field(default_factory=dict)
    outbox: dict[Pointer, Claim] = field(default_factory=dict)
    held: dict[RecordKey, HeldRecord] = field(default_factory=dict)
    dead: dict[RecordKey, DeadRow] = field(default_factory=dict)
    definitions: dict[tuple[str, int], DefinitionRow] = field(default_factory=dict)
    replicas: dict[UUID, Alive] = field(default_factory=dict)
    paused: dict[tuple[str, str], PausedDefinition] = field(default_factory=dict)
    proofs: dict[UUID, datetime] = field(default_factory=dict)
    api_keys: dict[str, ApiKey] = field(default_factory=dict)
    audit: dict[str, list[AuditRow]] = field(default_factory=dict)

    def copy(self) -> "Data":
        """An independent copy."""
        events = {saga_id: list(stream) for saga_id, stream in self.events.items()}
        audit = {tenant: list(rows) for tenant, rows in self.audit.items()}
        others = {name: dict(getattr(self, name)) for name in self.__dataclass_fields__ if name not in ("events", "audit")}
        return Data(events=events, audit=audit, **others)

    def head(self, tenant: str) -> Head:
        """The end of a tenant's chain of audit."""
        rows = self.audit.get(tenant)
        return Head(tenant, rows[-1].position, rows[-1].hash) if rows else Head(tenant, 0, FIRST_HASH)

    def note(self, entries: Iterable[AuditEntry], at: datetime) -> None:
        """Extend the chains; what stands there already is not written again."""
        known: dict[Request, set[str]] = {}
        for row in (row for rows in self.audit.values() for row in rows):
            known.setdefault(row.entry.request, set()).add(row.entry.outcome)
        for entry in not_yet(entries, known):
            self.audit.setdefault(entry.tenant, []).extend(chained(self.head(entry.tenant), [entry], at))

    def version(self, saga_id: UUID) -> int:
        """The version of a stream, 0 if there is none."""
        return len(self.events.get(saga_id, ()))


Point = Callable[[str], Awaitable[None]]


class Faults:
    """What a test plants: errors at named points, pauses at all of them, commits that nobody knows the outcome of."""

    def __init__(self) -> None:
        self.hook: Point | None = None
        self._planted: defaultdict[str, deque[Exception]] = defaultdict(deque)
        self._haunted = 0

    def fail_next(self, point: str, error: Exception) -> None:
        """Raise `error` the next time this point is reached; several wait in line."""
        self._planted[point].append(error)

    def haunt_next_commit(self) -> None:
        """The next commit has an unknown outcome and keeps its locks until `settle_ghosts` says how it ended."""
        self._haunted += 1

    async def _point(self, name: str) -> None:
        if self._planted[name]:
            raise self._planted[name].popleft()
        if self.hook is not None:
            await self.hook(name)


class Locks:
    """Which open transaction holds what. Who meets a lock does not wait: it conflicts at once, as after a lock time-out of zero."""

    def __init__(self) -> None:
        self._holders: dict[Hashable, MemoryTransaction] = {}

    def free(self, what: Hashable, asker: "MemoryTransaction | None" = None) -> bool:
        """Whether nobody else holds it."""
        return self._holders.get(what, asker) is asker

    def take(self, what: Hashable, holder: "MemoryTransaction") -> None:
        """Hold it until the end. Raises WrongExpectedVersion when a rival does."""
        if not self.free(what, holder):
            raise WrongExpectedVersion
        self._holders[what] = holder

    def release(self, holder: "MemoryTransaction") -> None:
        """The transaction has ended."""
        self._holders = {what: other for what, other in self._holders.items() if other is not holder}


class MemoryTransaction:
    """`saga.ports.streams.Transaction` on `Data`. Reads see what is committed; writes are staged and applied by `apply`."""

    def __init__(self, data: Data, locks: Locks, point: Point, clock: tuple[datetime, str, timedelta]) -> None:
        self.now, self.timeline, self._unknown_saga_for = clock
        self.paused = dict(data.paused)
        self.failure: BaseException | None = None
        self.doomed = False
        self._data = data
        self._locks = locks
        self._point = point
        self._batch = Batch()
        self._mends: list[Mend] = []
        self._acknowledged: list[Pointer] = []
        self._quarantined: list[tuple[UUID, str]] = []

    async def load(self, sagas: Collection[UUID]) -> dict[UUID, list[bytes]]:
        """Whole streams of those that have events."""
        await self._reach("load")
        return {saga_id: list(self._data.events[saga_id]) for saga_id in sagas if saga_id in self._data.events}

    async def find_keys(self, keys: Collection[SagaKey]) -> dict[SagaKey, KeyRow]:
        """The rows of these keys that exist."""
        await self._reach("find_keys")
        return {key: self._data.keys[key] for key in keys if key in self._data.keys}

    async def take_held(self, loaded: Collection[LoadedVersion], limit: int) -> list[HeldRecord]:
        """Held records to try again, locked until the end."""
        await self._reach("take_held")
        overdue = self.now - self._unknown_saga_for
        taken: list[HeldRecord] = []
        for key, held in sorted(self._data.held.items(), key=lambda item: (item[1].held_at, *item[0][:3])):
            if len(taken) < limit and self._locks.free(("held", key), self) and (ready := self._ready(held, loaded, overdue)):
                self._locks.take(("held", key), self)
                taken.append(ready)
        return taken

    async def take_held_now(self, tenant: str, wanted: RecordFilter, limit: int) -> list[HeldRow]:
        """Held records that a person tries now, locked until the end."""
        await self._reach("take_held_now")
        free = [(key, held) for key, held in find_held(self._data.held, tenant, wanted) if self._locks.free(("held", key), self)]
        for key, _ in free[:limit]:
            self._locks.take(("held", key), self)
        return [held_row(key, held) for key, held in free[:limit]]

    async def take_dead(self, tenant: str, wanted: RecordFilter, limit: int) -> list[DeadRow]:
        """Open dead letters, locked until the end."""
        await self._reach("take_dead")
        taken = [(key, row) for key, row in find_dead(self._data.dead, self._data.rows, tenant, wanted) if row.redriven_at is None][:limit]
        for key, _ in taken:
            self._locks.take(("dead", key), self)
        return [row for _, row in taken]

    async def write(self, batch: Batch) -> None:
        """Check every guard and lock what is written; nothing is visible before the commit."""
        try:
            await self._reach("write")
            self._check(batch)
        except BaseException as error:
            self.failure = error
            raise

    def apply(self) -> None:
        """Make the staged writes visible, all at once."""
        batch, data = self._batch, self._data
        for key in batch.keys:
            data.keys[key.key] = key
        for append in batch.appends:
            data.events.setdefault(append.saga_id, []).extend(append.bodies)
        until = self.now + timedelta(seconds=batch.claim_for)
        for pointer in batch.pointers:
            data.outbox.setdefault(pointer, Claim(batch.owner or NOBODY, until, self.now))
        for pointer in self._acknowledged:
            data.outbox.pop(pointer, None)
        self._apply_held(batch)
        self._apply_dead(batch)
        self._apply_rows(batch)
        data.note(batch.audit, self.now)
        if batch.proof_of_commit:
            data.proofs[batch.owner or NOBODY] = self.now

    async def _reach(self, name: str) -> None:
        await self._point(name)
        if self.doomed:
            raise Unavailable("postgres", "the connection was lost")

    def _ready(self, held: HeldRecord, loaded: Collection[LoadedVersion], overdue: datetime) -> HeldRecord | None:
        if held.definition:
            return held if LoadedVersion(held.definition, held.definition_version) in loaded else None
        if any(str(saga_id) == held.target for saga_id in self._data.events):
            return held
        return replace(held, reason="unknown-saga") if held.held_at is not None and held.held_at <= overdue else None

    def _check(self, batch: Batch) -> None:
        taken = [row.key for row in batch.keys if row.key in self._data.keys]
        for row in batch.keys:
            self._locks.take(("key", row.key), self)
        if taken or len({row.key for row in batch.keys}) < len(batch.keys):
            raise KeyTaken(f"{len(taken)} key(s) are taken")
        expected = {append.saga_id: append.base for append in batch.appends} | batch.checks
        moved = {saga_id for saga_id, version in expected.items() if self._data.version(saga_id) != version}
        moved |= {append.saga_id for append in batch.appends if not self._locks.free(("saga", append.saga_id), self)}
        if moved:
            raise WrongExpectedVersion(moved)
        for saga_id in {append.saga_id for append in batch.appends} | {row.saga_id for row in batch.rows}:
            self._locks.take(("saga", saga_id), self)
        self._batch = batch
        self._stage_what_never_waits(batch)

    def _stage_what_never_waits(self, batch: Batch) -> None:
        """What somebody has locked is left for another time: SKIP LOCKED."""
        for pointer in batch.acknowledged:
            if self._locks.free(("pointer", pointer), self):
                self._locks.take(("pointer", pointer), self)
                self._acknowledged.append(pointer)
        for mend in batch.mends:
            row = self._data.rows.get(mend.saga_id)
            if row is not None and row.version == mend.version and self._locks.free(("saga", mend.saga_id), self):
                self._locks.take(("saga", mend.saga_id), self)
                self._mends.append(mend)
        for saga_id, reason in batch.quarantined:
            if self._locks.free(("saga", saga_id), self):
                self._quarantined.append((saga_id, reason))

    def _apply_dead(self, batch: Batch) -> None:
        for letter in batch.dead:
            if self._locks.free(("dead", key_of(letter)), self):
                bury(self._data.dead, letter, self.now)
        for settled in batch.settled:
            settle(self._data.dead, settled, batch.act, self.now)

    def _apply_held(self, batch: Batch) -> None:
        data = self._data
        released = {key_of(held) for held in batch.released}
        holding: dict[RecordKey, HeldRecord] = {}
        for held in batch.held:
            holding[key_of(held)] = replace(held, target=plain(held.target), reason=plain(held.reason), held_at=self.now)
        for key, held in holding.items():
            before = data.held.get(key)
            if before is None:
                data.held[key] = held
            elif key in released:
                data.held[key] = replace(held, held_at=before.held_at)
        for key in released - holding.keys():
            data.held.pop(key, None)

    def _apply_rows(self, batch: Batch) -> None:
        data = self._data
        for row in batch.rows:
            before = data.rows.get(row.saga_id)
            if before is not None and before.version >= row.version:
                continue
            dues = [due for due in (row.due_at, before.due_at if before else None) if due is not None]
            data.rows[row.saga_id] = replace(row, due_at=None if row.ended or not dues else min(dues))
            data.quarantined.pop(row.saga_id, None)
        for saga_id, reason in self._quarantined:
            if saga_id in data.rows:
                data.quarantined[saga_id] = reason
        for mend in self._mends:
            data.rows[mend.saga_id] = replace(data.rows[mend.saga_id], due_at=mend.due_at)
