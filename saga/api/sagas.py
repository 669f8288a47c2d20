"""Routes: start a saga, list sagas, look at one, at its events, and at how it was."""

from contextlib import suppress
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Body, Request, Response

from saga.api import cursors, views
from saga.api.admitting import Who
from saga.api.asking import NO_PARAMETERS, AsOf, DefinitionName, Desk, RequiredKey, SagaId, Versions, Wanted
from saga.api.documenting import BODY, problems
from saga.api.reading import StrictRoute
from saga.api.waiting import Answering
from saga.errors import Unavailable
from saga.ports.streams import SagaFilter
from saga.runtime.operations import Operations

router = APIRouter(prefix="/v1", tags=["sagas"], route_class=StrictRoute)
_NOT_ENDED = "Started; the saga had not ended after `Prefer: wait`"
StartBody = Annotated[dict[str, Any], Body(description="the event that the definition starts on")]


@router.post(
    "/definitions/{name}/sagas",
    status_code=201,
    operation_id="startSaga",
    responses={202: {"model": views.StartedSaga, "description": _NOT_ENDED}, **problems(404, *BODY)},
    dependencies=[NO_PARAMETERS],
    response_model_exclude_none=True,
)
async def start(name: DefinitionName, key: RequiredKey, body: StartBody, who: Who, desk: Desk, answer: Answering) -> views.StartedSaga:
    """Start a saga. The same key and body again give the same answer; the same key with another body is `conflicting-start`. With
    `Prefer: wait=N` the answer comes when the saga has ended, or after N seconds with 202, and says how far it is."""
    started = await desk.start(who.tenant, name, body, key)
    href = views.saga_href(started.saga_id)
    answer.response.headers["Location"] = href
    outcome = await answer.outcome(started.saga_id)
    if started.created:
        await _tag_if_possible(desk, who.tenant, started.saga_id, answer.response)
    else:
        answer.response.headers["Idempotent-Replayed"] = "true"
    return views.StartedSaga(saga_id=started.saga_id, href=href, outcome=outcome)


@router.get("/sagas", operation_id="listSagas", responses=problems())
async def list_sagas(wanted: Wanted, who: Who, desk: Desk, request: Request, response: Response) -> views.SagaPage:
    """Sagas, newest first."""
    chosen = SagaFilter(who.tenant, wanted.definition, wanted.status, wanted.key, wanted.started_after, wanted.started_before, who.visible)
    page = await desk.list_sagas(chosen, wanted.limit, cursors.saga_after(wanted.cursor))
    following = cursors.of_saga(page.after) if page.after else None
    link_next(request, response, "cursor", following)
    return views.SagaPage(items=[views.listed(row) for row in page.rows], next=following)


@router.get("/sagas/{saga_id}", operation_id="showSaga", responses=problems(404))
async def show(saga_id: SagaId, asked: AsOf, who: Who, desk: Desk, response: Response) -> views.ShownSaga:
    """One saga with its steps and what it waits for: now, or as of a version. The ETag is its version."""
    view = await desk.show(who.tenant, saga_id, asked.at_version)
    response.headers["ETag"] = tag(view.row.version)
    return views.shown(view)


@router.get("/sagas/{saga_id}/events", operation_id="listEvents", responses=problems(404))
async def events(saga_id: SagaId, asked: Versions, who: Who, desk: Desk, request: Request, response: Response) -> views.EventPage:
    """The saga's events in order, oldest first."""
    found = await desk.events(who.tenant, saga_id, asked.after, asked.limit)
    following = found[-1].version if len(found) == asked.limit else None
    link_next(request, response, "after", following)
    return views.EventPage(items=[views.seen_event(event) for event in found], next=following)


def tag(version: int) -> str:
    """The ETag of a saga at this version."""
    return f'"{version}"'


def link_next(request: Request, response: Response, parameter: str, value: str | int | None) -> None:
    """`Link: rel=next` with the filters of this request, if there is a next page."""
    if value is not None:
        kept = [(name, text) for name, text in request.query_params.multi_items() if name != parameter]
        response.headers["Link"] = f'<{request.url.path}?{urlencode([*kept, (parameter, value)])}>; rel="next"'


async def _tag_if_possible(desk: Operations, tenant: str, saga_id: UUID, response: Response) -> None:
    """The start has happened: that its version cannot be read just now must not make it look as if it had not."""
    with suppress(Unavailable, LookupError):
        view = await desk.show(tenant, saga_id)
        response.headers["ETag"] = tag(view.row.version)
