"""`Operations` over REST. One method for each of the Protocol's; what a new act needs here is a line in `routes` and its method."""
# ruff: noqa: ARG002 - whose sagas they are is said by the key, so no method passes its tenant on

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx2

from saga.access.actor import in_header
from saga.api import cursors, views
from saga.ports.access import AuditEntry, AuditRow
from saga.ports.streams import DefinitionRow, Page, PausedDefinition, SagaFilter, SagaRow
from saga.remote.address import Address
from saga.remote.answers import problem_of, read, refusal, taken
from saga.remote.asking import TIMEOUT, Asking
from saga.remote.records import RemoteRecords
from saga.remote.routes import DIAGRAM, ROUTES
from saga.runtime.operations import (
    ActRequest,
    ActResult,
    DefinitionAct,
    DefinitionActResult,
    EventView,
    SagaView,
    Started,
    StepView,
)

PAGE = 200  # the most that a page of REST has
REPLAYED = "Idempotent-Replayed"


@asynccontextmanager
async def remote_operations(address: Address, transport: httpx2.AsyncBaseTransport | None = None) -> AsyncIterator["RemoteDesk"]:
    """The desk of the replica at this address. Nothing is connected before the first question; `transport` is a test's."""
    headers = {"Authorization": f"Bearer {address.key}"} if address.key else {}
    async with httpx2.AsyncClient(
        base_url=f"{address.url}/", headers=headers, timeout=TIMEOUT, follow_redirects=False, transport=transport
    ) as http:
        yield RemoteDesk(Asking(http))


