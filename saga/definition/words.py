"""The words of a definition: `Saga` with its `step` and `pivot`; `undo` is a word of the step, `Retry` an option."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, ParamSpec, TypeVar

from saga.definition.compiling import compile_saga
from saga.definition.graph import Definition
from saga.definition.said import Retry, Said, Span, Spoken, Step, Written
from saga.messages import Command, DomainEvent

P = ParamSpec("P")
C = TypeVar("C", bound=Command[Any])
E = TypeVar("E", bound=DomainEvent)


class Saga(Generic[E]):
    """A definition being written. `key` gives the business key of a start event; exactly one saga exists per tenant, name and key.

    A changed graph needs a new `version`; mended builders, deadlines and retries do not (design section 3).
    """

    def __init__(self, name: str, *, version: int, starts_on: type[E], key: Callable[[E], str], owner: str = "") -> None:
        frame = sys._getframe(1)
        self.name = name
        self.version = version
        self.starts_on = starts_on
        self.key = key
        self.owner = owner
        self.where = f"{frame.f_code.co_filename.rpartition('/')[2]}:{frame.f_lineno} {name}"
        self.steps: list[Step[..., Any]] = []
        self._compiled: Definition | None = None

    def step(
        self,
        *,
        deadline: Span | None = None,
        retry: Retry | None = None,
        when: Callable[..., bool] | None = None,
        after: Sequence[Step[..., Any]] = (),
        no_undo: str | None = None,
    ) -> Callable[[Callable[P, C]], Step[P, C]]:
        """Decorate a builder: what it takes it waits for, what it returns is sent. `deadline` bounds the wait for one attempt's answer."""
        caller = dict(sys._getframe(1).f_locals)
        spoken = Spoken(when, caller) if when is not None else None
        return self._register(Said(False, deadline, retry, spoken, tuple(after), no_undo), caller)

    def pivot(
        self, *, deadline: Span | None = None, retry: Retry | None = None, after: Sequence[Step[..., Any]] = ()
    ) -> Callable[[Callable[P, C]], Step[P, C]]:
        """Decorate the builder of the point of no return: issued when all that does not depend on it is done, never undone."""
        caller = dict(sys._getframe(1).f_locals)
        return self._register(Said(True, deadline, retry, None, tuple(after)), caller)

    def compile(self) -> Definition:
        """The definition, once all its rules hold. Raises DefinitionError with every fault."""
        if self._compiled is None:
            written = Written(self.name, self.version, self.starts_on, self.key, self.owner, self.where, tuple(self.steps))
            self._compiled = compile_saga(written)
        return self._compiled

    def _register(self, said: Said, caller: Mapping[str, Any]) -> Callable[[Callable[P, C]], Step[P, C]]:
        def register(function: Callable[P, C]) -> Step[P, C]:
            self._compiled = None
            made: Step[P, C] = Step(Spoken(function, caller), said)
            self.steps.append(made)
            return made

        return register
