"""Small definitions for the core's tests, built by hand from graph data: every step asks `works` for a `Work` and is undone by `Unwork`.

shape(step("a"), step("b", takes=("a",)), pivot("p", after=("b",)), after_pivot("r", takes=("p",)))
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from saga.definition.graph import (
    Builder,
    Definition,
    FromCommand,
    FromOwnReply,
    FromReply,
    FromStart,
    Retry,
    Source,
    StepKind,
    StepNode,
)
from saga.messages import Command, DomainEvent, Reply, Undone


class Placed(DomainEvent, by="order"):
    order_id: str = "1042"
    gift: bool = False


class Done(Reply, by="works"):
    note: str = "done"


class No(Reply, by="works"):
    why: str = "no"


class Work(Command[Done | No], to="works", refused=No):
    order_id: str
    step: str
    notes: list[str | None]


class Unwork(Command[Undone], to="works"):
    order_id: str
    step: str
    note: str | None = None


SECOND = timedelta(seconds=1)
DO_RETRY = Retry(attempts=3, first=SECOND, cap=30 * SECOND)
STUBBORN = Retry(attempts=0, first=SECOND, cap=timedelta(minutes=5))
Function = Callable[..., Any]


@dataclass(frozen=True)
class _Said:
    """`takes` are dependencies by data, `after` those by order alone; `build` takes placed and the replies."""

    takes: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    when: Function | None = None
    undo: bool | Function = True
    build: Function | None = None
    kind: StepKind = StepKind.COMPENSATABLE
    optional: tuple[str, ...] = ()
    retry: Retry = DO_RETRY


def step(name: str, **options: Any) -> StepNode:
    """A step before the pivot; the options are those of `_Said`."""
    said = _Said(**options)
    compensatable = said.kind is StepKind.COMPENSATABLE
    replies = {of: FromReply(of, (Done,), of in said.optional) for of in said.takes}
    return StepNode(
        name=name,
        kind=said.kind,
        command=Work,
        build=_builder(name, said.build or _work(name), replies, Work),
        when=_builder(f"{name}.when", said.when, {}, bool) if said.when else None,
        undo=_undo(name, said.undo) if compensatable and said.undo else None,
        no_undo="nothing happens" if compensatable and not said.undo else None,
        after=tuple(dict.fromkeys((*said.takes, *said.after))),
        barrier=said.after if said.kind is StepKind.PIVOT else (),
        deadline=10 * SECOND,
        undo_deadline=20 * SECOND,
        retry=said.retry if compensatable else STUBBORN,
        undo_retry=STUBBORN,
    )


def pivot(name: str, **options: Any) -> StepNode:
    return step(name, kind=StepKind.PIVOT, **options)


def after_pivot(name: str, **options: Any) -> StepNode:
    return step(name, kind=StepKind.RETRIABLE, **options)


def shape(*nodes: StepNode, name: str = "tiny") -> Definition:
    """A definition of these steps, which stand in topological order."""
    points = [node.name for node in nodes if node.kind is StepKind.PIVOT]
    return Definition(
        name=name,
        version=1,
        hash="0" * 64,
        owner="tests",
        starts_on=Placed,
        key=lambda placed: getattr(placed, "order_id"),  # noqa: B009
        steps={node.name: node for node in nodes},
        pivot=points[0] if points else None,
    )


def _work(name: str) -> Function:
    def build(placed: Placed, **replies: Done | None) -> Work:
        return Work(order_id=placed.order_id, step=name, notes=[reply and reply.note for reply in replies.values()])

    return build


def _undo(name: str, undo: bool | Function) -> Builder:
    def unwork(placed: Placed, command: Work, reply: Done | None) -> Unwork:
        return Unwork(order_id=placed.order_id, step=command.step, note=reply and reply.note)

    sources: dict[str, Source] = {"command": FromCommand(), "reply": FromOwnReply((Done,))}
    return _builder(f"undo_{name}", undo if callable(undo) else unwork, sources, Unwork)


def _builder(name: str, function: Function, sources: dict[str, Source], returns: type[Any]) -> Builder:
    return Builder(name, function, {"placed": FromStart(), **sources}, returns)


ONE = shape(step("a"))
TWO = shape(step("a"), step("b", takes=("a",)))
SIDE_BY_SIDE = shape(step("a"), step("b"))
WITH_PIVOT = shape(step("a"), pivot("p", takes=("a",)), after_pivot("r", takes=("p",)))
SHOP = shape(step("a"), step("b"), pivot("p", takes=("a", "b")), after_pivot("r", takes=("p",)))
DIAMOND = shape(step("a"), step("b", takes=("a",)), step("c", takes=("a",)), step("d", takes=("b", "c")))
FENCED = shape(step("a"), step("n", takes=("a",), undo=False), step("c", takes=("n",)))
