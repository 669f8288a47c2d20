"""What is known of a saga: frozen data that `evolve` makes from its events, and questions about it."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from saga.core.events import SagaPaused, SagaStarted, TurnedBack
from saga.values import value

PARKED = "parked"


class Do(StrEnum):
    """Where the do of a step stands. A step without a command yet is not in the state at all."""

    ISSUED = "issued"
    RETRYING = "retrying"
    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    IN_DOUBT = "in doubt"
    SKIPPED = "skipped"
    BUILD_FAILED = "build failed"


class Undo(StrEnum):
    """Where the undo (or fence) of a step stands. NOTHING: answered nothing-to-undo. FENCED: the fence learned that the do is done."""

    ISSUED = "undoing"
    RETRYING = "retrying undo"
    UNDONE = "undone"
    NOTHING = "nothing to undo"
    FENCED = "fenced"
    PARKED = "undo parked"
    SKIPPED = "undo skipped"


class StepId(NamedTuple):
    """A step and one of its branches ('' where it has but one)."""

    step: str
    branch: str = ""


class CommandRef(NamedTuple):
    """What a command id stands for."""

    of: StepId
    undo: bool
    generation: int


@value
class Sending:
    """A command as it is sent again and again until it is answered.

    `due_at` is the deadline of the attempt that runs, or when the next one begins; None when nothing is awaited. The budget counts
    attempts from `budget_from` and time from `budget_since`.
    """

    command_id: str
    generation: int
    participant: str
    type: str
    body: bytes
    issued_at: datetime
    answer_within_ms: int
    attempts: int
    first_ms: int
    cap_ms: int
    attempt: int
    due_at: datetime | None
    budget_from: int
    budget_since: datetime
    last_sent_at: datetime
    undoes: str = ""

    @property
    def attempts_used(self) -> int:
        """Attempts of the present budget, the running one included."""
        return self.attempt - self.budget_from + 1


@value
class Step:
    """One branch of a step.

    `happened`: a success of the do is known. `unanswered`: the do's budget is spent, resending goes on. `nothings` counts answers
    nothing-to-undo. `undo_answer`: the lasting answer to the undo sent last.
    """

    id: StepId
    kind: str
    after: tuple[str, ...]
    do: Do
    sending: Sending | None = None
    reply_type: str = ""
    reply: bytes | None = None
    happened: bool = False
    unanswered: bool = False
    detail: str = ""
    skipped_by_hand: bool = False
    undo: Undo | None = None
    undo_sending: Sending | None = None
    undo_answer: str = ""
    undo_unanswered: bool = False
    fence: bool = False
    nothings: int = 0
    undo_detail: str = ""

    @property
    def awaits_do(self) -> bool:
        """A reply to the do is still waited for."""
        return self.do in (Do.ISSUED, Do.RETRYING)

    @property
    def awaits_undo(self) -> bool:
        """A reply to the undo is still waited for."""
        return self.undo in (Undo.ISSUED, Undo.RETRYING)

    @property
    def undo_open(self) -> bool:
        """An undo was sent, and the one sent last has no lasting answer yet."""
        return self.undo_sending is not None and not self.undo_answer


class Life(NamedTuple):
    """The newest change of a saga's life: what it was, at which version, the version of the change before, and the status since then."""

    what: str = ""
    version: int = 0
    previous: int = 0
    status: str = ""


UNBORN = Life()


@value
class State:
    """A fold: everything a decision needs of one saga. `version` is that of its last event, 0 before the first."""

    version: int = 0
    started: SagaStarted | None = None
    steps: Mapping[StepId, Step] = field(default_factory=dict)
    commands: Mapping[str, CommandRef] = field(default_factory=dict)
    turned_back: TurnedBack | None = None
    paused: SagaPaused | None = None
    ended: str = ""
    ended_at: datetime | None = None
    last_progress: datetime | None = None
    inputs: frozenset[str] = frozenset()
    ignored: frozenset[tuple[str, str]] = frozenset()
    life: Life = UNBORN

    @property
    def start(self) -> SagaStarted:
        """The first event; only a fold of nothing has none."""
        if self.started is None:
            raise LookupError("the saga has not started")
        return self.started

    @property
    def business(self) -> tuple[str, str, str]:
        """(tenant, definition, key): what command ids are made from."""
        return self.start.tenant, self.start.definition, self.start.key

    def clock(self, now: datetime) -> datetime:
        """The saga's own time: it stands still while the saga is paused."""
        return now if self.paused is None else self.paused.at

    def step(self, name: str, branch: str = "") -> Step | None:
        """The step, if it was issued, skipped, or failed to build."""
        return self.steps.get(StepId(name, branch))


def status_of(state: State) -> str:
    """The status of design 4.3: the first that fits."""
    if state.ended:
        return state.ended
    if state.paused is not None:
        return "paused"
    if any(needs_person(state, step) for step in state.steps.values()):
        return PARKED
    return "running" if state.turned_back is None else "compensating"


def needs_person(state: State, step: Step) -> bool:
    """Whether this step makes the saga count as parked (design 4.3)."""
    if step.undo is Undo.PARKED or (step.undo_unanswered and step.awaits_undo):
        return True
    if state.turned_back is not None:
        return False
    return step.do is Do.BUILD_FAILED or (step.unanswered and step.awaits_do) or (step.do is Do.REFUSED and step.kind == "retriable")


def next_due(state: State) -> datetime | None:
    """The earliest moment at which a deadline of the saga may have something to do; None if nothing will."""
    if state.ended or state.paused is not None:
        return None
    dues = [
        sending.due_at
        for step in state.steps.values()
        for awaited, sending in ((step.awaits_do, step.sending), (step.awaits_undo, step.undo_sending))
        if awaited and sending is not None and sending.due_at is not None
    ]
    return min(dues, default=None)
