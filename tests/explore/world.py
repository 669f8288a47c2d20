"""A small world around the real core: one saga, its participants' books, and a network that is a set."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import NamedTuple

from saga.core.decide import decide
from saga.core.effects import command_of
from saga.core.evolve import fold
from saga.core.identity import DO, command_id
from saga.core.inputs import Input, ReplyInput, Start, Tick
from saga.core.project import status_of
from saga.core.state import Sending, State, Step
from saga.definition.graph import Definition
from saga.errors import ActRefused
from saga.messages import FAILED_TYPE, IN_PROGRESS_TYPE, NOTHING_TO_UNDO_TYPE, REFUSED_TYPE, UNDONE_TYPE, Outcome
from saga.testing.scenario import NOON
from tests.explore import people, rules
from tests.unit.core_model import Asked, Book, choices, forget, handle
from tests.unit.core_shapes import Done, Placed

FAR = NOON + timedelta(hours=1)
LONG_AGO = NOON - timedelta(minutes=16)
GENERAL = {Outcome.REFUSED: REFUSED_TYPE, Outcome.FAILED: FAILED_TYPE, Outcome.IN_PROGRESS: IN_PROGRESS_TYPE}
GENERAL_UNDO = {**GENERAL, Outcome.SUCCEEDED: UNDONE_TYPE, Outcome.NOTHING_TO_UNDO: NOTHING_TO_UNDO_TYPE}


@dataclass(frozen=True, slots=True)
class Budget:
    """How often each of these may happen in one story. `weak`: a participant loses what it must remember. Resuming is free."""

    cancel: int = 1
    hand: int = 0
    pause: int = 0
    weak: int = 0
    loss: int = 0


class Said(NamedTuple):
    """A reply in the network."""

    command_id: str
    outcome: Outcome
    attempt: int


class Node(NamedTuple):
    """A state of the world. Folds, books and messages are numbers; the network is a set of bits."""

    saga: int
    books: tuple[int, ...]
    net: int
    budget: Budget


@dataclass(frozen=True, slots=True)
class Shape:
    """What is explored: a definition, how often things may go wrong, what participants may choose, and when resending stops."""

    definition: Definition
    budget: Budget = Budget()
    choices: frozenset[str] = frozenset(("succeed", "refuse", "undo"))
    last_attempt: int = 3


class World:
    """The moves of a shape. Decisions are taken once for each fold and input."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.definition = shape.definition
        self.folds: list[State] = []
        self.books: list[Book] = [Book()]
        self._fold_numbers: dict[object, int] = {}
        self._book_numbers: dict[Book, int] = {Book(): 0}
        self.messages: list[Asked | Said] = []
        self._bits: dict[Asked | Said, int] = {}
        self.slots = {do: slot for slot, do in enumerate(self._do_ids())}
        self._told: dict[tuple[int, int], tuple[int, int]] = {}
        self._asked: dict[tuple[int, int], tuple[tuple[str, int, int], ...]] = {}
        self._inner: dict[int, tuple[tuple[str, int, int, str], ...]] = {}

    def first(self) -> Node:
        """Just started."""
        start = Start(tenant="t", key="1042", partition_key="1042", input_id="i", body=Placed().body(), body_hash="h")
        saga, sent = self.decide(State(), start)
        return Node(saga, (0,) * len(self.slots), sent, self.shape.budget)

    def moves(self, node: Node) -> Iterator[tuple[str, Node]]:
        """Everything that can happen next and changes something."""
        net = node.net
        while net:
            low = net & -net
            net ^= low
            bit = low.bit_length() - 1
            if isinstance(self.messages[bit], Said):
                saga, sent = self.told(node.saga, bit)
                if saga != node.saga:
                    yield f"reply {bit}", Node(saga, node.books, node.net | sent, node.budget)
            else:
                yield from self._deliver(node, bit)
        yield from self._inner_moves(node)
        yield from people.answers(self, node)
        yield from self._faults(node)

    def told(self, saga: int, bit: int) -> tuple[int, int]:
        """The fold after a reply, and what it sends."""
        known = self._told.get((saga, bit))
        if known is None:
            said = self.messages[bit]
            assert isinstance(said, Said)
            given = _reply(self.folds[saga], said)
            with rules.telling(f"reply {bit}"):
                known = self._told[saga, bit] = self.decide(self.folds[saga], given)
                rules.check_copy(self.definition, self.folds[known[0]], given)
        return known

    def say(self, label: str) -> str:
        """A move in words."""
        kind, _, rest = label.partition(" ")
        if kind not in ("reply", "command"):
            return label
        bit, _, choice = rest.partition(" ")
        message = self.messages[int(bit)]
        ref = next(state.commands[message.command_id] for state in self.folds if message.command_id in state.commands)
        said = message.outcome if isinstance(message, Said) else f": {choice}"
        return f"{kind} {'undo' if ref.undo else 'do'} {ref.of.step} g{ref.generation} #{message.attempt} {said}"

    def _deliver(self, node: Node, bit: int) -> Iterator[tuple[str, Node]]:
        asked = self.messages[bit]
        assert isinstance(asked, Asked)
        slot = self.slots[asked.undoes or asked.command_id]
        book = node.books[slot]
        for choice, after, reply in self._answers(book, bit, asked):
            if after != book or not node.net >> reply & 1:
                books = node.books if after == book else (*node.books[:slot], after, *node.books[slot + 1 :])
                rules.check_effect(self, node, asked, self.books[book], self.books[after])
                yield f"command {bit} {choice}", Node(node.saga, books, node.net | 1 << reply, node.budget)

    def _answers(self, book: int, bit: int, asked: Asked) -> tuple[tuple[str, int, int], ...]:
        known = self._asked.get((book, bit))
        if known is None:
            found = []
            for choice in choices(self.books[book], asked):
                if choice in self.shape.choices:
                    after, outcome = handle(self.books[book], asked, choice)
                    found.append((choice, self.book(after), self._bit(Said(asked.command_id, outcome, asked.attempt))))
            known = self._asked[book, bit] = tuple(found)
        return known

    def _inner_moves(self, node: Node) -> Iterator[tuple[str, Node]]:
        for label, saga, sent, cost in self._by_itself(node.saga):
            budget = node.budget
            if cost:
                left = getattr(budget, cost)
                if not left:
                    continue
                budget = replace(budget, **{cost: left - 1})
            yield label, Node(saga, node.books, node.net | sent, budget)

    def _by_itself(self, saga: int) -> tuple[tuple[str, int, int, str], ...]:
        known = self._inner.get(saga)
        if known is None:
            state = self.folds[saga]
            found = []
            for label, moved in self._due(state):
                with rules.telling(label):
                    found.append((label, *self.decide(moved, Tick()), ""))
            for label, act, cost in people.acts(state):
                if not cost or getattr(self.shape.budget, cost):
                    with rules.telling(label), suppress(ActRefused):
                        found.append((label, *self.decide(state, act), cost))
            known = self._inner[saga] = tuple(move for move in found if move[1] != saga)
        return known

    def _due(self, state: State) -> Iterator[tuple[str, State]]:
        """Each deadline as if it alone were due; where people act, an unbounded one also as if its quarter of an hour were over."""
        for of, step in state.steps.items():
            for word, name, sending in (("do", "sending", step.sending), ("undo", "undo_sending", step.undo_sending)):
                if sending is None or sending.due_at is None:
                    continue
                for since in (NOON, LONG_AGO) if self.shape.budget.hand and not sending.attempts else (NOON,):
                    due = replace(step, **{name: replace(self._capped(sending), due_at=NOON, budget_since=since)})
                    label = f"deadline of {word} {of.step}{' overdue' if since is LONG_AGO else ''}"
                    yield label, replace(state, steps={**state.steps, of: due})

    def _capped(self, sending: Sending) -> Sending:
        """What is sent until it is answered would have endless attempts: from the last on, all bear its number."""
        past = not sending.attempts and sending.attempt > self.shape.last_attempt
        return replace(sending, attempt=self.shape.last_attempt, budget_from=1) if past else sending

    def _faults(self, node: Node) -> Iterator[tuple[str, Node]]:
        if node.budget.loss and node.net:
            yield "everything in flight is lost", node._replace(net=0, budget=replace(node.budget, loss=node.budget.loss - 1))
        if node.budget.weak:
            for slot, book in enumerate(node.books):
                after = self.book(forget(self.books[book]))
                if after != book:
                    books = (*node.books[:slot], after, *node.books[slot + 1 :])
                    yield f"participant forgets {slot}", node._replace(books=books, budget=replace(node.budget, weak=node.budget.weak - 1))

    def decide(self, state: State, given: Input) -> tuple[int, int]:
        decision = decide(self.definition, state, given, NOON)
        after = fold(decision.events, state)
        rules.check_decision(self.definition, state, given, decision)
        sent = 0
        for event in decision.events:
            command = command_of(after, event)
            if command is not None:
                fence = command.type == "saga.fence.v1"
                sent |= 1 << self._bit(Asked(command.command_id, command.undoes, fence, command.attempt))
        return self._number(_without_time(after)), sent

    def _number(self, state: State) -> int:
        key = (tuple(state.steps.items()), tuple(sorted(state.commands)), state.turned_back, state.paused, state.ended, state.ignored)
        number = self._fold_numbers.setdefault(key, len(self.folds))
        if number == len(self.folds):
            self.folds.append(state)
            rules.check_fold(self.definition, state)
        return number

    def book(self, book: Book) -> int:
        number = self._book_numbers.setdefault(book, len(self.books))
        if number == len(self.books):
            self.books.append(book)
        return number

    def _bit(self, message: Asked | Said) -> int:
        bit = self._bits.setdefault(message, len(self.messages))
        if bit == len(self.messages):
            self.messages.append(message)
        return bit

    def _do_ids(self) -> Iterator[str]:
        for node in self.definition.steps.values():
            for generation in range(1 + self.shape.budget.hand):
                yield command_id(("t", self.definition.name, "1042"), node.name, "", DO, generation)

    def status(self, node: Node) -> str:
        """The saga's status."""
        return status_of(self.folds[node.saga])


def _reply(state: State, said: Said) -> ReplyInput:
    ref = state.commands[said.command_id]
    done = not ref.undo and said.outcome is Outcome.SUCCEEDED
    return ReplyInput(
        command_id=said.command_id,
        participant="works",
        type=Done.message_type if done else GENERAL_UNDO[said.outcome],
        outcome=said.outcome,
        attempt=said.attempt,
        body=people.DONE.encode() if done else b"{}",
        message_id="m",
    )


def _without_time(state: State) -> State:
    """The fold with every moment at noon and every deadline far away."""
    steps = {of: _step_without_time(step) for of, step in state.steps.items()}
    turned = state.turned_back and replace(state.turned_back, at=NOON, input_id="")
    paused = state.paused and replace(state.paused, at=NOON, input_id="")
    return replace(state, version=1, steps=steps, turned_back=turned, paused=paused, ended_at=None, last_progress=NOON, inputs=frozenset())


def _step_without_time(step: Step) -> Step:
    return replace(step, sending=_timeless(step.sending), undo_sending=_timeless(step.undo_sending))


def _timeless(sending: Sending | None) -> Sending | None:
    return sending and replace(sending, issued_at=NOON, due_at=sending.due_at and FAR, budget_since=NOON, last_sent_at=NOON)
