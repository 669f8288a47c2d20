"""The shapes that are explored, named as in check-semantics: small enough to see all of, or cut off at a number of states."""

from collections.abc import Mapping
from dataclasses import replace

from saga.definition.graph import Definition
from tests.explore.world import Budget, Shape
from tests.unit.core_shapes import DIAMOND, FENCED, ONE, SHOP, SIDE_BY_SIDE, TWO, WITH_PIVOT

ALL = frozenset(("succeed", "refuse", "fail", "undo"))


def brisk(definition: Definition, attempts: int = 2) -> Definition:
    """The definition with so many attempts before a step is in doubt."""
    steps = {name: replace(node, retry=replace(node.retry, attempts=attempts)) for name, node in definition.steps.items()}
    return replace(definition, steps=steps)


SHAPES: Mapping[str, Shape] = {
    "one": Shape(brisk(ONE), Budget(cancel=1, hand=1, loss=1), ALL, last_attempt=2),
    "one weak": Shape(brisk(ONE, 1), Budget(cancel=1, weak=1), last_attempt=1),
    "two": Shape(brisk(TWO, 1), Budget(cancel=1), last_attempt=1),
    "two, failing": Shape(brisk(TWO), Budget(cancel=1), ALL, last_attempt=2),
    "pivot": Shape(brisk(WITH_PIVOT, 1), Budget(cancel=1, hand=1), ALL, last_attempt=2),
    "pivot weak": Shape(brisk(WITH_PIVOT, 1), Budget(cancel=1, weak=1), last_attempt=1),
    "side by side": Shape(brisk(SIDE_BY_SIDE), Budget(cancel=1, hand=1), last_attempt=2),
    "fenced": Shape(brisk(FENCED, 1), Budget(cancel=1), last_attempt=1),
    "two, paused": Shape(brisk(TWO, 1), Budget(cancel=1, pause=1), ALL, last_attempt=1),
    "pivot, paused": Shape(brisk(WITH_PIVOT, 1), Budget(cancel=1, hand=1, pause=1), last_attempt=1),
    "fenced pivot": Shape(brisk(WITH_PIVOT, 1), Budget(cancel=1, hand=2), last_attempt=2),
    "fenced pivot weak": Shape(brisk(WITH_PIVOT, 1), Budget(cancel=0, hand=1, weak=1), last_attempt=1),
    "shop": Shape(brisk(SHOP), Budget(cancel=1), last_attempt=2),
    "diamond": Shape(brisk(DIAMOND, 1), Budget(cancel=1), last_attempt=1),
}
