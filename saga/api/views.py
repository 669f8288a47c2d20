"""What clients see: every field is listed here, so nothing internal gets out by being added to a row (A3)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from saga.ports.access import AuditEntry, AuditRow
from saga.ports.streams import DefinitionRow, PausedDefinition, SagaRow
from saga.runtime.operations import ActResult, EventView, SagaView


class _Seen(BaseModel):
    model_config = ConfigDict(from_attributes=True, frozen=True)


class StartedSaga(_Seen):
    """The answer to a start, the same on every repetition, but for `outcome`, which is there where `Prefer: wait` was honoured."""

    saga_id: UUID
    href: str
    outcome: "Outcome | None" = None


class ListedSaga(_Seen):
    """A saga in a list. Times are the database's; `waits_for` is one sentence."""

    saga_id: UUID
    definition: str
    definition_version: int
    key: str
    status: str
    ended: bool
    version: int
    started_at: datetime
    last_progress: datetime
    ended_at: datetime | None
    due_at: datetime | None
    waits_for: str
    parked_steps: list[str]


class Outcome(_Seen):
    """How far the saga was when the answer to `Prefer: wait` was given. `ended`: `status` is its outcome."""

    version: int
    status: str
    ended: bool


class SagaPage(_Seen):
    """A page of sagas, newest first; `next` is the cursor of the page after it."""

    items: list[ListedSaga]
    next: str | None


class SeenStep(_Seen):
    """A step: what was sent, what it waits for, and what became of its undo."""

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


class ShownSaga(ListedSaga):
    """One saga. `explanation` says what it waits for and why; `cause` why it turned back."""

    partition_key: str
    trace_id: str
    cause: str
    explanation: str
    steps: list[SeenStep]
    events_href: str


class SeenEvent(_Seen):
    """An event of the stream, in today's shape."""

    version: int
    name: str
    at: datetime
    step: str
    data: Mapping[str, Any]


class EventPage(_Seen):
    """Events in order; `next` is the `after` of the page behind them."""

    items: list[SeenEvent]
    next: int | None


class DoneAct(_Seen):
    """What an act did: the version behind it and the events it caused. `held`: a replica with this definition version will decide it."""

    saga_id: UUID
    version: int
    status: str
    events: list[str]
    held: bool


class DefinitionPause(_Seen):
    """Whether all sagas of the definition are paused now, how many this request changed, and how many it could not. `more`: ask again."""

    definition: str
    paused: bool
    changed: int
    refused: int
    more: bool


class PublishedDefinition(_Seen):
    """A definition version that some replica has loaded. `paused_by` says who paused all its sagas, empty if nobody did."""

    name: str
    version: int
    hash: str
    starts_on: str
    topics: list[str]
    diagram_href: str
    paused_by: str
    paused_because: str
    paused_at: datetime | None


class DefinitionList(_Seen):
    """Every definition version ever published."""

    items: list[PublishedDefinition]


class SeenAudit(_Seen):
    """A row of audit: who did or tried what, when, on what, why, and what came of it. `hash` (hex) covers it and every row before."""

    position: int
    at: datetime
    actor: str
    act: str
    outcome: str
    saga_id: str
    definition: str
    step: str
    reason: str
    detail: str
    input_id: str
    hash: str


class AuditPage(_Seen):
    """A page of the audit, newest first."""

    items: list[SeenAudit]
    next: str | None


class Liveness(_Seen):
    """The process answers."""

    alive: bool = True


class Readiness(_Seen):
    """Everything that the process needs is there."""

    ready: bool = True


def listed(row: SagaRow) -> ListedSaga:
    """A row as clients see it."""
    return ListedSaga.model_validate(row)


def shown(view: SagaView) -> ShownSaga:
    """A saga as clients see it."""
    return ShownSaga(
        **listed(view.row).model_dump(),
        partition_key=view.partition_key,
        trace_id=view.trace_id,
        cause=view.cause,
        explanation=view.explanation,
        steps=[SeenStep.model_validate(step) for step in view.steps],
        events_href=f"{saga_href(view.row.saga_id)}/events",
    )


def seen_event(event: EventView) -> SeenEvent:
    """An event as clients see it."""
    return SeenEvent.model_validate(event)


def done(result: ActResult) -> DoneAct:
    """An act's result as clients see it."""
    return DoneAct.model_validate(result)


def published(row: DefinitionRow, pause: PausedDefinition | None) -> PublishedDefinition:
    """A definition version as clients see it."""
    return PublishedDefinition(
        name=row.name,
        version=row.version,
        hash=row.hash,
        starts_on=row.starts_on,
        topics=list(row.topics),
        diagram_href=f"/v1/definitions/{row.name}/{row.version}/diagram",
        paused_by=pause.actor if pause else "",
        paused_because=pause.reason if pause else "",
        paused_at=pause.paused_at if pause else None,
    )


def audited(row: AuditRow) -> SeenAudit:
    """A row of audit as clients see it."""
    said = {name: getattr(row.entry, name) for name in SeenAudit.model_fields if name in AuditEntry.__dataclass_fields__}
    return SeenAudit(**said, position=row.position, at=row.at, hash=row.hash.hex())


def saga_href(saga_id: UUID) -> str:
    """Where a saga is shown."""
    return f"/v1/sagas/{saga_id}"
