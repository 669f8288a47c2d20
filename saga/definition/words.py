"""The words of a definition: `Saga` with its `step` and `pivot`; `undo` is a word of the step, `Retry` an option."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, ParamSpec, TypeVar

from saga.definition.compiling import compile_saga
from saga.definition.graph import Definition
from saga.definition.said import Heading, Origin, Retry, Step, Terms
from saga.definition.spans import Span
from saga.messages import Command, DomainEvent

E = TypeVar("E", bound=DomainEvent)
P = ParamSpec("P")
C = TypeVar("C", bound=Command[Any])


class Saga(Generic[E]):
    """A saga under a name and a definition version; its steps are added by `@saga.step(...)` and `@saga.pivot(...)`.

    `starts_on` is the domain event that starts one; `key` reads the business key from it, and there is exactly one saga a key;
    `owner` is who is called when one parks. `name` is kebab-case. Nothing is judged before `compile`, so that all faults come at once.
    A changed graph needs a new `version`; mended builders, deadlines and retries do not.
    """

    def __init__(self, name: str, *, version: int, starts_on: type[E], key: Callable[[E], str], owner: str = "") -> None:
        self.heading = Heading(name, version, starts_on, key, owner, Origin.of_caller(1))
        self.steps: list[Step[..., Any]] = []
        self._compiled: Definition | None = None

    def __repr__(self) -> str:
        return f"<saga {self.heading.name} version {self.heading.version}>"

    def step(
        self,
        *,
        deadline: Span | None = None,
        retry: Retry | None = None,
        when: Callable[..., bool] | None = None,
        after: Sequence[Step[..., Any] | str] = (),
        no_undo: str | None = None,
    ) -> Callable[[Callable[P, C]], Step[P, C]]:
        """A step: a pure function from what it needs (start event, replies of other steps) to the command that it sends.

        `deadline` is how long one attempt waits for its answer, and must be given. `when` says whether the step is wanted at all;
        `after` orders without data. A step before the pivot has an undo, or says in `no_undo` why it needs none.
        """
        return self._adding(Terms(False, deadline, retry, when, after, no_undo))

    def pivot(
        self,
        *,
        deadline: Span | None = None,
        retry: Retry | None = None,
        when: Callable[..., bool] | None = None,
        after: Sequence[Step[..., Any] | str] = (),
        no_undo: str | None = None,
    ) -> Callable[[Callable[P, C]], Step[P, C]]:
        """The point of no return, at most one. It is issued when every step that does not depend on it has succeeded or was skipped;
        what depends on it is resent until it succeeds. `when` and `no_undo` are taken only to be refused with a reason."""
        return self._adding(Terms(True, deadline, retry, when, after, no_undo))

    def compile(self) -> Definition:
        """The graph of this saga, made once. Raises DefinitionError with every fault."""
        if self._compiled is None:
            self._compiled = compile_saga(self.heading, self.steps)
        return self._compiled

    def _adding(self, terms: Terms) -> Callable[[Callable[P, C]], Step[P, C]]:
        def decorate(function: Callable[P, C]) -> Step[P, C]:
            step = Step(function, terms, Origin.of_caller(1))
            self.steps.append(step)
            self._compiled = None
            return step

        return decorate
