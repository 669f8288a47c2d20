"""Two replicas around one explored saga: the real `Plan` decides, and another replica, or a crash, may come between any two durable steps.

    take a record ──> decide on the cached fold ──> COMMIT: events and pointers ──> send ──> pointers deleted, offset committed
                          │                           └ unknown: it happened, or it did not; decide again from the stream
                          └ the stream has moved on: the append, or the check of an empty decision, fails; decide again

A fold's number stands for its version, so a cache is stale when its number is not the stream's. What a pointer sends is asked again at
the real `command_of` when somebody else claims it. The database is the model's: it takes a batch whole or refuses it (ground rule 4).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from saga.core.effects import command_of
from saga.core.events import Event
from saga.core.inputs import Decision, Input
from saga.core.lifecycle import Telling
from saga.core.state import State
from saga.ports.streams import PausedDefinition
from saga.runtime.plan import Plan
from saga.runtime.work import Appended, Work
from saga.testing.scenario import NOON
from tests.explore import rules
from tests.explore.numbered import Numbered
from tests.explore.rules import ANY_SAGA, Broken
from tests.explore.timeless import reply_of
from tests.explore.world import Node, Said, World
from tests.unit.core_model import Asked

NOTHING = -1
IDLE, DECIDED, COMMITTED, SENT = range(4)
NAMES = ("replica 1", "replica 2")


@dataclass(frozen=True)
class Noon:
    """A transaction's clock that stands still."""

    now: datetime = NOON
    paused: Mapping[tuple[str, str], PausedDefinition] = field(default_factory=dict)


class Side(NamedTuple):
    """Where a replica is: the fold it keeps, what it handles (a number) on which fold, and what it has committed and not deleted."""

    cache: int = NOTHING
    phase: int = IDLE
    base: int = NOTHING
    given: int = NOTHING
    sent: int = 0


class Pair(NamedTuple):
    """A state: the stream's fold, the participants, the network, what may still go wrong, the outbox, and both replicas (numbers)."""

    saga: int
    books: int
    net: int
    budget: int
    pointers: int
    sides: tuple[int, int]


class Planned(NamedTuple):
    """What a batch of one input would write: the fold then, what it sends, and the version that it demands (None: no matter which)."""

    after: int
    sent: int
    demands: int | None


