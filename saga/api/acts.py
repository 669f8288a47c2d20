"""Routes: an operator's acts. Each goes to intake like a record, so that `decide` judges it and the database fences it."""

from fastapi import APIRouter, Response

from saga.api import views
from saga.api.asking import NO_PARAMETERS, TENANT, By, CancelBody, Desk, RetryBody, SagaId, SkipBody, input_id
from saga.api.documenting import BODY, Responses, problems
from saga.api.reading import StrictRoute
from saga.api.sagas import tag
from saga.runtime.operations import ActRequest, ActResult

router = APIRouter(prefix="/v1/sagas/{saga_id}", tags=["acts"], route_class=StrictRoute, dependencies=[NO_PARAMETERS])
_RESPONSES: Responses = {
    202: {"description": "Held for a replica that has the saga's definition version loaded", "model": views.DoneAct},
    **problems(404, 409, 412, *BODY),
}


@router.post("/cancel", operation_id="cancelSaga", responses=_RESPONSES)
async def cancel(saga_id: SagaId, body: CancelBody, by: By, desk: Desk, response: Response) -> views.DoneAct:
    """Turn the saga back: what was done is undone. Too late once the pivot was issued."""
    act = ActRequest(saga_id, by.actor, body.reason, input_id("cancel", by.key), expected_version=by.expected_version)
    return _answer(await desk.cancel(TENANT, act), response)


@router.post("/retry", operation_id="retryStep", responses=_RESPONSES)
async def retry(saga_id: SagaId, body: RetryBody, by: By, desk: Desk, response: Response) -> views.DoneAct:
    """Send a step's command, or its undo, again; or build it again after mended code was deployed."""
    identity = input_id("retry", by.key)
    act = ActRequest(saga_id, by.actor, body.reason, identity, body.step, body.branch, by.expected_version, body.even_if_forgotten)
    return _answer(await desk.retry(TENANT, act), response)


@router.post("/skip", operation_id="skipStep", responses=_RESPONSES)
async def skip(saga_id: SagaId, body: SkipBody, by: By, desk: Desk, response: Response) -> views.DoneAct:
    """Go on without a stuck step after the pivot, or without a parked undo."""
    act = ActRequest(saga_id, by.actor, body.reason, input_id("skip", by.key), body.step, body.branch, by.expected_version)
    return _answer(await desk.skip(TENANT, act), response)


def _answer(result: ActResult, response: Response) -> views.DoneAct:
    response.headers["ETag"] = tag(result.version)
    if result.held:
        response.status_code = 202
    return views.done(result)
