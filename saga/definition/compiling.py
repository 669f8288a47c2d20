"""From what was written to the graph that `core` reads, or to all faults at once.

read signatures -> find the giver of each input -> edges -> cycles, kinds, barrier, order -> undos -> nodes -> hash
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from saga.definition import ordering, rules
from saga.definition.faults import Faults
from saga.definition.fingerprint import fingerprint
from saga.definition.graph import Builder, Definition, FromStart, StepKind, StepNode
from saga.definition.inputs import Giver, Inputs, Taken, Taker
from saga.definition.reading import UNKNOWN, Signature, is_lambda, read_signature
from saga.definition.said import Heading, SaidUndo, Step, place_of
from saga.messages import Command

A_COMMAND = "the command that it sends"


@dataclass(slots=True)
class _Sketch:
    """A step on its way to a node."""

    step: Step[..., Any]
    signature: Signature
    command: type[Command[Any]] | None
    build: Taken = field(default_factory=Taken)
    when: Builder | None = None
    needs: frozenset[str] = frozenset()
    whole: bool = True
    kind: StepKind = StepKind.COMPENSATABLE
    undo: Builder | None = None

    @property
    def where(self) -> str:
        return self.signature.where


def compile_saga(heading: Heading, steps: Sequence[Step[..., Any]]) -> Definition:
    """The definition, with every rule of it held. Raises DefinitionError with every fault."""
    faults = Faults()
    rules.check_heading(heading, faults)
    if not steps:
        faults.add(f"{heading.origin.place} {heading.name}", "the saga has no step", f"add one with @{heading.name}.step(deadline=...)")
    rules.check_pivots(list(steps), faults)
    sketches = _sketches(steps, faults)
    inputs = Inputs(heading.starts_on, {name: Giver(sketch.step, sketch.command) for name, sketch in sketches.items()}, faults)
    for sketch in sketches.values():
        _connect(sketch, inputs, faults)
    edges = {name: sketch.needs for name, sketch in sketches.items()}
    pivot = next((name for name, sketch in sketches.items() if sketch.step.terms.pivot), None)
    circles = ordering.cycles(edges)
    for circle in circles:
        way = " -> ".join([*circle, circle[0]])
        faults.add(sketches[circle[0]].where, f"these steps wait for each other: {way}", "let one of them do without the other's reply")
    _set_kinds(sketches, edges, pivot, faults, cyclic=bool(circles))
    for name, sketch in sketches.items():
        sketch.undo = _undo(sketch, inputs, ordering.ancestors(edges, name) - {name}, faults)
    barrier = ordering.barrier(edges, pivot) if pivot and not circles else frozenset()
    drawn = {name: needs | barrier if name == pivot else needs for name, needs in edges.items()}
    nodes = {name: _node(sketch, [other for other in edges if other in drawn[name]], faults) for name, sketch in sketches.items()}
    faults.raise_if_any(str(heading.name))
    ordered = {name: node for name in ordering.in_order(drawn) if (node := nodes[name]) is not None}
    return Definition(
        name=heading.name,
        version=heading.version,
        hash=fingerprint(heading.name, heading.starts_on, ordered.values()),
        owner=heading.owner,
        starts_on=heading.starts_on,
        key=heading.key,
        steps=MappingProxyType(ordered),
        pivot=pivot,
    )


def _sketches(steps: Sequence[Step[..., Any]], faults: Faults) -> dict[str, _Sketch]:
    sketches: dict[str, _Sketch] = {}
    for step in steps:
        signature = read_signature(step.function, step.origin, faults, A_COMMAND)
        rules.check_name(step, signature.where, faults)
        command = rules.command_of(signature.returns, signature.where, faults)
        rules.check_answers(command, signature.where, faults)
        if step.name in sketches and not is_lambda(step.function):
            faults.add(signature.where, f"a second step is called {step.name}", "give it another name: events and command ids hold it")
        else:
            sketches[step.name] = _Sketch(step, signature, command)
    return sketches


def _connect(sketch: _Sketch, inputs: Inputs, faults: Faults) -> None:
    """Find the inputs of the step and of its `when`; with `after` they are its edges."""
    step = sketch.step
    sketch.build = inputs.take(sketch.signature, Taker(step.name))
    asked = Taken()
    if step.terms.when is not None:
        asked = _when(sketch, inputs, faults)
    named = _after(sketch, inputs, faults)
    sketch.needs = sketch.build.steps() | asked.steps() | {name for name in named if name is not None}
    sketch.whole = sketch.build.whole and asked.whole and None not in named


def _after(sketch: _Sketch, inputs: Inputs, faults: Faults) -> list[str | None]:
    after = sketch.step.terms.after
    if not isinstance(after, list | tuple):
        faults.add(sketch.where, f"after={after!r} is no list of steps", "write after=[step]")
        return [None]
    return [inputs.step_named(step, sketch.where, "after") for step in after]


def _when(sketch: _Sketch, inputs: Inputs, faults: Faults) -> Taken:
    step = sketch.step
    function, title = step.terms.when, f"when of {step.name}"
    where = f"{place_of(function, step.origin)} ({title})"
    if function is not None and is_lambda(function):
        if not rules.check_lambda(function, where, faults):
            return Taken(whole=False)
        taken = Taken({function.__code__.co_varnames[0]: FromStart()})
    else:
        signature = read_signature(function, step.origin, faults, "bool")
        taken = inputs.take(signature, Taker(step.name))
        if signature.returns not in (bool, UNKNOWN):
            faults.add(where, "a when answers yes or no, and nothing else", "let it return bool")
    if function is not None:
        sketch.when = Builder(title, function, MappingProxyType(dict(taken.sources)), bool)
    return taken


def _set_kinds(
    sketches: Mapping[str, _Sketch], edges: Mapping[str, frozenset[str]], pivot: str | None, faults: Faults, *, cyclic: bool
) -> None:
    """Before, at or after the pivot. While an input is missing nobody knows whether a step comes after it: then nothing is said."""
    if pivot is not None and cyclic:
        return
    for name, sketch in sketches.items():
        needed = ordering.ancestors(edges, name)
        rules.check_no_undo(sketch.step, sketch.where, faults)
        if sketch.step.terms.pivot:
            sketch.kind = StepKind.PIVOT
        elif pivot in needed:
            sketch.kind = StepKind.RETRIABLE
        elif pivot is not None and not all(sketches[other].whole for other in needed | {name}):
            continue
        rules.check_kind(sketch.step, sketch.kind, sketch.where, pivot, faults)


def _undo(sketch: _Sketch, inputs: Inputs, ancestors: frozenset[str], faults: Faults) -> Builder | None:
    undo = next(iter(sketch.step.undos), None)
    if undo is None:
        return None
    signature = read_signature(undo.function, undo.origin, faults, A_COMMAND)
    for second in sketch.step.undos[1:]:
        faults.add(place_of(second.function, second.origin), f"{sketch.step.name} has a second undo", "keep one of them")
    taken = inputs.take(signature, Taker(sketch.step.name, ancestors))
    returns = rules.command_of(signature.returns, signature.where, faults)
    rules.check_undo_goes_home(sketch.command, returns, signature.where, faults)
    name = getattr(undo.function, "__name__", sketch.step.name)
    return Builder(name, undo.function, MappingProxyType(dict(taken.sources)), returns) if returns else None


def _node(sketch: _Sketch, after: Sequence[str], faults: Faults) -> StepNode | None:
    """The node of a step, with its spans; None if the step has no command, which is a fault that was noted."""
    step, terms = sketch.step, sketch.step.terms
    deadline = rules.deadline_of(terms.deadline, sketch.where, faults)
    default = rules.BEFORE_PIVOT if sketch.kind is StepKind.COMPENSATABLE else rules.AFTER_PIVOT
    retry = rules.retry_of(terms.retry, default, sketch.where, faults)
    undo: SaidUndo | None = next(iter(step.undos), None)
    undo_deadline, undo_retry = deadline, rules.AFTER_PIVOT
    if undo is not None:
        place = place_of(undo.function, undo.origin)
        undo_deadline = deadline if undo.deadline is None else rules.deadline_of(undo.deadline, place, faults)
        undo_retry = rules.retry_of(undo.retry, rules.AFTER_PIVOT, place, faults)
    if sketch.command is None:
        return None
    return StepNode(
        name=step.name,
        kind=sketch.kind,
        command=sketch.command,
        build=Builder(step.name, step.function, MappingProxyType(dict(sketch.build.sources)), sketch.command),
        when=sketch.when,
        undo=sketch.undo,
        no_undo=terms.no_undo,
        after=tuple(after),
        barrier=tuple(name for name in after if name not in sketch.needs),
        deadline=deadline,
        undo_deadline=undo_deadline,
        retry=retry,
        undo_retry=undo_retry,
    )
