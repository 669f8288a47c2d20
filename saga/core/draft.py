"""A decision in the making: the fold as it will be, and the events that bring it there."""

from datetime import datetime

from saga.core.events import Event
from saga.core.evolve import evolve
from saga.core.inputs import Decision, Ignored
from saga.core.state import State
from saga.definition.graph import Definition


class Draft:
    """Handlers emit events into it; each evolves `state` at once, so the next line of a handler already sees it."""

    def __init__(self, definition: Definition, state: State, now: datetime) -> None:
        self.definition = definition
        self.state = state
        self.now = now
        self._events: list[Event] = []
        self._states: list[State] = []
        self._ignored: Ignored | None = None
        self._detail = ""

    @property
    def clock(self) -> datetime:
        """What deadlines are reckoned from: now, or when the saga was paused."""
        return self.state.clock(self.now)

    def emit(self, event: Event) -> None:
        """Append an event to the decision."""
        self.state = evolve(self.state, event)
        self._events.append(event)
        self._states.append(self.state)

    def ignore(self, why: Ignored, detail: str = "") -> None:
        """Say why nothing happens; it counts only if nothing was emitted."""
        self._ignored = why
        self._detail = detail

    def decision(self) -> Decision:
        """What was decided."""
        if self._events:
            return Decision(tuple(self._events), self._ignored, self._detail, tuple(self._states))
        return Decision((), self._ignored or Ignored.DUPLICATE, self._detail)
