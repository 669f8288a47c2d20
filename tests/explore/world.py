"""A small world around the real core: one saga, its participants' books, and a network that is a set."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import NamedTuple

from saga.core.decide import decide
from saga.core.effects import command_of
from saga.core.evolve import fold
from saga.core.identity import DO, command_id
from saga.core.inputs import Decision, Input, Start, Tick
from saga.core.state import CommandRef, State
from saga.definition.graph import Definition
from saga.errors import ActRefused
from saga.messages import Outcome
from saga.testing.scenario import NOON
from tests.explore import people, rules
from tests.explore.faults import faults
from tests.explore.numbered import Numbered, numbered
from tests.explore.shelves import Shelves
from tests.explore.timeless import due, reply_of, without_time
from tests.explore.truths import NO_BACKUP, RESTORED, Truths
from tests.unit.core_model import Asked, choices, handle
from tests.unit.core_shapes import Placed


@dataclass(frozen=True, slots=True)
class Budget:
    """How often each of these may happen in one story. Resuming is free.

    `weak`: a participant loses what it must remember. `restore`: the database goes back to a backup taken at any moment; with
    `exact_restore` the topics are drained first, as the runbook says. The rest is of two replicas (`replicas.py`).
    """

    cancel: int = 0
    hand: int = 0
    pause: int = 0
    weak: int = 0
    loss: int = 0
    restore: int = 0
    exact_restore: bool = False
    crash: int = 0
    unknown: int = 0


_SPENT = ("cancel", "hand", "pause", "weak", "loss", "crash", "unknown")


class Said(NamedTuple):
    """A reply in the network."""

    command_id: str
    outcome: Outcome
    attempt: int


class Node(NamedTuple):
    """A state of the world. Folds, shelves of books, budgets and the backup's fold are numbers; the network is a set of bits."""

    saga: int
    books: int
    net: int
    budget: int
    backup: int = NO_BACKUP


@dataclass(frozen=True, slots=True)
class Shape:
    """What is explored: a definition, how often things may go wrong, what participants may choose, and when resending stops."""

    definition: Definition
    budget: Budget = Budget()
    choices: frozenset[str] = frozenset(("succeed", "refuse", "undo"))
    last_attempt: int = 3
    replicas: bool = False


Answers = tuple[tuple[str, int, int, bool, int, int], ...]
Offers = tuple[tuple[str, int, int, str, State, Input], ...]


