"""Routes: an operator's acts. Each goes to intake like a record, so that `decide` judges it and the database fences it."""

from fastapi import APIRouter, Response

from saga.api import views
from saga.api.asking import NO_PARAMETERS, AnswerBody, By, Desk, ReasonBody, ResumeBody, RetryBody, SagaId, StepBody, input_id
from saga.api.documenting import BODY, Responses, problems
from saga.api.reading import StrictRoute
from saga.api.sagas import tag
from saga.runtime.operations import ActRequest, ActResult, HandAnswer

router = APIRouter(prefix="/v1/sagas/{saga_id}", tags=["acts"], route_class=StrictRoute, dependencies=[NO_PARAMETERS])
_RESPONSES: Responses = {
    202: {"description": "Held for a replica that has the saga's definition version loaded", "model": views.DoneAct},
    **problems(404, 409, 412, *BODY),
}


@router.post("/cancel", operation_id="cancelSaga", responses=_RESPONSES)
async def cancel(saga_id: SagaId, body: ReasonBody, by: By, desk: Desk, response: Response) -> views.DoneAct:
    """Turn the saga back: what was done is undone. Too late once the pivot was issued."""
    act = ActRequest(saga_id, by.actor, body.reason, input_id("cancel", by.key), expected_version=by.expected_version)
    return _answer(await desk.cancel(by.tenant, act), response)


@router.post("/retry", operation_id="retryStep", responses=_RESPONSES)
async def retry(saga_id: SagaId, body: RetryBody, by: By, desk: Desk, response: Response) -> views.DoneAct:
    """Send a step's command, or its undo, again; or build it again after mended code was deployed."""
    identity = input_id("retry", by.key)
    act = ActRequest(saga_id, by.actor, body.reason, identity, body.step, body.branch, by.expected_version, body.even_if_forgotten)
    return _answer(await desk.retry(by.tenant, act), response)


@router.post("/skip", operation_id="skipStep", responses=_RESPONSES)
async def skip(saga_id: SagaId, body: StepBody, by: By, desk: Desk, response: Response) -> views.DoneAct:
    """Go on without a stuck step after the pivot, or without a parked undo."""
    act = ActRequest(saga_id, by.actor, body.reason, input_id("skip", by.key), body.step, body.branch, by.expected_version)
    return _answer(await desk.skip(by.tenant, act), response)


@router.post("/pause", operation_id="pauseSaga", responses=_RESPONSES)
async def pause(saga_id: SagaId, body: ReasonBody, by: By, desk: Desk, response: Response) -> views.DoneAct:
    """Stop the saga where it is: replies are recorded, nothing is sent and no deadline fires until it is resumed."""
    act = ActRequest(saga_id, by.actor, body.reason, input_id("pause", by.key), expected_version=by.expected_version)
    return _answer(await desk.pause(by.tenant, act), response)


@router.post("/resume", operation_id="resumeSaga", responses=_RESPONSES)
async def resume(saga_id: SagaId, body: ResumeBody, by: By, desk: Desk, response: Response) -> views.DoneAct:
    """Go on after a pause: every deadline moves by its span."""
    identity, word = input_id("resume", by.key), body.even_if_forgotten
    act = ActRequest(saga_id, by.actor, body.reason, identity, expected_version=by.expected_version, even_if_forgotten=word)
    return _answer(await desk.resume(by.tenant, act), response)


@router.post("/doubt", operation_id="doubtStep", responses=_RESPONSES)
async def doubt(saga_id: SagaId, body: StepBody, by: By, desk: Desk, response: Response) -> views.DoneAct:
    """Wait no longer for a step before the pivot: it is in doubt now, and undone whether it happened or not."""
    act = ActRequest(saga_id, by.actor, body.reason, input_id("doubt", by.key), body.step, body.branch, by.expected_version)
    return _answer(await desk.doubt(by.tenant, act), response)


@router.post("/answer", operation_id="answerStep", responses=_RESPONSES)
async def answer(saga_id: SagaId, body: AnswerBody, by: By, desk: Desk, response: Response) -> views.DoneAct:
    """Answer in a participant's place: the pivot, or a stuck step after it, succeeded with this reply; or a parked undo is done."""
    said, identity = HandAnswer(body.evidence, body.undo, body.reply_type, body.reply), input_id("answer", by.key)
    act = ActRequest(saga_id, by.actor, body.reason, identity, body.step, body.branch, by.expected_version, answer=said)
    return _answer(await desk.answer(by.tenant, act), response)


@router.post("/fence", operation_id="fencePivot", responses=_RESPONSES)
async def fence(saga_id: SagaId, body: StepBody, by: By, desk: Desk, response: Response) -> views.DoneAct:
    """Make sure that an unanswered pivot never happens. If it did, its answer is fetched; if not, the saga turns back."""
    act = ActRequest(saga_id, by.actor, body.reason, input_id("fence", by.key), body.step, body.branch, by.expected_version)
    return _answer(await desk.fence(by.tenant, act), response)


def _answer(result: ActResult, response: Response) -> views.DoneAct:
    response.headers["ETag"] = tag(result.version)
    if result.held:
        response.status_code = 202
    return views.done(result)
