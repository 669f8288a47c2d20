"""Intake: the one transaction a batch (design section 7), repeated until its outcome is known.

    lock ─> begin: now, timeline ─> keys, folds ─> decide in order ─> write ─> COMMIT ─> cache ─> relay ─> (the caller) offsets
              ^                                                         │
              └── conflict: forget those folds, decide again; after two, those sagas go alone
              └── unknown commit: forget the batch's folds, decide again, and write something whose commit proves the first

If the process dies before COMMIT, nothing happened and the records come again. If it dies after, the streams and pointers stand; the
records come again and are duplicates; the pointers are sent by whoever claims them.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from time import monotonic
from uuid import UUID, uuid4

from saga.core.inputs import Start
from saga.core.lifecycle import Telling
from saga.core.state import State
from saga.definition.registry import Registry
from saga.errors import Conflict, UnknownOutcome, WrongExpectedVersion
from saga.ports.messaging import InboundRecord
from saga.ports.streams import Batch, KeyRow, LoadedVersion, Pointer, SagaKey, Store, Transaction
from saga.runtime.breath import in_stretches
from saga.runtime.changes import Changes
from saga.runtime.folds import FoldCache, read_folds
from saga.runtime.kept import HeldSweep, Source
from saga.runtime.plan import Outgoing, Plan
from saga.runtime.relay import Relay
from saga.runtime.routing import Router
from saga.runtime.seen import Seen
from saga.runtime.work import Work

TOGETHER = 2
ALONE = 5


@dataclass(frozen=True, slots=True)
class IntakeParts:
    """What intake is made of. `cache` and `relay` belong to this replica alone."""

    store: Store
    registry: Registry
    router: Router
    cache: FoldCache
    relay: Relay
    seen: Seen
    claim_for: float
    telling: Telling = field(default_factory=Telling)
    changes: Changes = field(default_factory=Changes)


class Intake:
    """Turns inputs into committed events. One batch of a replica at a time; other replicas are fenced by the database."""

    def __init__(self, parts: IntakeParts) -> None:
        self._parts = parts
        self._lock = asyncio.Lock()
        self._timeline = ""
        self._prove = False

    @property
    def loaded(self) -> tuple[LoadedVersion, ...]:
        """The definition versions that this replica can decide."""
        return tuple(LoadedVersion(name, version) for name, version in self._parts.registry.loaded)

    async def records(self, records: Sequence[InboundRecord]) -> None:
        """Handle records. When this returns they are all in the database and their offsets may be committed (invariant I11).

        Raises Unavailable when the database is away; nothing is lost, the caller reads the records again.
        """
        works: list[Work] = []
        async for record in in_stretches(records):
            routed = self._parts.router.route(record)
            works.extend(routed.works)
            self._parts.seen.ignored_records(routed.ignored)
        await self.inputs(works)

    async def inputs(self, works: Sequence[Work]) -> None:
        """Handle inputs until each has its result. Raises Unavailable, Conflict when a saga could not be won in time."""
        if not works:
            return
        async with self._lock:
            crowded = await self._together(works)
            for saga_works in _by_saga(crowded):
                await self._alone(saga_works)

    async def held(self, limit: int) -> int:
        """Try held records again whose version is loaded, whose saga has appeared, or whose time is over; how many were let go of. Those
        that are held again do not count: else whoever asks until there are few would never stop."""
        sweep = HeldSweep(self._parts.router, self.loaded, limit)
        async with self._lock:
            try:
                await self._transaction((), sweep)
                return sweep.let_go
            except Conflict:
                self._parts.seen.conflict()
            except UnknownOutcome:
                self._doubt_commit()
            return 0

    async def kept(self, source: Source) -> None:
        """Handle what a person asked to be done with kept records; the source knows what came of it.

        Raises Unavailable, Conflict, and UnknownOutcome: whoever asked asks again, and what was settled is found so.
        """
        async with self._lock:
            for attempt in range(1, ALONE + 1):
                try:
                    await self._transaction((), source)
                except UnknownOutcome:
                    self._doubt_commit()
                    raise
                except Conflict:
                    self._parts.seen.conflict()
                    if attempt == ALONE:
                        raise
                    await asyncio.sleep(_apart(attempt))
                else:
                    return

    def forget(self) -> None:
        """Drop all folds: partitions were revoked."""
        self._parts.cache.clear()

    async def _together(self, works: Sequence[Work]) -> Sequence[Work]:
        """Handle the batch as one; returns the works of sagas that conflicted twice, to be handled alone."""
        conflicts: Counter[UUID] = Counter()
        for _ in range(TOGETHER + 1):
            try:
                await self._settle_commit(works)
            except WrongExpectedVersion as conflict:
                conflicts.update(conflict.sagas)
                self._parts.seen.conflict()
                if not conflict.sagas:
                    continue
                crowded = {saga_id for saga_id, count in conflicts.items() if count >= TOGETHER}
                if crowded:
                    aside = [work for work in works if work.saga_id in crowded]
                    works = [work for work in works if work.saga_id not in crowded]
                    return [*aside, *(await self._together(works))] if works else aside
            except Conflict:
                self._parts.seen.conflict()
            else:
                return ()
        return works

    async def _alone(self, works: Sequence[Work]) -> None:
        for attempt in range(1, ALONE + 1):
            try:
                await self._settle_commit(works)
            except Conflict:
                if attempt == ALONE:
                    raise
                self._parts.seen.conflict()
                await asyncio.sleep(_apart(attempt))
            else:
                return

    async def _settle_commit(self, works: Sequence[Work]) -> None:
        """One transaction; when its outcome is not known, decide again from the streams until it is."""
        while True:
            try:
                await self._transaction(works)
            except UnknownOutcome:
                self._doubt_commit()
                await asyncio.sleep(0.05)
            else:
                return

    def _doubt_commit(self) -> None:
        self._prove = True
        self._parts.cache.clear()
        self._parts.seen.unknown_commit()

    async def _transaction(self, works: Sequence[Work], source: Source | None = None) -> None:
        parts = self._parts
        began = monotonic()
        try:
            async with parts.store.transaction() as tx:
                self._same_timeline(tx)
                works = [*works, *(await source.take(tx))] if source else works
                plan, outgoing = await self._decide(tx, works)
                acknowledged = self._complete(plan.batch, source)
                if _writes(plan.batch):
                    await tx.write(plan.batch)
        except WrongExpectedVersion as conflict:
            parts.cache.drop(conflict.sagas or {work.saga_id for work in works if work.saga_id})
            raise
        self._prove = False
        for saga_id, state in plan.changed().items():
            parts.cache.put(saga_id, state)
        parts.relay.deleted(acknowledged)
        parts.relay.put(outgoing)
        parts.changes.tell(append.saga_id for append in plan.batch.appends)
        parts.seen.batch(len(works), monotonic() - began)
        async for work in in_stretches(works):
            parts.seen.settled(work, plan.now)

    async def _decide(self, tx: Transaction, works: Sequence[Work]) -> tuple[Plan, list[Outgoing]]:
        keys = await self._keys(tx, works)
        folds, broken = await self._folds(tx, {work.saga_id for work in works if work.saga_id and work.given})
        plan = Plan(tx, folds, keys, self._parts.registry.get, self._parts.telling)
        async for work in in_stretches(works):
            if work.given is not None:
                work.result = None
            if work.saga_id in broken:
                self._quarantine(plan, work, broken[work.saga_id])
                continue
            try:
                plan.decide(work)
            except Exception as unexpected:
                self._quarantine(plan, work, unexpected)
        return plan, [out async for out in in_stretches(plan.finish())]

    def _quarantine(self, plan: Plan, work: Work, error: Exception) -> None:
        plan.quarantine(work, error)
        self._parts.seen.quarantined(work, error)

    async def _keys(self, tx: Transaction, works: Sequence[Work]) -> dict[SagaKey, KeyRow]:
        wanted: set[SagaKey] = set()
        for work in works:
            if isinstance(work.given, Start):
                wanted.add(work.key)
                if work.request is not None:
                    wanted.add(work.request)
        return await tx.find_keys(wanted) if wanted else {}

    async def _folds(self, tx: Transaction, sagas: Collection[UUID]) -> tuple[dict[UUID, State], dict[UUID, Exception]]:
        folds = {saga_id: state for saga_id in sagas if (state := self._parts.cache.get(saga_id)) is not None}
        missing = [saga_id for saga_id in sagas if saga_id not in folds]
        if not missing:
            return folds, {}
        self._parts.seen.fold_reloads(len(missing))
        read, broken = await read_folds(tx, missing)
        return folds | read, broken

    def _complete(self, batch: Batch, source: Source | None) -> list[Pointer]:
        batch.owner = self._parts.relay.owner
        batch.claim_for = self._parts.claim_for
        batch.acknowledged = self._parts.relay.acknowledged()
        if source:
            source.complete(batch)
        batch.proof_of_commit = self._prove
        return batch.acknowledged

    def _same_timeline(self, tx: Transaction) -> None:
        if self._timeline and tx.timeline != self._timeline:
            self._parts.cache.clear()
            self._parts.relay.forget_unsent()
            self._parts.seen.timeline_changed(self._timeline, tx.timeline)
        self._timeline = tx.timeline


def _apart(attempt: int) -> float:
    """Seconds, by chance, so that rivals do not meet again."""
    return 0.01 * attempt * (1 + uuid4().int % 100 / 100)


def _writes(batch: Batch) -> bool:
    return bool(
        batch.appends
        or batch.checks
        or batch.keys
        or batch.held
        or batch.released
        or batch.settled
        or batch.dead
        or batch.mends
        or batch.quarantined
        or batch.acknowledged
        or batch.audit
        or batch.proof_of_commit
    )


def _by_saga(works: Sequence[Work]) -> list[list[Work]]:
    groups: dict[object, list[Work]] = {}
    for work in works:
        groups.setdefault(work.saga_id or work.target, []).append(work)
    return list(groups.values())
