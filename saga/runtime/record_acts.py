"""What people ask of and do to kept records: dead letters are redriven or discarded, held records are tried now.

One record is named by its id. Many are named by a filter, in two steps (hazard A6): a dry run says how many there are and gives a word to
confirm with, which is good for this filter, this person and this number for ten minutes; then they are tried by topic, partition and
offset, in transactions of a hundred, at most a thousand a call.

Why the word is a plain digest and no signature: whoever may redrive may also ask for the word. It guards against haste and against a
number that is not what was looked at, not against malice.

Why several transactions: a hundred records hold up the records of this replica for some ten milliseconds. If the process dies on the way,
what was committed is settled, and the same filter finds the rest.
"""

import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import orjson

from saga.errors import ActRefused
from saga.ports.records import ALL_RECORDS, Counted, DeadRow, HeldRow, RecordAct, RecordFilter
from saga.ports.streams import Store
from saga.runtime.heartbeat import learn
from saga.runtime.intake import Intake
from saga.runtime.kept import CUT_OFF, UNTOUCHED, Asked, Discard, HeldNow, Redrive
from saga.runtime.record_operations import LetterAct, LetterResult, RecordsAct, RecordsResult
from saga.runtime.routing import Router

AT_ONCE = 100
MOST = 1_000
CONFIRM_WITHIN = timedelta(minutes=10)


class RecordActs:
    """The acts on kept records, over the store and the intake."""

    def __init__(self, store: Store, intake: Intake, router: Router) -> None:
        self._store = store
        self._intake = intake
        self._router = router

    async def dead_letters(
        self, tenant: str | None, limit: int, after: str | None, wanted: RecordFilter = ALL_RECORDS
    ) -> Sequence[DeadRow]:
        """A page of dead letters, newest first."""
        return await self._store.dead_letters(tenant, limit, after, wanted)

    async def dead_letter(self, tenant: str, letter: str) -> DeadRow:
        """One with its bytes."""
        row = await self._store.dead_letter(tenant, letter)
        if row is None:
            raise LookupError("no dead letter has this id")
        return row

    async def redrive(self, tenant: str, act: LetterAct) -> LetterResult:
        """Try one again."""
        await learn(self._store, self._router, alive=False)
        return await self._one(tenant, act, Redrive(self._router, _only(tenant, act, "redrive")))

    async def discard(self, tenant: str, act: LetterAct) -> LetterResult:
        """Set one aside."""
        return await self._one(tenant, act, Discard(_only(tenant, act, "discard")))

    async def redrive_many(self, tenant: str, act: RecordsAct) -> RecordsResult:
        """Count, or try again, the open ones that a filter finds."""
        return await self._many(tenant, act, "redrive", self._store.count_dead, lambda asked: Redrive(self._router, asked))

    async def held_records(self, tenant: str, limit: int, wanted: RecordFilter = ALL_RECORDS) -> Sequence[HeldRow]:
        """A page of held records."""
        return await self._store.held_records(tenant, limit, wanted)

    async def retry_held(self, tenant: str, act: RecordsAct) -> RecordsResult:
        """Count, or try now, the held records that a filter finds."""
        return await self._many(tenant, act, "retry-held", self._store.count_held, lambda asked: HeldNow(self._router, asked))

    async def _one(self, tenant: str, act: LetterAct, source: Redrive | Discard) -> LetterResult:
        await self._intake.kept(source)
        if not source.done:
            row = await self.dead_letter(tenant, act.letter)
            if row.redrive_id != act.input_id:
                raise ActRefused("already-settled", f"somebody was first: {row.outcome or 'it was tried again'}")
            return LetterResult(row.id, row.outcome, row.outcome_detail)
        (done,) = source.done
        if done.outcome in UNTOUCHED:
            raise ActRefused(done.outcome, _WHY_NOT[done.outcome])
        return LetterResult(done.id, done.outcome, done.detail, done.reason)

    async def _many(self, tenant: str, act: RecordsAct, verb: str, count: "Count", source: "MakeSource") -> RecordsResult:
        found = await count(tenant, act.wanted)
        if not act.confirm:
            until = (found.now + CONFIRM_WITHIN).replace(microsecond=0)
            return RecordsResult(done=False, count=found.number, confirm=_word(tenant, act, verb, found.number, until), expires_at=until)
        _check(tenant, act, verb, found)
        await learn(self._store, self._router, alive=False)
        said = RecordAct(verb, act.actor, act.reason, act.input_id)
        outcomes: Counter[str] = Counter()
        wanted = act.wanted
        while outcomes.total() < MOST:
            one = source(Asked(said, tenant, wanted, min(AT_ONCE, MOST - outcomes.total())))
            await self._intake.kept(one)
            if not one.done:
                break
            outcomes.update(done.outcome for done in one.done)
            wanted = replace(wanted, after=one.done[-1].place)
        left = (await count(tenant, wanted)).number
        return RecordsResult(done=True, count=found.number, outcomes=dict(outcomes), left=left, after=(wanted.after or "") if left else "")


Count = Callable[[str, RecordFilter], Awaitable[Counted]]
MakeSource = Callable[[Asked], Redrive | HeldNow]

_WHY_NOT = {
    CUT_OFF: "only a part of the record was kept, so it cannot be tried again: send it anew, or discard it",
    "not-addressed": "no definition listens to the record, so nothing would become of it: load the definition, or discard it",
}


def _only(tenant: str, act: LetterAct, verb: str) -> Asked:
    return Asked(RecordAct(verb, act.actor, act.reason, act.input_id), tenant, RecordFilter(ids=(act.letter,)), 1)


def _word(tenant: str, act: RecordsAct, verb: str, count: int, until: datetime) -> str:
    said = orjson.dumps([verb, tenant, act.actor, asdict(act.wanted), count, until.isoformat()])
    return f"{int(until.timestamp()):x}-{hashlib.sha256(said).hexdigest()[:32]}"


def _check(tenant: str, act: RecordsAct, verb: str, found: Counted) -> None:
    stamp = act.confirm.partition("-")[0]
    try:
        until = datetime.fromtimestamp(int(stamp, 16), UTC)
    except (ValueError, OverflowError, OSError):
        raise ActRefused("confirm-differs", "this is no word of a dry run") from None
    if not found.now < until <= found.now + CONFIRM_WITHIN:
        raise ActRefused("confirm-expired", "the dry run is older than ten minutes: make another one")
    if act.confirm != _word(tenant, act, verb, found.number, until):
        raise ActRefused(
            "confirm-differs", f"the dry run was of another filter, person or number; now there are {found.number}: look again"
        )
