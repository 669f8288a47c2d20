"""Routes for machines that look after the process: is it alive, is it ready, what does it count."""

import asyncio

from fastapi import APIRouter, Request, Response

from saga.api import views
from saga.api.asking import Desk
from saga.api.documenting import problems
from saga.api.problems import Kind, problem

router = APIRouter(tags=["probes"])


@router.get("/livez", operation_id="live")
async def live() -> views.Liveness:
    """The process answers. Says nothing of Postgres or Kafka: restarting us mends neither."""
    return views.Liveness()


@router.get("/readyz", operation_id="ready", response_model=views.Readiness, responses=problems())
async def ready(desk: Desk, request: Request) -> Response | views.Readiness:
    """Whether work can be done here; if not, `faults` says which part is wrong and how."""
    bound: float = request.app.state.settings.connect_timeout
    try:
        async with asyncio.timeout(bound):
            faults = dict(await desk.faults())
    except TimeoutError:
        faults = {"postgres": f"did not answer within {bound:g} s"}
    if not faults:
        return views.Readiness()
    return problem(request, Kind(503, "not-ready", "Not ready"), f"wrong: {', '.join(sorted(faults))}", faults=faults)


@router.get("/metrics", operation_id="metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """Prometheus text; `saga inspect metrics` says what each name means."""
    page, content_type = request.app.state.metrics_page()
    return Response(page, headers={"content-type": content_type})
