"""A small desk for tests of REST and CLI: sagas in a dict, keys in a dict, and switches for what may go wrong."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from saga.body import canonical
from saga.errors import ActRefused, ContractError
from saga.ports.access import AuditRow
from saga.ports.messaging import InboundRecord
from saga.ports.records import ALL_RECORDS, DeadLetter, DeadRow, HeldRow, RecordFilter
from saga.ports.streams import DefinitionRow, Page, PausedDefinition, SagaFilter, SagaRow
from saga.runtime.following import Seen
from saga.runtime.operations import (
    ActRequest,
    ActResult,
    DefinitionAct,
    DefinitionActResult,
    EventView,
    Progress,
    SagaView,
    Started,
    StepView,
)
from saga.runtime.record_operations import LetterAct, LetterResult, RecordsAct, RecordsResult

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
DEFINITION = "fulfil-order"


def row(number: int, **changes: Any) -> SagaRow:
    """A running saga at version 3; higher numbers are newer."""
    made = SagaRow(
        saga_id=UUID(int=number),
        version=3,
        tenant="default",
        definition=DEFINITION,
        definition_version=1,
        key=f"order-{number}",
        status="running",
        ended=False,
        due_at=NOW + timedelta(seconds=30),
        started_at=NOW,
        last_progress=NOW,
        ended_at=None,
        waits_for="the answer to accept_order from order (attempt 1)",
        parked_steps=(),
    )
    return replace(made, **changes)


def step(name: str = "accept_order") -> StepView:
    """A step that waits for its first answer."""
    due = NOW + timedelta(seconds=30)
    command = "com.example.order.AcceptOrder.v1"
    return StepView(name, "", "compensatable", "issued", "c-1", command, "order", 1, 0, due, "", "", 0, None, "")


def letter(number: int) -> DeadRow:
    """A dead letter; the fake lists them by falling number."""
    record = InboundRecord("payment.events", 0, number, b"order-1", b'{"card": "secret-canary"}', ())
    return DeadRow(f"{number:064x}", DeadLetter(record, "", "unknown-saga", "no saga has this id"), NOW)


@dataclass
class FakeLive:
    """The part of the desk that waits and follows: `told` is what there is to tell."""

    told: list[Seen] = field(default_factory=list)
    since: Mapping[int, int] | None = None

    def _row(self, saga_id: UUID) -> SagaRow:
        raise NotImplementedError

    def _perhaps(self) -> None:
        raise NotImplementedError

    @property
    def live(self) -> "FakeLive":
        """It is its own."""
        return self

    async def moved(self, tenant: str, saga_id: UUID, version: int, seconds: float) -> Progress:
        """Waits for nothing that is there already."""
        found = self._row(saga_id)
        if found.version <= version:
            await asyncio.sleep(min(seconds, 0.01))
        return Progress(saga_id, found.version, found.status, found.ended)

    async def settled(self, tenant: str, saga_id: UUID, seconds: float) -> Progress:
        """Waits no longer than a moment."""
        return await self.moved(tenant, saga_id, 0, seconds)

    def check(self) -> None:
        """It can be followed."""
        self._perhaps()

    async def follow(self, since: Mapping[int, int] | None) -> AsyncGenerator[Seen, None]:
        """Tells what there is to tell."""
        self.since = since
        for seen in self.told:
            yield seen


@dataclass
class FakeOperations(FakeLive):
    """Answers like the real desk. `raises`: by every call; `wrong`: what readiness finds; `calls`: how often a definition must be asked."""

    rows: dict[UUID, SagaRow] = field(default_factory=dict)
    letters: list[DeadRow] = field(default_factory=list)
    acts: list[tuple[str, ActRequest]] = field(default_factory=list)
    starts: dict[str, tuple[bytes, UUID]] = field(default_factory=dict)
    wrong: Mapping[str, str] = field(default_factory=dict)
    raises: Exception | None = None
    held: bool = False
    definition_acts: list[DefinitionAct] = field(default_factory=list)
    calls: int = 1
    audited: list[AuditRow] = field(default_factory=list)

    def with_rows(self, count: int) -> "FakeOperations":
        """This desk with so many sagas, numbered from 1."""
        self.rows = {UUID(int=number): row(number) for number in range(1, count + 1)}
        return self

    async def start(self, tenant: str, definition: str, body: Mapping[str, Any], request_key: str) -> Started:
        self._perhaps()
        if definition != DEFINITION:
            raise ContractError("unknown-definition", "no definition of this name is loaded")
        if not isinstance(body.get("order_id"), str):
            raise ContractError("invalid-body", "order_id: Field required; lines.0.quantity: Input should be a valid integer")
        given = hashlib.sha256(canonical(dict(body))).digest()
        if request_key in self.starts:
            known, saga_id = self.starts[request_key]
            if known != given:
                raise ContractError("conflicting-start", "this key was used with another body")
            return Started(saga_id, created=False)
        saga_id = UUID(int=len(self.rows) + 1)
        self.rows[saga_id] = row(saga_id.int, key=str(body["order_id"]))
        self.starts[request_key] = given, saga_id
        return Started(saga_id, created=True)

    async def cancel(self, tenant: str, act: ActRequest) -> ActResult:
        return self._act("cancel", act)

    async def retry(self, tenant: str, act: ActRequest) -> ActResult:
        return self._act("retry", act)

    async def skip(self, tenant: str, act: ActRequest) -> ActResult:
        return self._act("skip", act)

    async def pause(self, tenant: str, act: ActRequest) -> ActResult:
        return self._act("pause", act)

    async def resume(self, tenant: str, act: ActRequest) -> ActResult:
        return self._act("resume", act)

    async def doubt(self, tenant: str, act: ActRequest) -> ActResult:
        return self._act("doubt", act)

    async def answer(self, tenant: str, act: ActRequest) -> ActResult:
        return self._act("answer", act)

    async def fence(self, tenant: str, act: ActRequest) -> ActResult:
        return self._act("fence", act)

    async def pause_definition(self, tenant: str, act: DefinitionAct) -> DefinitionActResult:
        return self._definition_act(act, paused=True)

    async def resume_definition(self, tenant: str, act: DefinitionAct) -> DefinitionActResult:
        return self._definition_act(act, paused=False)

    async def paused_definitions(self, tenant: str) -> Sequence[PausedDefinition]:
        self._perhaps()
        return [PausedDefinition(tenant, act.definition, act.actor, act.reason, act.input_id, NOW) for act in self.definition_acts[-1:]]

    async def show(self, tenant: str, saga_id: UUID, at_version: int | None = None) -> SagaView:
        found = self._row(saga_id)
        if at_version is not None:
            if at_version > found.version:
                raise LookupError(f"the saga has versions 1 to {found.version}")
            found = replace(found, version=at_version)
        return SagaView(found, found.key, "4bf92f3577b34da6a3ce929d0e0e4736", "", (step(),), found.waits_for)

    async def events(self, tenant: str, saga_id: UUID, after: int = 0, limit: int = 200) -> Sequence[EventView]:
        versions = range(after + 1, min(after + limit, self._row(saga_id).version) + 1)
        return [EventView(version, "StepIssued", NOW, "accept_order", {"attempt": 1}) for version in versions]

    async def find(self, tenant: str, definition: str, key: str) -> UUID:
        self._perhaps()
        for saga_id, found in self.rows.items():
            if (found.definition, found.key) == (definition, key):
                return saga_id
        raise LookupError("no saga has this key")

    async def list_sagas(self, wanted: SagaFilter, limit: int, after: UUID | None) -> Page:
        self._perhaps()
        fits = [
            found
            for found in sorted(self.rows.values(), key=lambda one: one.saga_id, reverse=True)
            if (after is None or found.saga_id < after)
            and wanted.status in (None, found.status)
            and wanted.definition in (None, found.definition)
            and wanted.key in (None, found.key)
        ]
        return Page(tuple(fits[:limit]), fits[limit - 1].saga_id if len(fits) > limit else None)

    async def dead_letters(
        self, tenant: str | None, limit: int, after: str | None, wanted: RecordFilter = ALL_RECORDS
    ) -> Sequence[DeadRow]:
        self._perhaps()
        return [one for one in self.letters if after is None or one.id < after][:limit]

    async def dead_letter(self, tenant: str, letter: str) -> DeadRow:
        self._perhaps()
        for one in self.letters:
            if one.id == letter:
                return one
        raise LookupError("no dead letter has this id")

    async def redrive(self, tenant: str, act: LetterAct) -> LetterResult:
        return LetterResult((await self.dead_letter(tenant, act.letter)).id, "ignored", "duplicate")

    async def discard(self, tenant: str, act: LetterAct) -> LetterResult:
        return LetterResult((await self.dead_letter(tenant, act.letter)).id, "discarded", "")

    async def redrive_many(self, tenant: str, act: RecordsAct) -> RecordsResult:
        self._perhaps()
        return RecordsResult(done=bool(act.confirm), count=len(self.letters))

    async def held_records(self, tenant: str, limit: int, wanted: RecordFilter = ALL_RECORDS) -> Sequence[HeldRow]:
        self._perhaps()
        return []

    async def retry_held(self, tenant: str, act: RecordsAct) -> RecordsResult:
        self._perhaps()
        return RecordsResult(done=bool(act.confirm), count=0)

    async def definitions(self) -> Sequence[DefinitionRow]:
        self._perhaps()
        return [DefinitionRow(DEFINITION, 1, "abc", ("order.events",), "flowchart TD\n", "com.example.order.OrderPlaced.v1")]

    async def definition_of(self, tenant: str, saga_id: UUID) -> str:
        return self._row(saga_id).definition

    async def audit(self, tenant: str, limit: int, before: int | None) -> Sequence[AuditRow]:
        self._perhaps()
        return [one for one in reversed(self.audited) if before is None or one.position < before][:limit]

    async def faults(self) -> Mapping[str, str]:
        self._perhaps()
        return self.wrong

    def _definition_act(self, act: DefinitionAct, *, paused: bool) -> DefinitionActResult:
        self._perhaps()
        if act.definition != DEFINITION:
            raise LookupError("no definition of this name was ever published")
        self.definition_acts.append(act)
        return DefinitionActResult(act.definition, paused, len(self.rows), 0, more=len(self.definition_acts) < self.calls)

    def _perhaps(self) -> None:
        if self.raises is not None:
            raise self.raises

    def _row(self, saga_id: UUID) -> SagaRow:
        self._perhaps()
        if saga_id not in self.rows:
            raise LookupError("no saga has this id")
        return self.rows[saga_id]

    def _act(self, verb: str, act: ActRequest) -> ActResult:
        found = self._row(act.saga_id)
        if act.expected_version not in (None, found.version):
            raise ActRefused("version-changed", f"the saga is at version {found.version}, not {act.expected_version}")
        if act.step == "ship":
            raise ActRefused("not-issued", "ship has not been issued")
        self.acts.append((verb, act))
        if self.held:
            return ActResult(act.saga_id, found.version, found.status, (), held=True)
        self.rows[act.saga_id] = replace(found, version=found.version + 1, status="compensating")
        return ActResult(act.saga_id, found.version + 1, "compensating", ("TurnedBack",))