class Replicas:
    """The moves of a shape with two replicas. The world inside knows folds, participants and messages."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._sides = Numbered(Side())
        self._givens = Numbered[tuple[str, str]]()
        self._plans: dict[tuple[int, int], Planned] = {}
        self._events: dict[int, Event] = {}
        self._awaits: dict[int, int] = {}
        self._wanted: dict[tuple[int, int], bool] = {}

    def first(self) -> Pair:
        """Started, and its first commands sent."""
        node = self.world.first()
        return Pair(node.saga, node.books, node.net, node.budget, 0, (0, 0))

    def check(self, pair: Pair) -> None:
        """What holds in every state of the world, and that nothing awaited is lost: it was sent, or a pointer or a replica holds it."""
        self.world.check(self._node(pair))
        missing = self._awaited(pair.saga) & ~(pair.net | pair.pointers)
        if missing and not self.world.shape.budget.loss:
            raise Broken("I4", f"{self.world.say(f'command {missing.bit_length() - 1} ')} is awaited, was never sent, and has no pointer")

    def is_good(self, pair: Pair) -> bool:
        """Whether a story may stop here."""
        return self.world.is_good(self._node(pair))

    def say(self, label: str) -> str:
        """A move in words."""
        return self.world.say(label)

    def faults(self, pairs: Sequence[Pair]) -> dict[str, int]:
        """As in the world inside, and how many states there are in which a replica works on a fold that the stream has left behind."""
        stale = [number for number, side in enumerate(self._sides.things) if side.phase == DECIDED]
        behind = sum(any(at in stale and self._sides.things[at].base != pair.saga for at in pair.sides) for pair in pairs)
        nodes = [Node(pair.saga, pair.books, pair.net, pair.budget) for pair in pairs]
        return {**self.world.faults(nodes), "stale fold": behind}

    def moves(self, pair: Pair) -> Iterator[tuple[str, Pair]]:
        """Everything that can happen next."""
        yield from self._participants(pair)
        left = pair.pointers
        while left:
            low = left & -left
            left ^= low
            wanted = self._is_wanted(pair.saga, low.bit_length() - 1)
            label = f"a pointer is claimed, {'sent' if wanted else 'not wanted any more'}: command {low.bit_length() - 1} "
            yield label, pair._replace(net=pair.net | low if wanted else pair.net, pointers=pair.pointers ^ low)
        for at in (0, 1):
            side = self._sides.things[pair.sides[at]]
            yield from self._takes(pair, at, side) if side.phase == IDLE else self._goes_on(pair, at, side)
            if side != Side() and (budget := self.world.spend(pair.budget, "crash")) >= 0:
                yield f"{NAMES[at]} crashes", self._with(pair, at, Side(), budget=budget)

    def _participants(self, pair: Pair) -> Iterator[tuple[str, Pair]]:
        left = pair.net
        while left:
            low = left & -left
            left ^= low
            bit = low.bit_length() - 1
            if not isinstance(self.world.messages[bit], Asked):
                continue
            for label, books, mask, *_ in self.world.answers(pair.books, bit):
                if books != pair.books or not pair.net & mask:
                    yield label, pair._replace(books=books, net=pair.net | mask)

    def _takes(self, pair: Pair, at: int, side: Side) -> Iterator[tuple[str, Pair]]:
        base = side.cache if side.cache >= 0 else pair.saga
        for bit, message in enumerate(self.world.messages):
            if pair.net >> bit & 1 and isinstance(message, Said):
                yield from self._take(pair, at, side, base, f"reply {bit}", pair.budget)
        for label, _, _, cost, *_ in self.world.offers(pair.saga):
            budget = self.world.spend(pair.budget, cost) if cost else pair.budget
            if budget >= 0:
                yield from self._take(pair, at, side, base, label, budget)

    def _take(self, pair: Pair, at: int, side: Side, base: int, label: str, budget: int) -> Iterator[tuple[str, Pair]]:
        given = self._givens.number(("", label))
        if base != pair.saga or self._plan(base, given).after != base:
            stale = " on a stale fold" if base != pair.saga else ""
            taken = side._replace(phase=DECIDED, base=base, given=given)
            yield f"{NAMES[at]} decides{stale}: {label}", self._with(pair, at, taken, budget=budget)

    def _goes_on(self, pair: Pair, at: int, side: Side) -> Iterator[tuple[str, Pair]]:
        who = NAMES[at]
        if side.phase == COMMITTED:
            yield f"{who} sends", self._with(pair, at, side._replace(phase=SENT), net=pair.net | side.sent)
            return
        if side.phase == SENT:
            done = Side(cache=side.cache)
            yield f"{who} deletes the pointers and commits the offset", self._with(pair, at, done, pointers=pair.pointers & ~side.sent)
            return
        plan = self._plan(side.base, side.given)
        if plan.demands is not None and plan.demands != pair.saga + 1:
            yield f"{who} finds that the stream has moved on", self._decide_again(pair, at, side)
            return
        if plan.after == side.base:
            self._check_handled(pair, side, who)
            yield f"{who} commits the offset: nothing to do", self._with(pair, at, Side(cache=side.base))
            return
        committed = pair._replace(saga=plan.after, pointers=pair.pointers | plan.sent)
        kept = NOTHING if self.world.folds[plan.after].ended else plan.after
        yield f"{who} commits", self._with(committed, at, Side(kept, COMMITTED if plan.sent else IDLE, sent=plan.sent))
        if (budget := self.world.spend(pair.budget, "unknown")) >= 0:
            yield f"{who} does not learn that its COMMIT happened", self._decide_again(committed._replace(budget=budget), at, side)
            yield f"{who} does not learn that its COMMIT failed", self._decide_again(pair._replace(budget=budget), at, side)

    def _decide_again(self, pair: Pair, at: int, side: Side) -> Pair:
        """From the stream; what turns out to be done already is done with."""
        again = self._plan(pair.saga, side.given).after != pair.saga
        return self._with(pair, at, Side(NOTHING, DECIDED, pair.saga, side.given) if again else Side(cache=pair.saga))

    def _check_handled(self, pair: Pair, side: Side, who: str) -> None:
        """I10: an offset moves past a record only if the stream, as it is now, has no use for it."""
        if self._plan(pair.saga, side.given).after != pair.saga:
            label = self._givens.things[side.given][1]
            raise Broken(
                "I10", f"an input was passed over on a stale fold: {self.world.say(label)}", f"{who} commits the offset: nothing to do"
            )

    def _with(self, pair: Pair, at: int, side: Side, **changes: int) -> Pair:
        number = self._sides.number(side)
        return pair._replace(sides=(number, pair.sides[1]) if at == 0 else (pair.sides[0], number), **changes)

    def _plan(self, base: int, given: int) -> Planned:
        """What the real Plan makes of an input on this fold."""
        known = self._plans.get((base, given))
        if known is None:
            label = self._givens.things[given][1]
            with rules.telling(label):
                known = self._plans[base, given] = self._planned(base, *self._input(base, label))
        return known

    def _input(self, base: int, label: str) -> tuple[State, Input]:
        """The fold and the input. A tick that comes late finds nothing due: the fold is as it is."""
        kind, _, bit = label.partition(" ")
        if kind == "reply":
            said = self.world.messages[int(bit)]
            assert isinstance(said, Said)
            return self.world.folds[base], reply_of(self.world.refs[said.command_id], *said)
        for name, _, _, _, moved, given in self.world.offers(base):
            if name == label:
                return moved, given
        return self.world.folds[base], self._offered(label)

    def _offered(self, label: str) -> Input:
        """An offer of another fold."""
        return next(move[5] for fold in range(len(self.world.folds)) for move in self.world.offers(fold) if move[0] == label)

    def _planned(self, base: int, state: State, given: Input) -> Planned:
        state = replace(state, version=base + 1)
        plan = Plan(Noon(), {ANY_SAGA: state}, {}, lambda *_: self.world.definition, Telling(life=False))
        work = Work(given=given, saga_id=ANY_SAGA, target=str(ANY_SAGA), tenant="t")
        plan.decide(work)
        outgoing = list(plan.finish())
        events = work.result.events if isinstance(work.result, Appended) else ()
        if not events:
            return Planned(base, 0, plan.batch.checks.get(ANY_SAGA))
        after = plan.changed()[ANY_SAGA]
        number, sent = self.world.judged(state, given, Decision(events), after)
        if len(outgoing) != sent.bit_count():
            raise Broken("I4", f"{sent.bit_count()} commands follow from the events, and {len(outgoing)} have a pointer")
        for event in events:
            command = command_of(after, event)
            if command is not None:
                asked = Asked(command.command_id, command.undoes, command.type == "saga.fence.v1", command.attempt)
                self._events[self.world.messages.index(asked)] = event
        return Planned(number, sent, plan.batch.appends[0].base)

    def _is_wanted(self, saga: int, bit: int) -> bool:
        known = self._wanted.get((saga, bit))
        if known is None:
            known = self._wanted[saga, bit] = command_of(self.world.folds[saga], self._events[bit]) is not None
        return known

    def _awaited(self, saga: int) -> int:
        known = self._awaits.get(saga)
        if known is None:
            ours = self.world.folds[saga].commands
            wanted = [bit for bit in self._events if self.world.messages[bit].command_id in ours and self._is_wanted(saga, bit)]
            known = self._awaits[saga] = sum(1 << bit for bit in wanted)
        return known

    def _node(self, pair: Pair) -> Node:
        """The world as the participants may still see it: what is in the network, in an outbox or in a replica's memory may come."""
        net = pair.net
        for side in (self._sides.things[number] for number in pair.sides):
            if side.phase == COMMITTED:
                net |= side.sent
        for bit in self._events if pair.pointers else ():
            if pair.pointers >> bit & 1 and self._is_wanted(pair.saga, bit):
                net |= 1 << bit
        return Node(pair.saga, pair.books, net, pair.budget)
