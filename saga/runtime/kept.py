"""Kept records as the works of a batch: taken inside its transaction, decided like a new record, settled by the same commit.

    HeldSweep   held records whose time has come (the supervisor's loop)
    HeldNow     held records that a person tries now, whether their time has come or not
    Redrive     open dead letters that a person tries again
    Discard     open dead letters that a person sets aside

If the process dies before the commit, nothing happened and whoever asked asks again. If it dies after, the records are settled; a second
redrive finds them so. A record that is tried again keeps its name, so what it did before is found to be a duplicate.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from saga.ports.access import AuditEntry
from saga.ports.records import DeadRow, HeldRecord, HeldRow, RecordAct, RecordFilter, Settled
from saga.ports.streams import Batch, LoadedVersion, Transaction
from saga.runtime.routing import NOT_ADDRESSED, Router
from saga.runtime.work import Appended, Dead, Held, Nothing, Refused, Routed, Work

CUT_OFF = "cut-off"
DEAD = "dead"
DISCARDED = "discarded"
UNTOUCHED = frozenset({CUT_OFF, NOT_ADDRESSED})  # nothing was tried, so nothing is settled


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asked what to be done with which kept records, at most so many."""

    act: RecordAct
    tenant: str
    wanted: RecordFilter
    limit: int


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one kept record; `reason` is why it is dead again. `place`: where it stands in the order of the log."""

    id: str
    place: str
    outcome: str
    detail: str = ""
    reason: str = ""


def audited(asked: Asked, done: Iterable[tuple[Done, str, str]]) -> list[AuditEntry]:
    """A row of audit for each record: (what became of it, its target, the definition that it waits for). Its id makes it a request of its
    own, so that none of a thousand hides another."""
    return [
        AuditEntry(
            tenant=asked.tenant,
            actor=asked.act.actor,
            act=asked.act.verb,
            outcome=_SAID_OF.get(one.outcome, "unchanged"),
            input_id=f"{asked.act.input_id} {one.id}",
            saga_id=one.detail if one.outcome == "appended" else target if _is_saga(target) else "",
            definition=definition or ("" if _is_saga(target) else target),
            reason=asked.act.reason,
            detail=f"{one.outcome} {one.id}",
        )
        for one, target, definition in done
    ]


_SAID_OF = {"appended": "done", DISCARDED: "done", "held": "held", "refused": "refused", **dict.fromkeys(UNTOUCHED, "refused")}


def _is_saga(target: str) -> bool:
    try:
        UUID(target)
    except ValueError:
        return False
    return True


class Source(Protocol):
    """What brings works into a batch. One transaction after another may ask it, until one is committed."""

    async def take(self, tx: Transaction) -> list[Work]:
        """Lock what is wanted and route it; forgets what an earlier transaction took."""

    def complete(self, batch: Batch) -> None:
        """Everything is decided: add to the batch what becomes of what was taken."""


class HeldSweep:
    """Held records whose version is loaded, whose saga has appeared, or whose time is over."""

    def __init__(self, router: Router, loaded: Collection[LoadedVersion], limit: int) -> None:
        self._router = router
        self._loaded = loaded
        self._limit = limit
        self.taken: list[HeldRecord] = []
        self.let_go = 0

    async def take(self, tx: Transaction) -> list[Work]:
        """Those whose time has come."""
        self.taken = await tx.take_held(self._loaded, self._limit)
        return [work for one in self.taken for work in self._router.route_held(one)]

    def complete(self, batch: Batch) -> None:
        """They are let go of, unless they are held again."""
        batch.released = self.taken
        self.let_go = len(self.taken) - len(batch.held)


class HeldNow:
    """Held records that are tried although their time has not come. One that still has to wait waits on, as long as before."""

    def __init__(self, router: Router, asked: Asked) -> None:
        self._router = router
        self._asked = asked
        self._taken: Sequence[tuple[HeldRow, Routed]] = ()
        self.done: Sequence[Done] = ()

    async def take(self, tx: Transaction) -> list[Work]:
        """Those that the filter finds."""
        rows = await tx.take_held_now(self._asked.tenant, self._asked.wanted, self._asked.limit)
        self._taken = [(row, self._router.route_again(row.held.record, row.held.target)) for row in rows]
        return [work for _, routed in self._taken for work in routed.works]

    def complete(self, batch: Batch) -> None:
        """They are let go of, unless they are held again, or nobody here listens to them."""
        self.done = [Done(row.id, row.place, *outcome_of(routed)) for row, routed in self._taken]
        kept = {one.id for one in self.done if one.outcome in UNTOUCHED}
        batch.released = [row.held for row, _ in self._taken if row.id not in kept]
        waits_for = [(row.held.target, row.held.definition) for row, _ in self._taken]
        batch.audit.extend(audited(self._asked, [(one, *what) for one, what in zip(self.done, waits_for, strict=True)]))


class Redrive:
    """Dead letters that are tried again. A letter is settled when nothing of it is dead any more; else it stays open, and nothing is
    buried a second time."""

    def __init__(self, router: Router, asked: Asked) -> None:
        self._router = router
        self._asked = asked
        self._taken: Sequence[tuple[DeadRow, Routed]] = ()
        self.done: Sequence[Done] = ()

    async def take(self, tx: Transaction) -> list[Work]:
        """Open ones that the filter finds. Of one that was cut off nothing is tried: its bytes are not what was sent."""
        rows = await tx.take_dead(self._asked.tenant, self._asked.wanted, self._asked.limit)
        self._taken = [(row, self._route(row)) for row in rows]
        return [work for _, routed in self._taken for work in routed.works]

    def complete(self, batch: Batch) -> None:
        """What became of each stands on its row."""
        self.done = [Done(row.id, row.place, *outcome_of(routed)) for row, routed in self._taken]
        batch.act, batch.dead = self._asked.act, []
        targets = [row.letter.target for row, _ in self._taken]
        batch.audit.extend(audited(self._asked, [(one, target, "") for one, target in zip(self.done, targets, strict=True)]))
        batch.settled = [
            Settled(one.id, one.outcome, one.detail) if one.outcome != DEAD else Settled(one.id, one.reason, one.detail, still_dead=True)
            for one in self.done
            if one.outcome not in UNTOUCHED
        ]

    def _route(self, row: DeadRow) -> Routed:
        if not row.whole:
            return Routed(ignored=[CUT_OFF])
        return self._router.route_again(row.letter.record, row.letter.target)


class Discard:
    """Dead letters that nobody will try again. They stay where they are, settled."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._taken: Sequence[DeadRow] = ()
        self.done: Sequence[Done] = ()

    async def take(self, tx: Transaction) -> list[Work]:
        """Open ones that the filter finds; nothing is decided."""
        self._taken = await tx.take_dead(self._asked.tenant, self._asked.wanted, self._asked.limit)
        return []

    def complete(self, batch: Batch) -> None:
        """Who set them aside and why stands on their rows."""
        self.done = [Done(row.id, row.place, DISCARDED) for row in self._taken]
        batch.act, batch.settled = self._asked.act, [Settled(one.id, DISCARDED, "") for one in self.done]
        targets = [row.letter.target for row in self._taken]
        batch.audit.extend(audited(self._asked, [(one, target, "") for one, target in zip(self.done, targets, strict=True)]))


def outcome_of(routed: Routed) -> tuple[str, str, str]:
    """What became of one record: outcome, detail, and the reason if it is dead. The first that holds for any of its works."""
    results = [work.result for work in routed.works]
    for result in results:
        if isinstance(result, Dead):
            return DEAD, result.detail, result.reason
    for result in results:
        if isinstance(result, Held):
            return "held", result.reason, ""
    for result in results:
        match result:
            case Appended(saga_id):
                return "appended", str(saga_id), ""
            case Refused(code=code):
                return "refused", code, ""
    for result in results:
        if isinstance(result, Nothing):
            return "ignored", result.why.value, ""
    reason = routed.ignored[0] if routed.ignored else NOT_ADDRESSED
    return (reason, "", "") if reason in UNTOUCHED else ("ignored", reason, "")
