"""Defects that are planted on purpose: the simulation must find each, or its checks are decoration.

`with PLANTED["tombstone missing"].apply(): ...` swaps a defect in and takes it out again. Nothing in the product knows of them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from saga.core import decide
from saga.core.inputs import Decision, Ignored
from saga.messages import Outcome
from saga.runtime import plan, relay, supervisor
from saga.testing import store_transaction
from saga.testing.bus import MemoryConsumer
from tests.simulate import participants
from tests.unit.core_model import SUCCEEDED, UNKNOWN, Asked, Book
from tests.unit.core_model import handle as honest


@dataclass(frozen=True, slots=True)
class Planted:
    """A defect, what it would do to somebody, and the rung that must find it."""

    name: str
    story: str
    rung: str
    apply: Callable[[], AbstractContextManager[None]]


def _swap(place: Any, name: str, other: Callable[..., Any]) -> Callable[[], AbstractContextManager[None]]:
    @contextmanager
    def swapped() -> Iterator[None]:
        before = getattr(place, name)
        setattr(place, name, other)
        try:
            yield
        finally:
            setattr(place, name, before)

    return swapped


_handle = supervisor.Supervisor._handle
_check = store_transaction.MemoryTransaction._check
_apply_rows = store_transaction.MemoryTransaction._apply_rows
_finish = plan.Plan.finish
_take_unsent = relay.Relay._take
_decide = decide.decide


async def _offset_first(self: supervisor.Supervisor, consumer: MemoryConsumer, records: Sequence[Any]) -> None:
    if records:
        await consumer.commit({supervisor.TopicPartition(record.topic, record.partition): record.offset + 1 for record in records})
    await _handle(self, consumer, records)


async def _batch_dropped(self: supervisor.Supervisor, consumer: MemoryConsumer, records: Sequence[Any]) -> None:
    try:
        await _handle(self, consumer, records)
    except supervisor.SagaError:
        await consumer.commit({supervisor.TopicPartition(record.topic, record.partition): record.offset + 1 for record in records})


def _without_version(self: Any, batch: Any) -> None:
    expected = {append.saga_id: self._data.version(append.saga_id) for append in batch.appends}
    batch.appends = [replace(append, base=expected[append.saga_id]) for append in batch.appends]
    _check(self, batch)


def _without_checks(self: Any, batch: Any) -> None:
    batch.checks.clear()
    _check(self, batch)


def _partial(self: Any, batch: Any) -> None:
    stale = {append.saga_id for append in batch.appends if self._data.version(append.saga_id) != append.base}
    batch.appends = [append for append in batch.appends if append.saga_id not in stale]
    batch.checks = {}
    _check(self, batch)


def _no_pointers(self: Any) -> Any:
    yield from _finish(self)
    self.batch.pointers = []


def _acknowledged_unsent(self: Any) -> Any:
    taken = _take_unsent(self)
    self._acknowledged.update(out.pointer for out in taken)
    return taken


def _row_forgets_due(self: Any, batch: Any) -> None:
    batch.rows = [replace(row, due_at=None) for row in batch.rows]
    _apply_rows(self, batch)


def _latest_due(self: Any, batch: Any) -> None:
    _apply_rows(self, batch)
    for row in batch.rows:
        due = self._data.rows[row.saga_id].due_at
        if due is not None and self._data.rows[row.saga_id].version == row.version:
            self._data.rows[row.saga_id] = replace(row, due_at=due + store_transaction.timedelta(hours=7))


def _handles(change: Callable[[Book, Asked, str], tuple[Book, Outcome] | None]) -> Callable[..., tuple[Book, Outcome]]:
    def handle(book: Book, asked: Asked, choice: str) -> tuple[Book, Outcome]:
        return change(book, asked, choice) or honest(book, asked, choice)

    return handle


def _no_tombstone(book: Book, asked: Asked, _choice: str) -> tuple[Book, Outcome] | None:
    return (book, Outcome.NOTHING_TO_UNDO) if asked.undoes and book.status == UNKNOWN else None


def _no_dedupe(book: Book, asked: Asked, _choice: str) -> tuple[Book, Outcome] | None:
    again = not asked.undoes and book.status == SUCCEEDED
    return (replace(book, done=book.done + 1), Outcome.SUCCEEDED) if again else None


def _deaf_to(outcome: Outcome) -> Callable[..., Decision]:
    def deciding(definition: Any, state: Any, given: Any, now: Any) -> Decision:
        if getattr(given, "outcome", None) is outcome and state.turned_back is not None:
            return Decision((), Ignored.DUPLICATE)
        return _decide(definition, state, given, now)

    return deciding


def _defects() -> Iterator[Planted]:
    transaction, consumer = store_transaction.MemoryTransaction, supervisor.Supervisor
    for name, story, apply in (
        ("offset before commit", "the offset is committed before the batch is", _swap(consumer, "_handle", _offset_first)),
        ("batch given up", "a batch that failed is passed over", _swap(consumer, "_handle", _batch_dropped)),
        ("expected version ignored", "an append goes behind whatever is there", _swap(transaction, "_check", _without_version)),
        (
            "empty decision on a stale fold",
            "what is decided to change nothing is not checked",
            _swap(transaction, "_check", _without_checks),
        ),
        ("partial append", "rows that conflict are left out, the rest goes in", _swap(transaction, "_check", _partial)),
        ("no outbox pointer", "a command is known to memory alone", _swap(plan.Plan, "finish", _no_pointers)),
        ("pointer deleted early", "a pointer goes before its acknowledgement", _swap(relay.Relay, "_take", _acknowledged_unsent)),
        ("row forgets its deadline", "the row of a saga has no due time", _swap(transaction, "_apply_rows", _row_forgets_due)),
        ("row is due too late", "the row of a saga is due hours after its fold", _swap(transaction, "_apply_rows", _latest_due)),
        ("tombstone missing", "a participant forgets an undo that came first", _swap(participants, "handle", _handles(_no_tombstone))),
        ("participant without dedupe", "a participant does a repeated do again", _swap(participants, "handle", _handles(_no_dedupe))),
        ("late success dropped", "a success after turning back is ignored", _swap(plan, "decide", _deaf_to(Outcome.SUCCEEDED))),
    ):
        yield Planted(name, story, "simulate", apply)


PLANTED: Mapping[str, Planted] = {planted.name: planted for planted in _defects()}