class RemoteDesk(RemoteRecords):
    """What the desk on the machine does, by asking a replica. `tenant` is the one that the key belongs to, whatever is passed."""

    async def start(self, tenant: str, definition: str, body: Mapping[str, Any], request_key: str) -> Started:
        """Start a saga; the request's key is the Idempotency-Key."""
        answer = await self._asking.post(ROUTES["start"], body, {"Idempotency-Key": request_key}, name=definition)
        return Started(read(views.StartedSaga, answer).saga_id, created=answer.headers.get(REPLAYED) != "true")

    async def cancel(self, tenant: str, act: ActRequest) -> ActResult:
        """Turn the saga back."""
        return await self._act("cancel", act)

    async def retry(self, tenant: str, act: ActRequest) -> ActResult:
        """Send or build a step, or its undo, again."""
        return await self._act("retry", act, **_on_step(act), even_if_forgotten=act.even_if_forgotten)

    async def skip(self, tenant: str, act: ActRequest) -> ActResult:
        """Go on without a stuck step or a parked undo."""
        return await self._act("skip", act, **_on_step(act))

    async def pause(self, tenant: str, act: ActRequest) -> ActResult:
        """Stop the saga where it is."""
        return await self._act("pause", act)

    async def resume(self, tenant: str, act: ActRequest) -> ActResult:
        """Go on after a pause."""
        return await self._act("resume", act, even_if_forgotten=act.even_if_forgotten)

    async def doubt(self, tenant: str, act: ActRequest) -> ActResult:
        """Wait no longer for a step before the pivot."""
        return await self._act("doubt", act, **_on_step(act))

    async def answer(self, tenant: str, act: ActRequest) -> ActResult:
        """Answer in a participant's place."""
        said = act.answer
        more = {"evidence": said.evidence, "undo": said.undo, "reply_type": said.reply_type, "reply": dict(said.reply)} if said else {}
        return await self._act("answer", act, **_on_step(act), **more)

    async def fence(self, tenant: str, act: ActRequest) -> ActResult:
        """Make sure that an unanswered pivot never happens."""
        return await self._act("fence", act, **_on_step(act))

    async def pause_definition(self, tenant: str, act: DefinitionAct) -> DefinitionActResult:
        """Pause all sagas of a definition, those that start later included."""
        return await self._definition_act("pause_definition", act)

    async def resume_definition(self, tenant: str, act: DefinitionAct) -> DefinitionActResult:
        """End that pause."""
        return await self._definition_act("resume_definition", act, even_if_forgotten=act.even_if_forgotten)

    async def paused_definitions(self, tenant: str) -> Sequence[PausedDefinition]:
        """The paused definitions; the requests that paused them are not told."""
        paused = {one.name: one for one in await self._published() if one.paused_at is not None}
        return [PausedDefinition(tenant, one.name, one.paused_by, one.paused_because, "", one.paused_at) for one in paused.values()]

    async def show(self, tenant: str, saga_id: UUID, at_version: int | None = None) -> SagaView:
        """The saga now, or as of a version."""
        asked = {} if at_version is None else {"at_version": at_version}
        seen = read(views.ShownSaga, await self._asking.get(ROUTES["show"], asked, saga_id=saga_id))
        steps = tuple(taken(StepView, step) for step in seen.steps)
        return taken(SagaView, seen, row=taken(SagaRow, seen, tenant=tenant), steps=steps)

    async def events(self, tenant: str, saga_id: UUID, after: int = 0, limit: int = 200) -> Sequence[EventView]:
        """Its events above a version, from as many pages as that takes."""
        found: list[EventView] = []
        following: int | None = after
        while following is not None and (wanted := limit - len(found)) > 0:
            asked = {"after": following, "limit": min(wanted, PAGE)}
            page = read(views.EventPage, await self._asking.get(ROUTES["events"], asked, saga_id=saga_id))
            found += [taken(EventView, one) for one in page.items]
            following = page.next
        return found

    async def find(self, tenant: str, definition: str, key: str) -> UUID:
        """The saga of a business key."""
        page = await self.list_sagas(SagaFilter(tenant, definition, key=key), 1, None)
        if not page.rows:
            raise LookupError("no saga has this key")
        return page.rows[0].saga_id

    async def list_sagas(self, wanted: SagaFilter, limit: int, after: UUID | None) -> Page:
        """A page of sagas, newest first."""
        asked = {
            "definition": wanted.definition,
            "status": wanted.status,
            "key": wanted.key,
            "started_after": wanted.started_after.isoformat() if wanted.started_after else None,
            "started_before": wanted.started_before.isoformat() if wanted.started_before else None,
            "limit": limit,
            "cursor": cursors.of_saga(after) if after else None,
        }
        page = read(views.SagaPage, await self._asking.get(ROUTES["list_sagas"], _given(asked)))
        rows = tuple(taken(SagaRow, one, tenant=wanted.tenant or "") for one in page.items)
        return Page(rows, rows[-1].saga_id if rows and page.next else None)

    async def definitions(self) -> Sequence[DefinitionRow]:
        """Every definition version ever published, with its diagram, which is a request of its own."""
        return [
            taken(DefinitionRow, one, graph=(await self._asking.get(DIAGRAM, name=one.name, version=one.version)).text)
            for one in await self._published()
        ]

    async def definition_of(self, tenant: str, saga_id: UUID) -> str:
        """Which definition the saga follows."""
        return (await self.show(tenant, saga_id)).row.definition

    async def audit(self, tenant: str, limit: int, before: int | None) -> Sequence[AuditRow]:
        """A page of the audit, newest first, from as many pages of REST as that takes."""
        found: list[AuditRow] = []
        cursor: str | None = cursors.of_audit(before) if before else ""
        while cursor is not None and (wanted := limit - len(found)) > 0:
            asked = {"limit": min(wanted, PAGE), "cursor": cursor or None}
            page = read(views.AuditPage, await self._asking.get(ROUTES["audit"], _given(asked)))
            found += [_audit_row(tenant, one) for one in page.items]
            cursor = page.next
        return found

    async def faults(self) -> Mapping[str, str]:
        """What the replica says is wrong with it now."""
        answer = await self._asking.probe(ROUTES["faults"])
        if answer.is_success:
            return {}
        found = problem_of(answer)
        if found is None or found.code != "not-ready":
            raise refusal(answer, acting=False)
        return found.faults

    async def _act(self, verb: str, act: ActRequest, **more: object) -> ActResult:
        headers = _headers(act)
        if act.expected_version is not None:
            headers["If-Match"] = f'"{act.expected_version}"'
        answer = await self._asking.post(ROUTES[verb], {"reason": act.reason, **more}, headers, saga_id=act.saga_id)
        return taken(ActResult, read(views.DoneAct, answer))

    async def _definition_act(self, verb: str, act: DefinitionAct, **more: object) -> DefinitionActResult:
        answer = await self._asking.post(ROUTES[verb], {"reason": act.reason, **more}, _headers(act), name=act.definition)
        return taken(DefinitionActResult, read(views.DefinitionPause, answer))

    async def _published(self) -> Sequence[views.PublishedDefinition]:
        return read(views.DefinitionList, await self._asking.get(ROUTES["definitions"])).items


def _headers(act: ActRequest | DefinitionAct) -> dict[str, str]:
    return {"X-Actor": in_header(act.actor), "Idempotency-Key": act.input_id}


def _on_step(act: ActRequest) -> dict[str, object]:
    return {"step": act.step, "branch": act.branch}


def _given(asked: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in asked.items() if value is not None}


def _audit_row(tenant: str, seen: views.SeenAudit) -> AuditRow:
    return AuditRow(taken(AuditEntry, seen, tenant=tenant), seen.position, seen.at, bytes.fromhex(seen.hash))
