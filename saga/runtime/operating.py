"""The desk where people ask and act: `Operations` over the store, the intake and the loaded definitions."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from saga.body import canonical
from saga.core.evolve import fold
from saga.core.explain import explain
from saga.core.inputs import REMEMBERED, Act, AnswerByHand, Cancel, Doubt, Fence, Pause, Resume, RetryByHand, Skip
from saga.core.project import row_of, step_status
from saga.core.state import State, Step
from saga.core.upcast import decode, decode_body
from saga.errors import ContractError, Unavailable
from saga.messages import Envelope
from saga.ports.access import AuditRow
from saga.ports.streams import DefinitionRow, Page, PausedDefinition, SagaFilter, SagaKey, SagaRow, Store
from saga.runtime.definition_acts import DefinitionActs
from saga.runtime.intake import Intake
from saga.runtime.operations import (
    ActRequest,
    ActResult,
    DefinitionAct,
    DefinitionActResult,
    EventView,
    HandAnswer,
    SagaView,
    Started,
    StepView,
)
from saga.runtime.record_acts import RecordActs
from saga.runtime.routing import Router
from saga.runtime.watching import Watching
from saga.runtime.work import REQUEST_SCOPE, Appended, Held, Nothing, Refused, Work

Faults = Callable[[], Mapping[str, str]]


class Desk(RecordActs):
    """What REST and CLI call. Every act goes through intake, so the database fences it like a record."""

    def __init__(
        self, store: Store, intake: Intake, router: Router, faults: Faults, live: Watching, remembered: timedelta = REMEMBERED
    ) -> None:
        super().__init__(store, intake, router)
        self._faults = faults
        self.live = live
        self._remembered = remembered
        self._definition_acts = DefinitionActs(store, intake, remembered)

    async def start(self, tenant: str, definition: str, body: Mapping[str, Any], request_key: str) -> Started:
        """Start a saga; the same request key, or the same business key, with the same body gives the first answer again."""
        known = self._router.newest(definition)
        if known is None:
            rows = [row for row in await self._store.definitions() if row.name == definition]
            if rows:
                raise Unavailable("definition", f"this replica has no version of {definition} loaded that all replicas have")
            raise ContractError("unknown-definition", "no definition of this name is loaded")
        envelope = Envelope(
            id=request_key, source="request", type=known.starts_on.message_type, body=canonical(dict(body)), attributes={"tenant": tenant}
        )
        work = self._router.start_work(known, envelope)
        work.request = SagaKey(tenant, f"{REQUEST_SCOPE}:{definition}", hashlib.sha256(request_key.encode()).hexdigest())
        await self._intake.inputs([work])
        match work.result:
            case Appended(saga_id):
                return Started(saga_id, created=True)
            case Nothing(saga_id):
                return Started(saga_id, created=False)
            case Refused() as refused:
                raise refused.error()
        raise Unavailable("intake", "the start could not be decided")

    async def cancel(self, tenant: str, act: ActRequest) -> ActResult:
        """Turn the saga back."""
        return await self._act(tenant, act, Cancel(**_who(act)))

    async def retry(self, tenant: str, act: ActRequest) -> ActResult:
        """Send or build a step, or its undo, again."""
        given = RetryByHand(
            **_who(act), step=act.step, branch=act.branch, even_if_forgotten=act.even_if_forgotten, remembered=self._remembered
        )
        return await self._act(tenant, act, given)

    async def skip(self, tenant: str, act: ActRequest) -> ActResult:
        """Go on without a stuck step or a parked undo."""
        return await self._act(tenant, act, Skip(**_who(act), step=act.step, branch=act.branch))

    async def pause(self, tenant: str, act: ActRequest) -> ActResult:
        """Stop the saga where it is."""
        return await self._act(tenant, act, Pause(**_who(act)))

    async def resume(self, tenant: str, act: ActRequest) -> ActResult:
        """Go on after a pause."""
        return await self._act(tenant, act, Resume(**_who(act), even_if_forgotten=act.even_if_forgotten, remembered=self._remembered))

    async def doubt(self, tenant: str, act: ActRequest) -> ActResult:
        """Wait no longer for a step before the pivot."""
        return await self._act(tenant, act, Doubt(**_who(act), step=act.step, branch=act.branch))

    async def answer(self, tenant: str, act: ActRequest) -> ActResult:
        """Answer in a participant's place."""
        said = act.answer or HandAnswer("")
        body = canonical(dict(said.reply)).decode()
        where: dict[str, Any] = {"step": act.step, "branch": act.branch, "undo": said.undo, "type": said.reply_type}
        return await self._act(tenant, act, AnswerByHand(**_who(act), **where, evidence=said.evidence, body=body))

    async def fence(self, tenant: str, act: ActRequest) -> ActResult:
        """Make sure that an unanswered pivot never happens."""
        return await self._act(tenant, act, Fence(**_who(act), step=act.step, branch=act.branch))

    async def pause_definition(self, tenant: str, act: DefinitionAct) -> DefinitionActResult:
        """Pause all sagas of a definition, those that start later included."""
        return await self._definition_acts.pause(tenant, act)

    async def resume_definition(self, tenant: str, act: DefinitionAct) -> DefinitionActResult:
        """End that pause."""
        return await self._definition_acts.resume(tenant, act)

    async def paused_definitions(self, tenant: str) -> Sequence[PausedDefinition]:
        """The paused definitions of a tenant."""
        return [row for row in await self._store.paused_definitions() if row.tenant == tenant]

    async def _act(self, tenant: str, act: ActRequest, given: Act) -> ActResult:
        row = await self._row(tenant, act.saga_id)
        work = Work(given=given, saga_id=act.saga_id, target=str(act.saga_id), tenant=tenant)
        await self._intake.inputs([work])
        match work.result:
            case Appended(saga_id, events, state):
                return ActResult(saga_id, state.version, row_of(saga_id, state).status, tuple(type(event).__name__ for event in events))
            case Nothing(saga_id, _, state) if state is not None:
                return ActResult(saga_id, state.version, row_of(saga_id, state).status, ())
            case Held():
                return ActResult(act.saga_id, row.version, row.status, (), held=True)
            case Refused() as refused:
                raise refused.error()
        raise Unavailable("intake", "the act could not be decided")

    async def show(self, tenant: str, saga_id: UUID, at_version: int | None = None) -> SagaView:
        """The saga now, or as of a version: folded from its events, so it is right whatever the row says."""
        state = await self._state(tenant, saga_id, at_version)
        start = state.start
        return SagaView(
            row=row_of(saga_id, state),
            partition_key=start.partition_key,
            trace_id=start.traceparent.split("-")[1] if start.traceparent.count("-") == 3 else "",
            cause=state.turned_back.cause if state.turned_back else "",
            steps=tuple(_step_view(state, step) for step in state.steps.values()),
            explanation=explain(state),
        )

    async def events(self, tenant: str, saga_id: UUID, after: int = 0, limit: int = 200) -> Sequence[EventView]:
        """Its events above a version."""
        bodies = await self._bodies(tenant, saga_id)
        return [_event_view(version, body) for version, body in enumerate(bodies, 1) if after < version <= after + limit]

    async def find(self, tenant: str, definition: str, key: str) -> UUID:
        """The saga of a business key."""
        row = await self._store.find_key(SagaKey(tenant, definition, key))
        if row is None:
            raise LookupError("no saga has this key")
        return row.saga_id

    async def list_sagas(self, wanted: SagaFilter, limit: int, after: UUID | None) -> Page:
        """A page of sagas, newest first."""
        return await self._store.list_sagas(wanted, limit, after)

    async def definitions(self) -> Sequence[DefinitionRow]:
        """Every definition version ever published."""
        return await self._store.definitions()

    async def definition_of(self, tenant: str, saga_id: UUID) -> str:
        """Which definition the saga follows."""
        return (await self._row(tenant, saga_id)).definition

    async def audit(self, tenant: str, limit: int, before: int | None) -> Sequence[AuditRow]:
        """A page of the audit, newest first."""
        return await self._store.audit(tenant, limit, before)

    async def faults(self) -> Mapping[str, str]:
        """What is wrong now: empty when ready."""
        found = dict(self._faults())
        try:
            await self._store.ping()
        except Unavailable as error:
            found[error.what] = error.detail
        return found

    async def _row(self, tenant: str, saga_id: UUID) -> SagaRow:
        row = await self._store.get(saga_id)
        if row is None:
            state = await self._state(tenant, saga_id, None)
            return row_of(saga_id, state)
        if row.tenant != tenant:
            raise LookupError("no saga has this id")
        return row

    async def _state(self, tenant: str, saga_id: UUID, at_version: int | None) -> State:
        bodies = await self._bodies(tenant, saga_id)
        if at_version is not None and not 1 <= at_version <= len(bodies):
            raise LookupError(f"the saga has versions 1 to {len(bodies)}")
        return fold(decode(body) for body in bodies[:at_version])

    async def _bodies(self, tenant: str, saga_id: UUID) -> list[bytes]:
        bodies = await self._store.load(saga_id)
        if not bodies or decode_body(bodies[0]).get("tenant") != tenant:
            raise LookupError("no saga has this id")
        return bodies


def _who(act: ActRequest) -> dict[str, Any]:
    return {"actor": act.actor, "reason": act.reason, "input_id": act.input_id, "expected_version": act.expected_version}


def _step_view(state: State, step: Step) -> StepView:
    do, undo = step.sending, step.undo_sending
    return StepView(
        step=step.id.step,
        branch=step.id.branch,
        kind=step.kind,
        status=step_status(state, step),
        command_id=do.command_id if do else "",
        command_type=do.type if do else "",
        participant=do.participant if do else "",
        attempt=do.attempt if do else 0,
        generation=do.generation if do else 0,
        due_at=do.due_at if do and step.awaits_do else None,
        undo_status=step.undo.value if step.undo else "",
        undo_command_id=undo.command_id if undo else "",
        undo_attempt=undo.attempt if undo else 0,
        undo_due_at=undo.due_at if undo and step.awaits_undo else None,
        detail=step.undo_detail or step.detail,
    )


def _event_view(version: int, body: bytes) -> EventView:
    data = decode_body(body)
    event = decode(body)
    name = str(data.pop("event"))
    data.pop("schema", None)
    return EventView(version, name, event.at, str(data.get("step", "")), data)
