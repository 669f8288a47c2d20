"""A saga's life: which events change it, and what is told of each change on `saga.lifecycle` (design section 8).

SagaStarted TurnedBack SagaPaused SagaResumed SagaReopened, an end ──> always a change
an event after which the saga counts as parked, or no more         ──> parked, unparked
every other event                                                  ──> no change; told only where the settings ask for steps

The fold keeps the newest change (`State.life`), so the chain of changes follows from the stream alone and asks no settings: a reader that
knows the change before drops copies and sorts. Two replicas that tell of one event tell the same, byte for byte.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from saga.core import events as e
from saga.core.state import PARKED, Life, State, status_of
from saga.values import value

_ALWAYS: Mapping[type[e.Event], str] = {
    e.SagaStarted: "started",
    e.TurnedBack: "turned-back",
    e.SagaPaused: "paused",
    e.SagaResumed: "resumed",
    e.SagaReopened: "reopened",
    e.SagaCompleted: "ended",
    e.SagaCompensated: "ended",
    e.SagaCancelled: "ended",
}
_MAY_PARK = (e.StepFailed, e.StepRefused, e.BuildFailed, e.UndoParked, e.UndoRefused)
WHATS = tuple(sorted({*_ALWAYS.values(), "parked", "unparked"}))


@value
class Telling:
    """What is told: nothing, the saga's life, or its steps too."""

    life: bool = True
    steps: bool = False

    def tells(self, state: State, event: e.Event) -> bool:
        """Whether there is a record of the event, read in the fold that it is the last of."""
        return self.life and (state.life.version == state.version or (self.steps and isinstance(event, e.OfStep)))


@value
class LifeToSend:
    """A change of a saga's life. `previous` is the version of the change before, 0 for the first; `status` is that right after the event,
    `waits_for` what the saga waits for once everything of that decision has happened; `causation` the message or act that led to it."""

    what: str
    version: int
    previous: int
    status: str
    waits_for: str
    at: datetime
    event: str
    step: str
    cause: str
    causation: str
    tenant: str
    definition: str
    definition_version: int
    key: str
    traceparent: str
    tracestate: str


def life_after(before: Life, event: e.Event, state: State) -> Life:
    """The newest change once `event` has made `state`."""
    what = _ALWAYS.get(type(event), "") or _parking(before, event, state)
    return Life(what, state.version, before.version, status_of(state)) if what else before


def life_of(state: State, event: e.Event, history: Sequence[e.Event], waits_for: str) -> LifeToSend:
    """What is told of an event. `state` is the fold that it is the last of, `history` some events up to it and with it."""
    start, life = state.start, state.life
    changed = life.version == state.version
    return LifeToSend(
        what=life.what if changed else _kebab(type(event).__name__),
        version=state.version,
        previous=life.previous if changed else life.version,
        status=life.status,
        waits_for=waits_for,
        at=event.at,
        event=type(event).__name__,
        step=getattr(event, "step", ""),
        cause=getattr(event, "cause", ""),
        causation=_causation(event.at, history),
        tenant=start.tenant,
        definition=start.definition,
        definition_version=start.definition_version,
        key=start.key,
        traceparent=start.traceparent,
        tracestate=start.tracestate,
    )


def _parking(before: Life, event: e.Event, state: State) -> str:
    """Why not for every event: on the way that most sagas go nothing parks, and nothing has to be looked through."""
    if before.status != PARKED and not isinstance(event, _MAY_PARK):
        return ""
    after = status_of(state)
    if (before.status == PARKED) == (after == PARKED):
        return ""
    return "parked" if after == PARKED else "unparked"


def _causation(at: datetime, history: Sequence[e.Event]) -> str:
    """The input of the decision: its first event names it, and one moment is one decision. Empty where a deadline was the cause."""
    for event in reversed(history):
        if event.at != at:
            break
        if found := getattr(event, "message_id", "") or getattr(event, "input_id", ""):
            return str(found)
    return ""


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()
