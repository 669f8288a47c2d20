"""What an author said, as it was said. Nothing is judged here: faults are collected when the whole saga is compiled."""

import functools
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Generic, ParamSpec, TypeVar, overload

from saga.definition.spans import Span
from saga.messages import Command, DomainEvent

P = ParamSpec("P")
Q = ParamSpec("Q")
C = TypeVar("C", bound=Command[Any])
D = TypeVar("D", bound=Command[Any])


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a command that nobody answers is sent before its step is in doubt, and how long to wait between two attempts.

    The wait is chosen by chance between 0 and min(cap, first * 2^n). What is left out: 3 attempts, 1 s to 30 s; at and after the
    pivot and for undos 1 s to 5 min, where `attempts` counts for nothing: those are sent until they are answered.
    """

    attempts: int | None = None
    first: Span | None = None
    cap: Span | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where something was written (`file:line`), and the local names in sight there: definitions may stand inside functions."""

    place: str
    names: Mapping[str, Any]

    @classmethod
    def of_caller(cls, depth: int) -> "Origin":
        """The origin `depth` calls above the caller of this method."""
        frame = sys._getframe(depth + 1)
        names = {} if frame.f_locals is frame.f_globals else dict(frame.f_locals)
        return cls(f"{PurePath(frame.f_code.co_filename).name}:{frame.f_lineno}", names)


@dataclass(frozen=True, slots=True)
class Heading:
    """What `Saga(...)` was called with."""

    name: str
    version: int
    starts_on: type[DomainEvent]
    key: Callable[[Any], str]
    owner: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Terms:
    """What `step(...)` or `pivot(...)` was called with."""

    pivot: bool
    deadline: Span | None
    retry: Retry | None
    when: Callable[..., bool] | None
    after: "Sequence[Step[..., Any] | str]"
    no_undo: str | None


@dataclass(frozen=True, slots=True)
class SaidUndo:
    """What `@step.undo` stands over."""

    function: Callable[..., Any]
    deadline: Span | None
    retry: Retry | None
    origin: Origin


class Step(Generic[P, C]):
    """A step as it was written. Call it to see the command that it builds; name it in `after=[...]` and `Annotated[Reply, step]`."""

    def __init__(self, function: Callable[P, C], terms: Terms, origin: Origin) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.terms = terms
        self.origin = origin
        self.undos: list[SaidUndo] = []

    @property
    def name(self) -> str:
        """The name of the function."""
        return str(getattr(self.function, "__name__", type(self.function).__name__))

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> C:
        """The command that the step would send."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<step {self.name}>"

    @overload
    def undo(self, function: Callable[Q, D], /) -> Callable[Q, D]: ...

    @overload
    def undo(self, /, *, deadline: Span | None = None, retry: Retry | None = None) -> Callable[[Callable[Q, D]], Callable[Q, D]]: ...

    def undo(self, function: Any = None, /, *, deadline: Span | None = None, retry: Retry | None = None) -> Any:
        """What takes the step back, as `@step.undo` or `@step.undo(deadline="1m", retry=Retry(first="5s"))`.

        The function may take the start event, the step's command, its own reply as `Reply | None` (None while nobody knows whether
        the do happened), and replies of steps that the step depends on. Its deadline is the step's unless given.
        """
        if function is not None:
            self.undos.append(SaidUndo(function, None, None, Origin.of_caller(1)))
            return function

        def decorate(undo: Callable[Q, D]) -> Callable[Q, D]:
            self.undos.append(SaidUndo(undo, deadline, retry, Origin.of_caller(1)))
            return undo

        return decorate


def place_of(function: object, origin: Origin) -> str:
    """`file:line name` of a function, for a fault; of the place where it was handed over if it is none."""
    plain = inspect.unwrap(function) if callable(function) else function
    name = getattr(plain, "__name__", type(plain).__name__)
    if not inspect.isfunction(plain):
        return f"{origin.place} {name}"
    return f"{PurePath(plain.__code__.co_filename).name}:{plain.__code__.co_firstlineno} {name}"
