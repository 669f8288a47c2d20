"""Given, when, then: the story of a saga told without a loop, a database or a clock.

    given(fulfil_order, started(placed), succeeded("accept_order", OrderAccepted(...)), succeeded("reserve_stock", ...))
        .when(refused("authorize_payment", code="no-funds"))
        .then(StepRefused, TurnedBack(cause="refused"), UndoIssued("reserve_stock"))

`given` and `when` take inputs made by the functions of `saga.testing.inputs`. `then` lists what was decided, all of it
and in order: an event's name, or a call with the step and any fields that matter.

Every decision is checked for purity on the way: it is taken twice, and once more on a fold of the events as they are stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from saga.core import events as e
from saga.core.decide import decide
from saga.core.effects import CommandToSend, command_of
from saga.core.evolve import fold
from saga.core.inputs import Decision, Ignored, Input
from saga.core.project import status_of
from saga.core.state import State, next_due
from saga.core.upcast import decode, encode
from saga.definition.graph import Definition
from saga.definition.words import Saga
from saga.errors import ActRefused
from saga.testing.inputs import Said

NOON: Final = datetime(2025, 1, 1, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Expected:
    """An event that `then` waits for: its class, and the fields that matter. Call it to say more."""

    kind: type[e.Event]
    fields: Mapping[str, object] = field(default_factory=dict)

    def __call__(self, step: str | None = None, **fields: object) -> "Expected":
        """The same event about a step, or with these fields."""
        return Expected(self.kind, {**self.fields, **({} if step is None else {"step": step}), **fields})

    def fits(self, event: e.Event) -> bool:
        """Whether the event is of this class and has these fields."""
        return type(event) is self.kind and all(getattr(event, name) == value for name, value in self.fields.items())

    def __str__(self) -> str:
        return f"{self.kind.__name__}({', '.join(f'{name}={value!r}' for name, value in self.fields.items())})"


SagaStarted: Final = Expected(e.SagaStarted)
StepIssued: Final = Expected(e.StepIssued)
StepResent: Final = Expected(e.StepResent)
StepFailed: Final = Expected(e.StepFailed)
StepDoubted: Final = Expected(e.StepDoubted)
StepProgressed: Final = Expected(e.StepProgressed)
StepSucceeded: Final = Expected(e.StepSucceeded)
StepRefused: Final = Expected(e.StepRefused)
StepSkipped: Final = Expected(e.StepSkipped)
TurnedBack: Final = Expected(e.TurnedBack)
UndoIssued: Final = Expected(e.UndoIssued)
UndoResent: Final = Expected(e.UndoResent)
UndoProgressed: Final = Expected(e.UndoProgressed)
UndoFailed: Final = Expected(e.UndoFailed)
UndoSucceeded: Final = Expected(e.UndoSucceeded)
UndoRefused: Final = Expected(e.UndoRefused)
UndoParked: Final = Expected(e.UndoParked)
UndoSkipped: Final = Expected(e.UndoSkipped)
BuildFailed: Final = Expected(e.BuildFailed)
ReplyIgnored: Final = Expected(e.ReplyIgnored)
SagaPaused: Final = Expected(e.SagaPaused)
SagaResumed: Final = Expected(e.SagaResumed)
SagaReopened: Final = Expected(e.SagaReopened)
SagaCompleted: Final = Expected(e.SagaCompleted)
SagaCompensated: Final = Expected(e.SagaCompensated)
SagaCancelled: Final = Expected(e.SagaCancelled)


@dataclass(frozen=True, slots=True)
class Story:
    """A saga so far, and what the last input led to: `decided`, or `refused` if it was an act that did not fit."""

    definition: Definition
    now: datetime = NOON
    events: tuple[e.Event, ...] = ()
    decided: Decision = field(default_factory=Decision)
    refused: ActRefused | None = None

    @property
    def state(self) -> State:
        """The fold."""
        return fold(self.events)

    @property
    def status(self) -> str:
        """The saga's status."""
        return status_of(self.state)

    @property
    def sent(self) -> tuple[CommandToSend, ...]:
        """The commands that the last decision sends."""
        state = self.state
        return tuple(command for event in self.decided.events if (command := command_of(state, event)) is not None)

    def when(self, *said: Said) -> "Story":
        """Let these come, one after the other. Whatever is asked of the story afterwards is about the last."""
        story = self
        for one in said:
            story = story._hear(one)
        return story

    def then(self, *expected: Expected) -> "Story":
        """Exactly these events were decided, in this order."""
        events = self.decided.events
        if len(events) != len(expected) or not all(want.fits(event) for want, event in zip(expected, events, strict=True)):
            raise AssertionError(f"expected {_lines(expected)}\ndecided  {_lines(events)}{self._why()}")
        return self

    def then_nothing(self, why: Ignored | None = None) -> "Story":
        """Nothing was decided, for this reason."""
        if self.decided.events or self.refused or (why is not None and self.decided.ignored is not why):
            raise AssertionError(f"expected nothing{f', {why.value}' if why else ''}\ndecided  {_lines(self.decided.events)}{self._why()}")
        return self

    def then_refused(self, code: str) -> "Story":
        """The operator's act was refused with this code."""
        if self.refused is None or self.refused.code != code:
            raise AssertionError(f"expected the act to be refused as {code}\ndecided  {_lines(self.decided.events)}{self._why()}")
        return self

    def _why(self) -> str:
        return f"\nignored  {self.decided.ignored} {self.decided.detail}\nrefused  {self.refused}"

    def _hear(self, said: Said) -> "Story":
        state = self.state
        now = self.now + said.after if said.after is not None else max(self.now, next_due(state) or self.now)
        given = said.make(self.definition, state)
        try:
            decided = _decide_purely(self.definition, self.events, given, now)
        except ActRefused as refused:
            return replace(self, now=now, decided=Decision(), refused=refused)
        return replace(self, now=now, events=self.events + decided.events, decided=decided, refused=None)


def given(definition: Definition | Saga[Any], *history: Said | e.Event, at: datetime = NOON) -> Story:
    """A saga to which this has happened: inputs, or events as they are stored. Raises DefinitionError for a faulty definition."""
    story = Story(definition.compile() if isinstance(definition, Saga) else definition, at)
    for one in history:
        story = replace(story, events=(*story.events, one)) if isinstance(one, e.Event) else story.when(one)
    return story


def _decide_purely(definition: Definition, events: tuple[e.Event, ...], given: Input, now: datetime) -> Decision:
    decided = decide(definition, fold(events), given, now)
    stored = tuple(decode(encode(event)) for event in events)
    if stored != events or fold(stored) != fold(events):
        raise AssertionError("the events are not the same after they were stored")
    if not decided == decide(definition, fold(events), given, now) == decide(definition, fold(stored), given, now):
        raise AssertionError("the same input was decided in two ways: decide or a user function is not pure")
    return decided


def _lines(events: tuple[object, ...]) -> str:
    return "".join(f"\n  {event}" for event in events) or "nothing"
