"""Routes: follow one saga, or all of them, as server-sent events. A comment every 15 seconds keeps the connection alive.

Why a stream never fails once it has begun: there is no status left to give. What is away is said in a comment, and waited for.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from time import monotonic
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from saga.access.principal import Principal
from saga.api import views
from saga.api.admitting import Who
from saga.api.asking import NO_PARAMETERS, Desk, FollowQuery, SagaId
from saga.api.documenting import problems
from saga.api.reading import StrictRoute
from saga.api.streaming import AfterPlace, AfterVersion, Lease, Leased, place_text
from saga.errors import Unavailable
from saga.runtime.following import At, Away, Change, Seen
from saga.runtime.operations import LiveOperations, Progress
from saga.wire import LifecycleMessage

router = APIRouter(prefix="/v1", tags=["streams"], route_class=StrictRoute)
PAGE = 200
LOOK = 1.0  # seconds after which a stream looks whether it must end
AGAIN = 2.0
SIGN_EVERY = 15.0
RETRY_MS = 2_000

Followed = Annotated[FollowQuery, Query()]


async def _present(saga_id: SagaId, who: Who, desk: Desk) -> None:
    """Raises LookupError and Unavailable while there still is a status to give."""
    await desk.live.moved(who.tenant, saga_id, 0, 0.0)


def _told(desk: Desk) -> None:
    desk.live.check()


@router.get(
    "/sagas/{saga_id}/stream",
    operation_id="followSaga",
    responses=problems(404),
    dependencies=[NO_PARAMETERS, Depends(_present)],
    response_class=EventSourceResponse,
)
async def follow_saga(saga_id: SagaId, who: Who, desk: Desk, after: AfterVersion, lease: Leased) -> AsyncIterator[views.SeenEvent]:
    """One saga's events as they happen, each with its version as id. Resumes after `Last-Event-ID`. Some seconds after the saga has ended
    an event `end` says so, and the stream is over: do not come again."""
    async with aclosing(_saga_events(desk, (who.tenant, saga_id), after, lease)) as events:
        async for event in events:
            yield event  # type: ignore[misc]  # the annotation tells the document what `data` holds


@router.get(
    "/stream",
    operation_id="followSagas",
    responses=problems(),
    dependencies=[Depends(_told)],
    response_class=EventSourceResponse,
)
async def follow_sagas(wanted: Followed, who: Who, desk: Desk, since: AfterPlace, lease: Leased) -> AsyncIterator[LifecycleMessage]:
    """Changes of the lives of all sagas: started, turned-back, parked, unparked, paused, resumed, reopened, ended. Resumes at
    `Last-Event-ID`; then copies may come again: leave those whose version you have. The first id comes at once, without data: list the
    sagas after it, and no change is missed."""
    async with aclosing(_changes(desk, wanted, who, since, lease)) as events:
        async for event in events:
            yield event  # type: ignore[misc]


async def _saga_events(desk: LiveOperations, saga: tuple[str, SagaId], after: int, lease: Lease) -> AsyncGenerator[ServerSentEvent, None]:
    yield ServerSentEvent(retry=RETRY_MS)
    version, ended_at, away = after, 0.0, False
    while not lease.over:
        try:
            progress = await desk.live.moved(*saga, version, LOOK)
            for event in await desk.events(*saga, version, PAGE) if progress.version > version else ():
                version = event.version
                yield ServerSentEvent(data=views.seen_event(event), id=str(version))
        except Unavailable as error:
            if not away:
                yield ServerSentEvent(comment=f"{error.what} is away: waiting")
            away = True
            await asyncio.sleep(AGAIN)
            continue
        away = False
        ended_at = _since(ended_at, over=progress.ended and progress.version <= version)
        if ended_at and monotonic() - ended_at >= lease.linger:
            yield _end(progress)
            return


def _since(began: float, *, over: bool) -> float:
    return (began or monotonic()) if over else 0.0


def _end(progress: Progress) -> ServerSentEvent:
    return ServerSentEvent(event="end", data=views.Outcome.model_validate(progress), id=str(progress.version))


async def _changes(
    desk: LiveOperations, wanted: FollowQuery, who: Principal, since: AfterPlace, lease: Lease
) -> AsyncGenerator[ServerSentEvent, None]:
    yield ServerSentEvent(retry=RETRY_MS)
    shown, signed_at = "", monotonic()
    async with aclosing(desk.live.follow(since)) as stream:
        async for seen in stream:
            if lease.over:
                return
            event = _event(seen, wanted, who)
            if isinstance(seen, At) and (not shown or monotonic() - signed_at > SIGN_EVERY) and place_text(seen.place) != shown:
                event = ServerSentEvent(comment="here", id=place_text(seen.place))
            if event is not None:
                shown, signed_at = event.id or shown, monotonic()
                yield event


def _event(seen: Seen, wanted: FollowQuery, who: Principal) -> ServerSentEvent | None:
    match seen:
        case Away():
            return ServerSentEvent(comment="kafka is away: waiting")
        case Change(told, place) if _visible(told.message, wanted, who):
            return ServerSentEvent(data=told.message, id=place_text(place))
    return None


def _visible(message: LifecycleMessage, wanted: FollowQuery, who: Principal) -> bool:
    """Of the caller's tenant, of a definition that they may see, and asked for."""
    return (
        message.tenant == who.tenant
        and who.sees(message.definition)
        and wanted.definition in (None, message.definition)
        and wanted.status in (None, message.status)
    )
