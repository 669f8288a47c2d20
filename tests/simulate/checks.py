"""The invariants, on what is stored, what was sent and what the participants' own books hold; nothing is taken from the coordinator's word."""

from collections.abc import Iterable, Iterator
from uuid import UUID

from saga.core import events as e
from saga.core.evolve import evolve, fold
from saga.core.identity import DO, command_id
from saga.core.project import row_of, status_of
from saga.core.state import State, Step, Undo
from saga.core.upcast import decode
from saga.definition.graph import Definition, StepKind
from saga.ports.streams import SagaKey
from saga.testing.store import MemoryStore
from tests.explore.rules import _RULES, Broken
from tests.simulate.participants import Participants
from tests.unit.core_model import SUCCEEDED, Book
from tests.unit.shop import FULFIL_ORDER

RESTING = ("completed", "compensated", "cancelled", "parked")
DEFINITION: Definition = FULFIL_ORDER.compile()


def violations(store: MemoryStore, participants: Participants, orders: Iterable[str]) -> Iterator[str]:
    """Everything that is wrong, a line each, with the invariant."""
    data = store.data
    if data.outbox:
        yield f"I19 {len(data.outbox)} pointers wait although all is at rest"
    if data.held:
        yield f"I10 {len(data.held)} records are held although all is at rest"
    yield from (f"I10 dead letter {row.letter.reason} {row.letter.detail}" for row in data.dead.values())
    yield from (f"I4 command {one} was sent with {len(bodies)} bodies" for one, bodies in participants.bodies.items() if len(bodies) > 1)
    found = {}
    for order in orders:
        row = data.keys.get(SagaKey("default", DEFINITION.name, order))
        if row is None:
            yield f"I13 order {order} was placed and has no saga"
        else:
            found[order] = row.saga_id
    if len(data.events) != len(found):
        yield f"I13 {len(found)} orders have {len(data.events)} sagas"
    known: set[str] = set()
    for order, saga_id in found.items():
        yield from (f"{fault} (order {order})" for fault in _of_saga(store, saga_id, participants.books, known))
    for do, book in participants.books.items():
        if book.done > 1 or book.undone > book.done:
            yield f"I3 the do {do} has {book.done} effects and {book.undone} undos"
        if do not in known and book.done != book.undone:
            yield f"I4 the do {do} has an effect and stands in no stream"


def _of_saga(store: MemoryStore, saga_id: UUID, books: dict[str, Book], known: set[str]) -> Iterator[str]:
    events = [decode(body) for body in store.data.events[saga_id]]
    state = fold(events)
    known.update(one for one, ref in state.commands.items() if not ref.undo)
    yield from _rules(events)
    row, whole = store.data.rows[saga_id], row_of(saga_id, state)
    if (row.version, row.status, row.ended) != (whole.version, whole.status, whole.ended):
        yield f"I8 the row says {row.version} {row.status}, the events say {whole.version} {whole.status}"
    if whole.due_at is not None and (row.due_at is None or row.due_at > whole.due_at):
        yield f"I8 the row is due {row.due_at}, the fold {whole.due_at}"
    if status_of(state) not in RESTING:
        yield f"I2 it is {status_of(state)} although all is at rest: {whole.waits_for}"
    if state.ended:
        yield from _ledger(state, books)


def _rules(events: Iterable[e.Event]) -> Iterator[str]:
    state = State()
    for event in events:
        for rule in _RULES:
            try:
                rule(DEFINITION, state, event)
            except Broken as broken:
                yield f"I5-I7 {broken.rule}"
        state = evolve(state, event)


def _ledger(state: State, books: dict[str, Book]) -> Iterator[str]:
    for step in state.steps.values():
        book = _book(state, step, books)
        if step.undo is Undo.SKIPPED or step.skipped_by_hand:
            continue
        if state.ended == "completed":
            if (book.done, book.undone) != ((1, 0) if step.happened else (0, 0)):
                yield f"I6 completed, and {step.id.step} has {book}"
        elif DEFINITION.steps[step.id.step].undo is not None or book.status != SUCCEEDED:
            if book.done != book.undone:
                yield f"I6 {state.ended}, and {step.id.step} has {book}"
        elif DEFINITION.steps[step.id.step].kind is not StepKind.COMPENSATABLE:
            yield f"I6 {state.ended}, and {step.id.step} happened"


def _book(state: State, step: Step, books: dict[str, Book]) -> Book:
    generation = step.sending.generation if step.sending else 0
    return books.get(command_id(state.business, step.id.step, step.id.branch, DO, generation), Book())