class World(Shelves):
    """The moves of a shape. Decisions are taken once for each fold and input."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.definition = shape.definition
        self._folds, self.folds = numbered(Numbered[State]())
        self._budgets, self.budgets = numbered(Numbered[Budget](shape.budget))
        self._messages, self.messages = numbered(Numbered[Asked | Said]())
        self.refs: dict[str, CommandRef] = {}
        self.asked_in: dict[str, int] = {}
        self.slots = {do: slot for slot, do in enumerate(_do_ids(shape))}
        self.decisions = self.ticks = 0
        self._told: dict[tuple[int, int], tuple[int, int, str]] = {}
        self._asked: dict[tuple[int, int], Answers] = {}
        self._inner: dict[int, Offers] = {}
        self.by_hand: dict[int, tuple[tuple[str, int, int, int, bool], ...]] = {}
        self._left: dict[tuple[int, str], int] = {}
        self.truths = Truths(self)

    def first(self) -> Node:
        """Just started."""
        start = Start(tenant="t", key="1042", partition_key="1042", input_id="i", body=Placed().body(), body_hash="h")
        saga, sent = self.decide(State(), start)
        return Node(saga, self.shelve((0,) * len(self.slots)), sent, 0)

    def check(self, node: Node) -> None:
        """What must hold in this state."""
        self.truths.check(node)

    def is_good(self, node: Node) -> bool:
        """Whether a story may stop here."""
        return self.truths.is_good(node)

    def moves(self, node: Node) -> Iterator[tuple[str, Node]]:
        """Everything that can happen next and changes something."""
        saga, shelf, net, budget, backup = node
        left = net
        while left:
            low = left & -left
            left ^= low
            bit = low.bit_length() - 1
            if isinstance(self.messages[bit], Said):
                after, sent, label = self._told.get((saga, bit)) or self.told(saga, bit, restored=backup == RESTORED)
                if after != saga:
                    yield label, Node(after, shelf, net | sent, budget, backup)
                continue
            for label, books, mask, happened, before, done in self._asked.get((shelf, bit)) or self.answers(shelf, bit):
                if books != shelf or not net & mask:
                    if happened:
                        asked = self.messages[bit]
                        with rules.telling(label):
                            self.truths.check_effect(node, asked.command_id, self.books[before], self.books[done])
                    yield label, Node(saga, books, net | mask, budget, backup)
        for label, after, sent, cost, *_ in self._inner.get(saga) or self.offers(saga):
            left = self.spend(budget, cost) if cost else budget
            if left >= 0 and after != saga:
                yield label, Node(after, shelf, net | sent, left, backup)
        yield from people.answers(self, node)
        yield from faults(self, node)

    def faults(self, nodes: Sequence[Node]) -> dict[str, int]:
        """In how many of these states each thing that may go wrong has happened."""
        happened: Counter[str] = Counter()
        for budget, states in Counter(node.budget for node in nodes).items():
            for what in _SPENT:
                before = getattr(self.shape.budget, what)
                if before:
                    happened[what] += states if getattr(self.budgets[budget], what) < before else 0
        if self.shape.budget.restore:
            happened["restore"] = sum(node.backup == RESTORED for node in nodes)
        return dict(happened)

    def told(self, saga: int, bit: int, *, restored: bool = False) -> tuple[int, int, str]:
        """The fold after a reply, what it sends, and the move."""
        known = self._told.get((saga, bit))
        if known is not None:
            return known
        said, state, label = self.messages[bit], self.folds[saga], f"reply {bit}"
        assert isinstance(said, Said)
        given = reply_of(self.refs[said.command_id], *said)
        with rules.telling(label):
            if restored and said.command_id not in state.commands:  # the restored stream has not issued it: a dead letter
                known = (saga, 0, label)
            else:
                after, sent = self.decide(state, given)
                if after != saga:
                    rules.check_copy(self.definition, self.folds[after], given)
                known = (after, sent, label)
        self._told[saga, bit] = known
        return known

    def say(self, label: str) -> str:
        """A move in words."""
        prefix, _, move = label.rpartition(": ")
        kind, _, rest = move.partition(" ")
        if kind not in ("reply", "command"):
            return label
        bit, _, choice = rest.partition(" ")
        message = self.messages[int(bit)]
        ref = self.refs[message.command_id]
        said = message.outcome if isinstance(message, Said) else f": {choice}"
        told = f"{kind} {'undo' if ref.undo else 'do'} {ref.of.step} g{ref.generation} #{message.attempt} {said}"
        return f"{prefix}: {told}" if prefix else told

    def answers(self, shelf: int, bit: int) -> Answers:
        """What a participant may do with a command: the move, the shelf then, the reply, and whether an effect happened."""
        known = self._asked.get((shelf, bit))
        if known is not None:
            return known
        asked, books = self.messages[bit], self.shelves[shelf]
        assert isinstance(asked, Asked)
        slot = self.slots[asked.undoes or asked.command_id]
        number, found = books[slot], []
        for choice in choices(self.books[number], asked):
            if choice in self.shape.choices:
                book, outcome = handle(self.books[number], asked, choice)
                after = self.book(book)
                reply = self.said(asked.command_id, outcome, asked.attempt)
                happened = book.done != self.books[number].done
                found.append((f"command {bit} {choice}", self.put(shelf, slot, after), reply, happened, number, after))
        self._asked[shelf, bit] = tuple(found)
        return self._asked[shelf, bit]

    def offers(self, saga: int) -> Offers:
        """Deadlines and acts: the move, the fold then, what it sends, what it costs, and what was decided on which fold."""
        known = self._inner.get(saga)
        if known is None:
            state, found = self.folds[saga], []
            for label, moved in due(state, self.shape.last_attempt, people=bool(self.shape.budget.hand)):
                with rules.telling(label):
                    found.append((label, *self.decide(moved, Tick()), "", moved, Tick()))
            for label, act, cost in people.acts(state):
                if not cost or getattr(self.shape.budget, cost):
                    with rules.telling(label), suppress(ActRefused):
                        found.append((label, *self.decide(state, act), cost, state, act))
            known = self._inner[saga] = tuple(move for move in found if move[1] != saga)
        return known

    def decide(self, state: State, given: Input) -> tuple[int, int]:
        """The number of the fold after an input, and what it sends; every decision is judged here."""
        decision = decide(self.definition, state, given, NOON)
        return self.judged(state, given, decision, fold(decision.events, state))

    def judged(self, state: State, given: Input, decision: Decision, after: State) -> tuple[int, int]:
        """The same for a decision that was taken elsewhere."""
        self.decisions += 1
        rules.check_decision(self.definition, state, given, decision)
        if decision.events:
            rules.check_again(self.definition, state, given, decision, after)
        if isinstance(given, Tick):
            self.ticks += 1
            rules.check_tick(self.definition, state, decision, after)
        sent = 0
        for event in decision.events:
            command = command_of(after, event)
            if command is not None:
                asked = Asked(command.command_id, command.undoes, command.type == "saga.fence.v1", command.attempt)
                self.refs[command.command_id] = after.commands[command.command_id]
                mask = 1 << self._messages.number(asked)
                self.asked_in[command.command_id] = self.asked_in.get(command.command_id, 0) | mask
                sent |= mask
        return self._number(without_time(after, state)), sent

    def spend(self, budget: int, what: str) -> int:
        """The budget after one more of these; below 0 if none is left."""
        known = self._left.get((budget, what))
        if known is None:
            left = getattr(self.budgets[budget], what)
            known = self._budgets.number(replace(self.budgets[budget], **{what: left - 1})) if left else -1
            self._left[budget, what] = known
        return known

    def said(self, command: str, outcome: Outcome, attempt: int) -> int:
        """The bit of a reply."""
        return 1 << self._messages.number(Said(command, outcome, attempt))

    def _number(self, state: State) -> int:
        key = (tuple(state.steps.items()), tuple(sorted(state.commands)), state.turned_back, state.paused, state.ended, state.ignored)
        known = len(self.folds)
        number = self._folds.number(state, key)
        if number == known:
            rules.check_fold(self.definition, state)
        return number


def _do_ids(shape: Shape) -> Iterator[str]:
    for node in shape.definition.steps.values():
        for generation in range(1 + shape.budget.hand):
            yield command_id(("t", shape.definition.name, "1042"), node.name, "", DO, generation)
