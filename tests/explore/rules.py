"""What must hold: for every decision (from the events alone and the fold before them), and in every state of the world.

Written from the design and not from the code: nothing of `compensation` or `forward` is used here.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from saga.core import events as e
from saga.core.decide import decide
from saga.core.evolve import evolve
from saga.core.inputs import UNUSABLE, Decision, Input, ReplyInput
from saga.core.project import status_of
from saga.core.state import Do, State, Step, Undo, next_due
from saga.definition.graph import Definition, StepKind
from saga.messages import Outcome
from saga.testing.scenario import NOON
from tests.unit.core_model import SUCCEEDED, UNKNOWN, WORKING, Asked, Book

if TYPE_CHECKING:
    from tests.explore.world import Node, World


class Broken(Exception):
    """A rule that does not hold; `move` is the last line of the story, if it is not a state of its own."""

    def __init__(self, rule: str, move: str = "") -> None:
        self.rule = rule
        self.move = move
        super().__init__(rule)


@contextmanager
def telling(move: str) -> Iterator[None]:
    """A rule broken in here was broken by this move."""
    try:
        yield
    except Broken as broken:
        raise Broken(broken.rule, move) from broken


def check_decision(definition: Definition, state: State, given: Input, decision: Decision) -> None:
    """Every event fits the fold that it is appended to, and the decision as a whole fits its input."""
    if decision.ignored in UNUSABLE:
        raise Broken(f"an honest reply is called {decision.ignored}")
    if isinstance(given, ReplyInput):
        _check_reply(state, given, decision)
    after = state
    for event in decision.events:
        for rule in _RULES:
            rule(definition, after, event)
        after = evolve(after, event)
    if isinstance(given, ReplyInput):
        _settled_by_its_own_answer(state, after, given)
    if any(step.do is Do.IN_DOUBT for step in after.steps.values()) and after.turned_back is None:
        raise Broken("in doubt, and not turned back")


def check_copy(definition: Definition, state: State, given: ReplyInput) -> None:
    """K1: the same reply again changes nothing."""
    if decide(definition, state, given, NOON).events:
        raise Broken(f"a copy of a reply was decided on: {given.outcome} of {state.commands[given.command_id]}")


def check_fold(definition: Definition, state: State) -> None:
    """I2: a saga that neither ended nor parked waits for something that will happen."""
    if status_of(state) in ("running", "compensating") and next_due(state) is None:
        raise Broken("not ended, not parked, and nothing is awaited")
    if state.life.status != status_of(state):
        raise Broken(f"the saga is {status_of(state)}, and the last that was told of its life is {state.life.status}")
    if state.ended:
        for name in definition.steps:
            step = state.step(name)
            if step is not None and (step.awaits_do or (state.turned_back is not None and _undo_pending(definition, step))):
                raise Broken(f"{state.ended}, and {name} is not settled")


def check_effect(world: "World", node: "Node", asked: Asked, before: Book, after: Book) -> None:
    """I5 on what really happens: no do after the undo of what it depends on, and only after what it depends on."""
    if after.done == before.done or world.shape.budget.weak:
        return
    ref = world.folds[node.saga].commands[asked.command_id]
    for name in _ancestors(world.definition, ref.of.step):
        book = _book_of(world, node, name)
        if book is not None and (book.undone or not book.done):
            raise Broken(f"the do of {ref.of.step} happened although {name} is {book.status}")


def check_world(world: "World", node: "Node") -> None:
    """I3, I6 and I7 on what really happened, and no do in flight that could still happen once a saga is compensated."""
    if any(book.undone > book.done or book.done > 1 for book in (world.books[number] for number in node.books)):
        raise Broken("an effect happened twice, or was undone without having happened")
    state = world.folds[node.saga]
    if state.ended == "completed":
        _completed(world, node, state)
    elif state.ended and not world.shape.budget.weak and not is_balanced(world, node):
        raise Broken(f"{state.ended}, and an effect stays or may still come")
    pivot = world.definition.pivot
    if pivot and not world.shape.budget.weak and _done(world, node, pivot) and any(world.books[number].undone for number in node.books):
        raise Broken("the pivot happened, and something was undone")


def is_good(world: "World", node: "Node") -> bool:
    """Where a story may stop: parked, paused by a person, completed, or undone with nothing left over."""
    state = world.folds[node.saga]
    return status_of(state) in ("parked", "paused") or state.ended == "completed" or (bool(state.ended) and is_balanced(world, node))


def is_balanced(world: "World", node: "Node") -> bool:
    """Whether everything that happened was undone and no copy in flight can happen any more; what a person skipped is excepted."""
    state = world.folds[node.saga]
    for name, definition_node in world.definition.steps.items():
        step = state.step(name)
        if step is None or step.sending is None or step.undo is Undo.SKIPPED:
            continue
        book = world.books[node.books[world.slots[step.sending.command_id]]]
        if book.status == SUCCEEDED and definition_node.undo is None and definition_node.kind is StepKind.COMPENSATABLE:
            continue
        if book.done != book.undone or (book.status in (UNKNOWN, WORKING) and _in_flight(world, node, step.sending.command_id)):
            return False
    return True


def _completed(world: "World", node: "Node", state: State) -> None:
    for step in state.steps.values():
        if step.do is Do.SKIPPED:
            continue
        book = _book_of(world, node, step.id.step)
        if step.do is not Do.SUCCEEDED or book is None or (book.done, book.undone) != (1, 0):
            raise Broken(f"completed, and {step.id.step} is {step.do}, in truth {book}")


def _in_flight(world: "World", node: "Node", command_id: str) -> bool:
    return any(
        node.net >> bit & 1 and isinstance(message, Asked) and message.command_id == command_id
        for bit, message in enumerate(world.messages)
    )


def _book_of(world: "World", node: "Node", name: str) -> Book | None:
    step = world.folds[node.saga].step(name)
    return None if step is None or step.sending is None else world.books[node.books[world.slots[step.sending.command_id]]]


def _done(world: "World", node: "Node", name: str) -> bool:
    book = _book_of(world, node, name)
    return book is not None and book.done > 0


def _check_reply(state: State, given: ReplyInput, decision: Decision) -> None:
    ref = state.commands[given.command_id]
    step = state.steps[ref.of]
    sending = step.undo_sending if ref.undo else step.sending
    bound = given.outcome in (Outcome.FAILED, Outcome.IN_PROGRESS)
    if bound and decision.events and (sending is None or (sending.command_id, sending.attempt) != (given.command_id, given.attempt)):
        raise Broken("failed or in-progress counted for an attempt that does not run")


def _settled_by_its_own_answer(before: State, after: State, given: ReplyInput) -> None:
    ref = before.commands[given.command_id]
    for of, step in before.steps.items():
        now = after.steps[of]
        opened = step.undo in (None, Undo.NOTHING) and now.undo in (Undo.ISSUED, Undo.PARKED)
        changed = now.undo is not step.undo and not opened
        if step.fence and step.kind == "pivot" and now.undo in (Undo.FENCED, Undo.PARKED) and now.do is Do.SUCCEEDED and ref.of == of:
            continue  # the pivot's own success answers what its fence asks
        given_up = step.awaits_undo and not step.fence and now.do not in (Do.SUCCEEDED, Do.IN_DOUBT)
        if (changed or given_up) and not (ref.undo and ref.of == of):
            raise Broken(f"the undo of {of.step} was settled by an answer to something else")


def _issued_in_order(definition: Definition, state: State, event: e.Event) -> None:
    if not isinstance(event, e.StepIssued | e.StepResent):
        return
    if state.turned_back is not None or state.ended:
        raise Broken(f"the do of {event.step} is sent after the saga turned back or ended")
    for name in definition.steps[event.step].after:
        step = state.step(name)
        if step is None or step.do not in (Do.SUCCEEDED, Do.SKIPPED):
            raise Broken(f"{event.step} is issued before {name} succeeded")


def _undone_in_order(definition: Definition, state: State, event: e.Event) -> None:
    if not isinstance(event, e.UndoIssued | e.UndoResent) or _fences_the_pivot(definition, state, event):
        return
    if state.turned_back is None or state.ended:
        raise Broken(f"an undo of {event.step} is sent in a saga that did not turn back, or ended")
    if any(step.awaits_do for step in state.steps.values()):
        raise Broken(f"the undo of {event.step} is sent while a do is awaited")
    pivot = state.step(definition.pivot) if definition.pivot else None
    if isinstance(event, e.UndoIssued) and pivot is not None and pivot.do is Do.SUCCEEDED and pivot.undo not in (Undo.SKIPPED, Undo.UNDONE):
        raise Broken(f"an undo of {event.step} is issued after the pivot succeeded")
    if isinstance(event, e.UndoIssued) and event.generation == 0:
        for name in _descendants(definition, event.step):
            step = state.step(name)
            if step is not None and _undo_pending(definition, step):
                raise Broken(f"the undo of {event.step} is issued before that of {name} is settled")


def _fences_the_pivot(definition: Definition, state: State, event: e.UndoIssued | e.UndoResent) -> bool:
    """A fence of the pivot is asked for by a person, and goes out before the saga turns back; once out, it is sent until answered."""
    step = state.step(event.step)
    if definition.steps[event.step].kind is not StepKind.PIVOT or step is None or state.ended:
        return False
    if isinstance(event, e.UndoResent):
        return step.fence and step.awaits_undo
    return event.kind == "fence" and bool(event.actor) and step.awaits_do and state.turned_back is None


def _paused_sends_nothing(_: Definition, state: State, event: e.Event) -> None:
    if state.paused is not None and isinstance(event, e.StepIssued | e.StepResent | e.UndoIssued | e.UndoResent):
        raise Broken(f"{type(event).__name__} of {event.step} in a saga that is paused")


def _never_undone(definition: Definition, state: State, event: e.Event) -> None:
    if isinstance(event, e.UndoIssued) and _fences_the_pivot(definition, state, event):
        return
    if isinstance(event, e.StepDoubted | e.UndoIssued) and definition.steps[event.step].kind is not StepKind.COMPENSATABLE:
        raise Broken(f"{event.step} is at or after the pivot, and is doubted or undone")


def _ends_once(_: Definition, state: State, event: e.Event) -> None:
    if state.ended and not isinstance(event, e.StepSucceeded | e.SagaReopened):
        raise Broken(f"{type(event).__name__} in a saga that is {state.ended}")


_RULES = (_issued_in_order, _undone_in_order, _paused_sends_nothing, _never_undone, _ends_once)


def _undo_pending(definition: Definition, step: Step) -> bool:
    undoable = definition.steps[step.id.step].undo is not None
    if step.undo in (Undo.ISSUED, Undo.RETRYING, Undo.PARKED):
        return True
    if step.undo is Undo.NOTHING:
        return undoable and step.happened
    return step.undo is None and (step.do is Do.IN_DOUBT or (step.do is Do.SUCCEEDED and undoable)) and _may_be_undone(definition, step)


def _may_be_undone(definition: Definition, step: Step) -> bool:
    return definition.steps[step.id.step].kind is StepKind.COMPENSATABLE


def _ancestors(definition: Definition, name: str) -> Iterable[str]:
    for before in definition.steps[name].after:
        yield before
        yield from _ancestors(definition, before)


def _descendants(definition: Definition, name: str) -> Iterable[str]:
    for after in definition.steps.values():
        if name in after.after:
            yield after.name
            yield from _descendants(definition, after.name)
