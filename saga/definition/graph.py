"""What a definition becomes once all its rules hold: plain frozen data that `core` reads.

A `Builder` is a user function with its inputs resolved; `core` hands it a `Materials` and gets a message back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Protocol

from saga.messages import Command, DomainEvent, Reply


class StepKind(StrEnum):
    """Before, at and after the point of no return."""

    COMPENSATABLE = "compensatable"
    PIVOT = "pivot"
    RETRIABLE = "retriable"


@dataclass(frozen=True, slots=True)
class Retry:
    """How often an unanswered command is sent before its step is in doubt, and how long between: full jitter between 0 and
    min(cap, first * 2^n). `attempts` bounds steps before the pivot only; the others are sent until they are answered."""

    attempts: int
    first: timedelta
    cap: timedelta


@dataclass(frozen=True, slots=True)
class FromStart:
    """The parameter takes the start event."""


@dataclass(frozen=True, slots=True)
class FromReply:
    """The parameter takes the reply of a step; `optional` says that it may be None."""

    step: str
    reply: tuple[type[Reply], ...]
    optional: bool = False


@dataclass(frozen=True, slots=True)
class FromCommand:
    """The parameter of an undo takes the command that its step sent."""


@dataclass(frozen=True, slots=True)
class FromOwnReply:
    """The parameter of an undo takes its own step's reply, None while the outcome is unknown."""

    reply: tuple[type[Reply], ...]


Source = FromStart | FromReply | FromCommand | FromOwnReply


class Materials(Protocol):
    """What a saga can give to a user function."""

    def start(self) -> DomainEvent:
        """The event that started the saga."""

    def reply(self, step: str, types: tuple[type[Reply], ...]) -> Reply | None:
        """The reply of a step, decoded as one of the types; None if it was skipped."""

    def command(self) -> Command[Any]:
        """The command that the step of this undo sent."""

    def own_reply(self, types: tuple[type[Reply], ...]) -> Reply | None:
        """The reply of the step of this undo, or None."""


@dataclass(frozen=True, slots=True)
class Builder:
    """A user function and, per parameter, where its value comes from. `returns` is the command class, bool for `when`."""

    name: str
    function: Callable[..., Any]
    sources: Mapping[str, Source]
    returns: type[Any]

    def call(self, materials: Materials) -> Any:
        """Call the user function. Whatever it raises comes out: the caller stands guard (design 4.7)."""
        return self.function(**{name: _fetch(source, materials) for name, source in self.sources.items()})


def _fetch(source: Source, materials: Materials) -> object:
    match source:
        case FromStart():
            return materials.start()
        case FromReply(step, types):
            return materials.reply(step, types)
        case FromCommand():
            return materials.command()
        case FromOwnReply(types):
            return materials.own_reply(types)


@dataclass(frozen=True, slots=True)
class StepNode:
    """A step of a compiled definition.

    `after` are all direct dependencies (data, `after=`, and those the pivot's barrier adds, which are also in `barrier`).
    `undo` is None when there is nothing to undo by definition (`no_undo` then says why) or the step is not compensatable.
    """

    name: str
    kind: StepKind
    command: type[Command[Any]]
    build: Builder
    when: Builder | None
    undo: Builder | None
    no_undo: str | None
    after: tuple[str, ...]
    barrier: tuple[str, ...]
    deadline: timedelta
    undo_deadline: timedelta
    retry: Retry
    undo_retry: Retry


@dataclass(frozen=True, slots=True)
class Definition:
    """A compiled definition version. `steps` is in topological order, ties in the order of writing."""

    name: str
    version: int
    hash: str
    owner: str
    starts_on: type[DomainEvent]
    key: Callable[[DomainEvent], str]
    steps: Mapping[str, StepNode]
    pivot: str | None
    _dependents: Mapping[str, tuple[str, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Turn the arrows round once: whoever undoes asks for each step's dependents at every record."""
        dependents: dict[str, list[str]] = {name: [] for name in self.steps}
        for node in self.steps.values():
            for before in node.after:
                dependents[before].append(node.name)
        object.__setattr__(self, "_dependents", {name: tuple(below) for name, below in dependents.items()})

    def dependents(self, step: str) -> tuple[str, ...]:
        """The steps that directly depend on `step`, in the order of `steps`."""
        return self._dependents[step]

    def required_by(self, step: str) -> tuple[str, ...]:
        """The steps that take the reply of `step`, also in their `when`, and cannot do without it: a person may not skip it then."""
        return tuple(node.name for node in self.steps.values() if step in _indispensable(node.build) | _indispensable(node.when))

    def participants(self) -> tuple[str, ...]:
        """Who is asked by this definition, and who publishes its start, without repetition, sorted."""
        asked = {node.command.participant for node in self.steps.values()}
        asked |= {node.undo.returns.participant for node in self.steps.values() if node.undo}
        return tuple(sorted(asked | {self.starts_on.participant}))


def _indispensable(builder: Builder | None) -> frozenset[str]:
    sources = builder.sources.values() if builder else ()
    return frozenset(source.step for source in sources if isinstance(source, FromReply) and not source.optional)
