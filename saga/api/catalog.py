"""Routes: the definitions, with their diagrams and acts on all their sagas."""

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import PlainTextResponse

from saga.api import views
from saga.api.admitting import Who
from saga.api.asking import MAX_VERSION, NO_PARAMETERS, By, DefinitionName, Desk, ReasonBody, ResumeBody, input_id
from saga.api.documenting import BODY, problems
from saga.api.reading import StrictRoute
from saga.runtime.operations import DefinitionAct

router = APIRouter(prefix="/v1", route_class=StrictRoute)
DefinitionVersion = Annotated[int, Path(ge=1, le=MAX_VERSION, description="a definition version")]


@router.get("/definitions", operation_id="listDefinitions", tags=["definitions"], responses=problems(), dependencies=[NO_PARAMETERS])
async def definitions(who: Who, desk: Desk) -> views.DefinitionList:
    """Every definition version that a replica ever published."""
    paused = {pause.definition: pause for pause in await desk.paused_definitions(who.tenant)}
    seen = [row for row in await desk.definitions() if who.sees(row.name)]
    return views.DefinitionList(items=[views.published(row, paused.get(row.name)) for row in seen])


@router.get(
    "/definitions/{name}/{version}/diagram",
    operation_id="drawDefinition",
    tags=["definitions"],
    response_class=PlainTextResponse,
    responses=problems(404),
    dependencies=[NO_PARAMETERS],
)
async def diagram(name: DefinitionName, version: DefinitionVersion, desk: Desk) -> str:
    """The graph of a definition version as Mermaid text."""
    for row in await desk.definitions():
        if (row.name, row.version) == (name, version):
            return row.graph
    raise LookupError("no definition of this name and version was ever published")


@router.post(
    "/definitions/{name}/pause", operation_id="pauseDefinition", tags=["acts"], responses=problems(404, *BODY), dependencies=[NO_PARAMETERS]
)
async def pause(name: DefinitionName, body: ReasonBody, by: By, desk: Desk) -> views.DefinitionPause:
    """Pause all sagas of a definition: those that run, and those that start later."""
    act = DefinitionAct(name, by.actor, body.reason, input_id("pause", by.key))
    return views.DefinitionPause.model_validate(await desk.pause_definition(by.tenant, act))


@router.post(
    "/definitions/{name}/resume",
    operation_id="resumeDefinition",
    tags=["acts"],
    responses=problems(404, *BODY),
    dependencies=[NO_PARAMETERS],
)
async def resume(name: DefinitionName, body: ResumeBody, by: By, desk: Desk) -> views.DefinitionPause:
    """End the pause of a definition. Sagas that were paused one by one stay paused. `more` says to ask again."""
    act = DefinitionAct(name, by.actor, body.reason, input_id("resume", by.key), body.even_if_forgotten)
    return views.DefinitionPause.model_validate(await desk.resume_definition(by.tenant, act))
