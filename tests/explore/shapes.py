"""The shapes that are explored, named as in check-semantics: small enough to see all of, or cut off at a number of states."""

from collections.abc import Mapping
from dataclasses import replace

from saga.definition.graph import Definition
from tests.explore.world import Budget, Shape
from tests.unit.core_shapes import DIAMOND, FENCED, ONE, SHOP, SIDE_BY_SIDE, TWO, WITH_PIVOT, Placed, Work, after_pivot, pivot, shape, step

ALL = frozenset(("succeed", "refuse", "fail", "undo"))
SLOW = frozenset(("succeed", "refuse", "work", "undo"))


def brisk(definition: Definition, attempts: int = 2) -> Definition:
    """The definition with so many attempts before a step is in doubt."""
    steps = {name: replace(node, retry=replace(node.retry, attempts=attempts)) for name, node in definition.steps.items()}
    return replace(definition, steps=steps)


def never(placed: Placed) -> bool:
    """What a `when` says that does not want its step."""
    return placed.gift


def always(placed: Placed) -> bool:
    """What a `when` says that wants its step."""
    return not placed.gift


def faulty(placed: Placed, **_: object) -> Work:
    """A builder with a mistake in it."""
    raise ValueError(placed.order_id)


SKIPPED = shape(
    step("a"), step("o", takes=("a",), when=never), pivot("p", takes=("a", "o"), optional=("o",)), after_pivot("r", takes=("p",))
)
OPTIONAL = shape(step("a"), step("o", takes=("a",), when=always), step("c", takes=("o",), optional=("o",)), pivot("p", takes=("a", "c")))
AFTERWARDS = shape(pivot("p"), after_pivot("r", takes=("p",)), after_pivot("s", takes=("r",), optional=("r",)))
UNBUILT = shape(step("a"), step("b", build=faulty), pivot("p", takes=("a", "b")))

SHAPES: Mapping[str, Shape] = {
    "one": Shape(brisk(ONE), Budget(cancel=1, hand=1, loss=1), ALL, last_attempt=2),
    "one weak": Shape(brisk(ONE, 1), Budget(cancel=1, weak=1), last_attempt=1),
    "two": Shape(brisk(TWO, 1), Budget(cancel=1), last_attempt=1),
    "two, failing": Shape(brisk(TWO), Budget(cancel=1), ALL, last_attempt=2),
    "two, slow": Shape(brisk(TWO, 1), Budget(cancel=1), SLOW, last_attempt=2),
    "pivot": Shape(brisk(WITH_PIVOT, 1), Budget(cancel=1, hand=1), ALL, last_attempt=2),
    "pivot weak": Shape(brisk(WITH_PIVOT, 1), Budget(cancel=1, weak=1), last_attempt=1),
    "side by side": Shape(brisk(SIDE_BY_SIDE), Budget(cancel=1, hand=1), last_attempt=2),
    "fenced": Shape(brisk(FENCED, 1), Budget(cancel=1), last_attempt=1),
    "two, paused": Shape(brisk(TWO, 1), Budget(cancel=1, pause=1), ALL, last_attempt=1),
    "pivot, paused": Shape(brisk(WITH_PIVOT, 1), Budget(cancel=1, hand=1, pause=1), last_attempt=1),
    "fenced pivot": Shape(brisk(WITH_PIVOT, 1), Budget(cancel=1, hand=2), last_attempt=2),
    "fenced pivot weak": Shape(brisk(WITH_PIVOT, 1), Budget(hand=1, weak=1), last_attempt=1),
    "shop": Shape(brisk(SHOP), Budget(cancel=1), last_attempt=2),
    "diamond": Shape(brisk(DIAMOND, 1), Budget(cancel=1), last_attempt=1),
    "optional": Shape(brisk(OPTIONAL, 1), Budget(cancel=1), last_attempt=1),
    "skipped": Shape(brisk(SKIPPED, 1), Budget(cancel=1, hand=1), last_attempt=1),
    "afterwards": Shape(brisk(AFTERWARDS, 1), Budget(hand=2), last_attempt=1),
    "unbuilt": Shape(brisk(UNBUILT, 1), Budget(cancel=1, hand=1), last_attempt=1),
    "one, restored": Shape(brisk(ONE), Budget(cancel=1, hand=1, restore=1), ALL, last_attempt=2),
    "two, restored": Shape(brisk(TWO, 1), Budget(cancel=1, restore=1), last_attempt=1),
    "pivot, restored": Shape(brisk(WITH_PIVOT, 1), Budget(cancel=1, restore=1), last_attempt=1),
    "two, drained and restored": Shape(brisk(TWO, 1), Budget(restore=1, exact_restore=True), last_attempt=1),
    "pivot, drained and restored": Shape(brisk(WITH_PIVOT, 1), Budget(restore=1, exact_restore=True), last_attempt=1),
    "replicas, one": Shape(brisk(ONE), Budget(cancel=1, crash=1), last_attempt=2, replicas=True),
    "replicas, one, unknown": Shape(brisk(ONE, 1), Budget(cancel=1, crash=1, unknown=1), ALL, last_attempt=1, replicas=True),
    "replicas, one, paused": Shape(brisk(ONE, 1), Budget(cancel=1, pause=1, hand=1), last_attempt=1, replicas=True),
    "replicas, two": Shape(brisk(TWO, 1), Budget(cancel=1, crash=1), last_attempt=1, replicas=True),
    "replicas, pivot": Shape(brisk(WITH_PIVOT, 1), Budget(crash=1), last_attempt=1, replicas=True),
    "replicas, side by side": Shape(brisk(SIDE_BY_SIDE, 1), Budget(crash=1), last_attempt=1, replicas=True),
}
