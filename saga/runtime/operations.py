"""What people may ask of and do to sagas: REST and CLI both call this and nothing else, so every act has one code path.

An act goes through intake like a record: decide refuses or appends, the database fences.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from saga.ports.access import AuditRow
from saga.ports.streams import DefinitionRow, Page, PausedDefinition, SagaFilter, SagaRow
from saga.runtime.following import Place, Seen
from saga.runtime.record_operations import RecordOperations


@dataclass(frozen=True, slots=True)
class Started:
    """The answer to a start. `created` is False when the same start was given before: the first answer again."""

    saga_id: UUID
    created: bool


@dataclass(frozen=True, slots=True)
class HandAnswer:
    """What a person says in a participant's place, and how they know. `undo`: that the effect of a parked undo is gone; else that the
    step succeeded, with this reply. `reply_type` may be empty where the command has but one type of success."""

    evidence: str
    undo: bool = False
    reply_type: str = ""
    reply: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ActRequest:
    """Who does what to which saga. `input_id` is made once per request, before the first try, so a repetition is recognised.

    `step` names the step of an act on a step; `answer` is what an answer by hand says. `expected_version` is If-Match: the act is refused
    with code `version-changed` if the stream is not at it. `even_if_forgotten` is the person's explicit word to resend what participants
    may no longer remember.
    """

    saga_id: UUID
    actor: str
    reason: str
    input_id: str
    step: str = ""
    branch: str = ""
    expected_version: int | None = None
    even_if_forgotten: bool = False
    answer: HandAnswer | None = None


@dataclass(frozen=True, slots=True)
class DefinitionAct:
    """Who pauses or resumes all sagas of a definition, and why. `input_id` is made once a request."""

    definition: str
    actor: str
    reason: str
    input_id: str
    even_if_forgotten: bool = False


@dataclass(frozen=True, slots=True)
class DefinitionActResult:
    """Whether the definition is paused now, how many sagas this call changed and how many it could not (`refused`: they need the explicit
    word, or their version is not loaded here). `more`: there are others; ask again."""

    definition: str
    paused: bool
    changed: int
    refused: int
    more: bool


@dataclass(frozen=True, slots=True)
class ActResult:
    """What an act did: the version of the stream after it, the status, and the names of the events it appended (may be none)."""

    saga_id: UUID
    version: int
    status: str
    events: tuple[str, ...]
    held: bool = False  # the definition version is not loaded here: held for a replica that has it (202)


@dataclass(frozen=True, slots=True)
class StepView:
    """A step as people see it. `status` is one of design 4.3's; times are the database's."""

    step: str
    branch: str
    kind: str
    status: str
    command_id: str
    command_type: str
    participant: str
    attempt: int
    generation: int
    due_at: datetime | None
    undo_status: str
    undo_command_id: str
    undo_attempt: int
    undo_due_at: datetime | None
    detail: str


@dataclass(frozen=True, slots=True)
class SagaView:
    """A saga at a version: its row, its steps, and in one sentence what it waits for and why."""

    row: SagaRow
    partition_key: str
    trace_id: str
    cause: str
    steps: tuple[StepView, ...]
    explanation: str


@dataclass(frozen=True, slots=True)
class EventView:
    """An event as stored, upcast to today's shape. `data` is its body as plain JSON values."""

    version: int
    name: str
    at: datetime
    step: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a saga is."""

    saga_id: UUID
    version: int
    status: str
    ended: bool


class Live(Protocol):
    """Waiting for what happens next. Raises LookupError and Unavailable like Operations."""

    async def moved(self, tenant: str, saga_id: UUID, version: int, seconds: float) -> Progress:
        """How far the saga is once it is beyond `version`, or after so many seconds."""

    async def settled(self, tenant: str, saga_id: UUID, seconds: float) -> Progress:
        """How far the saga is once it has ended, or after so many seconds."""

    def check(self) -> None:
        """Raises Unavailable where nothing is told, so that nobody can follow."""

    def follow(self, since: Place | None) -> AsyncGenerator[Seen, None]:
        """Changes of the lives of all sagas of **all tenants** from a place on, or from now on: the caller lets through what may be seen.
        Endless, unless the caller is too slow. Raises Unavailable where nothing is told."""


class Operations(RecordOperations, Protocol):
    """Raises, everywhere: LookupError for what does not exist (or belongs to another tenant), Unavailable when the database is away."""

    async def start(self, tenant: str, definition: str, body: Mapping[str, Any], request_key: str) -> Started:
        """Start a saga from REST. Raises ContractError `unknown-definition`, `invalid-body` (detail says where), `conflicting-start`
        (same key or same request key with another body)."""

    async def cancel(self, tenant: str, act: ActRequest) -> ActResult:
        """Turn the saga back (design 4.8). Raises ActRefused with a code and a sentence."""

    async def retry(self, tenant: str, act: ActRequest) -> ActResult:
        """Send a step's command or its undo again, or build it again. Raises ActRefused."""

    async def skip(self, tenant: str, act: ActRequest) -> ActResult:
        """Go on without a step after the pivot, or without an undo that is parked. Raises ActRefused."""

    async def pause(self, tenant: str, act: ActRequest) -> ActResult:
        """Stop the saga where it is: what comes is recorded, nothing is sent. Raises ActRefused."""

    async def resume(self, tenant: str, act: ActRequest) -> ActResult:
        """Go on after a pause. Raises ActRefused, `forgotten` where a person's explicit word is needed."""

    async def doubt(self, tenant: str, act: ActRequest) -> ActResult:
        """Wait no longer for a step before the pivot: it is in doubt now, and undone. Raises ActRefused."""

    async def answer(self, tenant: str, act: ActRequest) -> ActResult:
        """Say in the participant's place that a pivot or a stuck step after it succeeded, or that a parked undo is done. Raises
        ActRefused."""

    async def fence(self, tenant: str, act: ActRequest) -> ActResult:
        """Ask the participant to make sure that an unanswered pivot never happens. Raises ActRefused."""

    async def pause_definition(self, tenant: str, act: DefinitionAct) -> DefinitionActResult:
        """Pause all sagas of a definition, those that start later included. Raises LookupError for a name that was never published."""

    async def resume_definition(self, tenant: str, act: DefinitionAct) -> DefinitionActResult:
        """End that pause. What was paused one by one stays paused. Raises LookupError for a name that was never published."""

    async def paused_definitions(self, tenant: str) -> Sequence[PausedDefinition]:
        """The paused definitions of a tenant."""

    async def show(self, tenant: str, saga_id: UUID, at_version: int | None = None) -> SagaView:
        """The saga now, or as of a version. Raises LookupError."""

    async def events(self, tenant: str, saga_id: UUID, after: int = 0, limit: int = 200) -> Sequence[EventView]:
        """Its events with versions above `after`."""

    async def find(self, tenant: str, definition: str, key: str) -> UUID:
        """The saga of a business key. Raises LookupError."""

    async def list_sagas(self, wanted: SagaFilter, limit: int, after: UUID | None) -> Page:
        """A page of sagas, newest first."""

    async def definitions(self) -> Sequence[DefinitionRow]:
        """Every definition version ever published, with its diagram."""

    async def definition_of(self, tenant: str, saga_id: UUID) -> str:
        """Which definition the saga follows. Raises LookupError."""

    async def audit(self, tenant: str, limit: int, before: int | None) -> Sequence[AuditRow]:
        """A page of the tenant's audit, newest first; `before` is the last position seen."""

    async def faults(self) -> Mapping[str, str]:
        """What is wrong now, by part (`postgres`, `kafka`, `intake`, `schema`, ...): empty when ready."""


class LiveOperations(Operations, Protocol):
    """The desk of a replica, which can also wait and follow; who asks from afar has streams for that."""

    @property
    def live(self) -> Live:
        """Waiting for what happens next."""
