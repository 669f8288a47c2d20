"""What an author says, written down as it was said: steps, their options, the functions. Nothing is judged here."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, ParamSpec, TypeVar, overload

from saga.messages import Command, DomainEvent

P = ParamSpec("P")
C_co = TypeVar("C_co", bound=Command[Any], covariant=True)
U = TypeVar("U", bound=Callable[..., Any])
Span = str | timedelta


@dataclass(frozen=True, slots=True)
class Retry:
    """How an unanswered command is sent again: `attempts` in all before its step is in doubt (steps before the pivot only), and full
    jitter between 0 and min(cap, first * 2^n) in between. Spans are "200ms", "1s", "5m", "1h" or timedelta."""

    attempts: int = 3
    first: Span = "1s"
    cap: Span = "30s"


@dataclass(frozen=True, slots=True)
class Spoken:
    """A user function, and the locals of the place where it was decorated: its annotations may name them."""

    function: Callable[..., Any]
    locals: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its name, as people write it."""
        return str(getattr(self.function, "__name__", "function"))

    @property
    def where(self) -> str:
        """File, line and name, for faults."""
        code = getattr(self.function, "__code__", None)
        return f"{code.co_filename.rpartition('/')[2]}:{code.co_firstlineno} {self.name}" if code else self.name


@dataclass(frozen=True, slots=True)
class Said:
    """The options of a step as they were given; None where nothing was said."""

    pivot: bool = False
    deadline: Span | None = None
    retry: Retry | None = None
    when: Spoken | None = None
    after: Sequence["Step[..., Any] | str"] = ()
    no_undo: str | None = None


class Step(Generic[P, C_co]):
    """A step as it was written. Call it to call its builder: that is how a test looks at the command it makes."""

    def __init__(self, spoken: Spoken, said: Said) -> None:
        self.spoken = spoken
        self.said = said
        self.undo_spoken: Spoken | None = None
        self.undo_said = Said()

    @property
    def name(self) -> str:
        """The function's name is the step's."""
        return self.spoken.name

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> C_co:
        """The command that the step would send."""
        command: C_co = self.spoken.function(*args, **kwargs)
        return command

    @overload
    def undo(self, function: U) -> U: ...

    @overload
    def undo(self, function: None = None, *, deadline: Span | None = None, retry: Retry | None = None) -> Callable[[U], U]: ...

    def undo(self, function: U | None = None, *, deadline: Span | None = None, retry: Retry | None = None) -> U | Callable[[U], U]:
        """Decorate the function that builds the undo. It runs also when nobody knows whether the do happened."""
        caller = sys._getframe(1).f_locals

        def register(given: U) -> U:
            if self.undo_spoken is not None:
                raise TypeError(f"{self.name} has an undo already: {self.undo_spoken.name}")
            self.undo_spoken = Spoken(given, dict(caller))
            self.undo_said = Said(deadline=deadline, retry=retry)
            return given

        return register if function is None else register(function)


@dataclass(frozen=True, slots=True)
class Written:
    """A whole definition as it was written. `where` is the place of its Saga(...), for faults."""

    name: str
    version: int
    starts_on: type[DomainEvent]
    key: Callable[[Any], str]
    owner: str
    where: str
    steps: tuple[Step[..., Any], ...]
