"""Breadth first through a world, so that the first rule found broken comes with the shortest story."""

from dataclasses import dataclass

from tests.explore.rules import Broken, check_world, is_good
from tests.explore.world import Node, Shape, World


@dataclass(frozen=True, slots=True)
class Report:
    """What a search found: `broken` is empty when every rule holds; `whole` says that there were no further states."""

    states: int
    folds: int
    whole: bool
    broken: str = ""
    story: tuple[str, ...] = ()


class Search:
    """One search through one shape."""

    def __init__(self, shape: Shape) -> None:
        self.world = World(shape)
        self.numbers: dict[Node, int] = {}
        self.nodes: list[Node] = []
        self.came: list[tuple[int, str]] = []
        self.comes_from: list[list[int]] = []

    def run(self, limit: int) -> Report:
        """At most so many states."""
        at = 0
        try:
            self._add(self.world.first(), -1, "start")
            while at < len(self.nodes) and len(self.nodes) < limit:
                for label, node in self.world.moves(self.nodes[at]):
                    self._add(node, at, label)
                at += 1
            stuck = self._stuck(at)
        except Broken as broken:
            return self._report(at, whole=False, broken=broken.rule, move=broken.move)
        if stuck is not None:
            return self._report(stuck, whole=True, broken="no end and no person can be reached from here")
        return self._report(0, whole=at == len(self.nodes))

    def _add(self, node: Node, before: int, label: str) -> None:
        number = self.numbers.setdefault(node, len(self.nodes))
        if number == len(self.nodes):
            self.nodes.append(node)
            self.came.append((before, label))
            self.comes_from.append([])
            check_world(self.world, node)
        if before >= 0:
            self.comes_from[number].append(before)

    def _stuck(self, expanded: int) -> int | None:
        """The first state from which no good one can be reached; what was not expanded is given the benefit of the doubt."""
        good = [number for number, node in enumerate(self.nodes) if number >= expanded or is_good(self.world, node)]
        reached = set(good)
        while good:
            for before in self.comes_from[good.pop()]:
                if before not in reached:
                    reached.add(before)
                    good.append(before)
        return next((number for number in range(len(self.nodes)) if number not in reached), None)

    def _report(self, at: int, *, whole: bool, broken: str = "", move: str = "") -> Report:
        story = [self.world.say(move)] if move else []
        while broken and at >= 0 and at < len(self.came):
            at, label = self.came[at]
            story.append(self.world.say(label))
        return Report(len(self.nodes), len(self.world.folds), whole, broken, tuple(reversed(story)))
