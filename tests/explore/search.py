"""Breadth first through a world, so that the first rule found broken comes with the shortest story."""

import sys
from array import array
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Protocol

from tests.explore.replicas import Replicas
from tests.explore.rules import Broken
from tests.explore.shapes import SHAPES
from tests.explore.world import Shape, World

LOOK_EVERY = 2_048
SAY_EVERY = 10.0


class Explored(Protocol):
    """What can be searched: `World`, and `Replicas` around it. A state is hashable and says nothing of how it was reached."""

    def first(self) -> Hashable: ...
    def moves(self, node: Hashable) -> Iterator[tuple[str, Hashable]]: ...
    def check(self, node: Hashable) -> None: ...
    def is_good(self, node: Hashable) -> bool: ...
    def say(self, label: str) -> str: ...
    def faults(self, nodes: Sequence[Hashable]) -> dict[str, int]: ...


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: `broken` is empty when every rule holds; `whole` says that there were no further states. `faults` counts the
    states in whose story each fault had happened."""

    states: int
    folds: int
    whole: bool
    decisions: int = 0
    ticks: int = 0
    transitions: int = 0
    faults: Mapping[str, int] = field(default_factory=dict)
    invariant: str = ""
    broken: str = ""
    story: tuple[str, ...] = ()


class Search:
    """One search through one shape. Parents and edges are arrays: a state costs some hundred bytes, an edge eight."""

    def __init__(self, shape: Shape) -> None:
        self.inner = World(shape)
        self.world: Explored = Replicas(self.inner) if shape.replicas else self.inner
        self.numbers: dict[Hashable, int] = {}
        self.nodes: list[Hashable] = []
        self.parents = array("i")
        self.last_edge = array("i")
        self.edge_from = array("i")
        self.edge_before = array("i")

    def run(self, limit: int, until: float = float("inf"), tell: Callable[[int], None] = lambda _: None) -> Found:
        """At most so many states, and until this moment of the monotonic clock. `tell` hears from time to time how many there are."""
        at = 0
        try:
            self._add(self.world.first(), -1)
            while at < len(self.nodes) and len(self.nodes) < limit:
                for label, node in self.world.moves(self.nodes[at]):
                    self._add(node, at, label)
                at += 1
                if at % LOOK_EVERY == 0:
                    tell(len(self.nodes))
                    if monotonic() > until:
                        break
            stuck = self._stuck(at)
        except Broken as broken:
            return self._report(at, whole=False, broken=broken)
        if stuck is not None:
            return self._report(stuck, whole=True, broken=Broken("I2", "no end and no person can be reached from here"))
        return self._report(0, whole=at == len(self.nodes))

    def _add(self, node: Hashable, before: int, label: str = "start") -> None:
        number = self.numbers.setdefault(node, len(self.nodes))
        if number == len(self.nodes):
            self.nodes.append(node)
            self.parents.append(before)
            self.last_edge.append(-1)
            try:
                self.world.check(node)
            except Broken as broken:
                raise Broken(broken.invariant, broken.rule, label) from broken
        if before >= 0:
            self.edge_before.append(self.last_edge[number])
            self.edge_from.append(before)
            self.last_edge[number] = len(self.edge_from) - 1

    def _stuck(self, expanded: int) -> int | None:
        """The first state from which no good one can be reached; what was not expanded is given the benefit of the doubt."""
        reached = bytearray(len(self.nodes))
        good = [number for number, node in enumerate(self.nodes) if number >= expanded or self.world.is_good(node)]
        for number in good:
            reached[number] = 1
        while good:
            edge = self.last_edge[good.pop()]
            while edge >= 0:
                before = self.edge_from[edge]
                if not reached[before]:
                    reached[before] = 1
                    good.append(before)
                edge = self.edge_before[edge]
        stuck = reached.find(0)
        return stuck if stuck >= 0 else None

    def _report(self, at: int, *, whole: bool, broken: Broken | None = None) -> Found:
        story = self._story(at, broken.move) if broken else ()
        told = (broken.invariant, broken.rule, story) if broken else ("", "", ())
        inner = self.inner
        return Found(
            len(self.nodes),
            len(inner.folds),
            whole,
            inner.decisions,
            inner.ticks,
            len(self.edge_from),
            self.world.faults(self.nodes),
            *told,
        )

    def _story(self, at: int, last: str) -> tuple[str, ...]:
        """Which moves led there. They are found again by making them: nobody reads the labels of the states that are well."""
        story = [last] if last else []
        while at < len(self.parents) and self.parents[at] >= 0:
            before = self.parents[at]
            story.append(next(label for label, node in self.world.moves(self.nodes[before]) if node == self.nodes[at]))
            at = before
        return tuple(self.world.say(label) for label in ("start", *reversed(story)))


def search(name: str, states: int, until: float) -> Found:
    """One shape, with a line every ten seconds."""
    said = monotonic()

    def tell(number: int) -> None:
        nonlocal said
        if monotonic() - said >= SAY_EVERY:
            said = monotonic()
            print(f"{name}: {number} states", file=sys.stderr, flush=True)

    return Search(SHAPES[name]).run(states, until, tell)
