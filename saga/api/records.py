"""Routes: records that are kept. Dead letters are looked at, redriven, discarded; held records are looked at and tried now."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from saga.api import cursors, record_views
from saga.api.admitting import Who
from saga.api.asking import NO_PARAMETERS, By, Cursor, Desk, Limit, Moment, ReasonBody, Text200, input_id, storable
from saga.api.documenting import BODY, problems
from saga.api.reading import StrictRoute
from saga.api.sagas import link_next
from saga.ports.records import RecordFilter
from saga.runtime.record_operations import LetterAct, RecordsAct

router = APIRouter(prefix="/v1", route_class=StrictRoute)
Id = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
LetterId = Annotated[Id, Path(description="the id that the list gives")]
Target = Annotated[str, StringConstraints(max_length=200), AfterValidator(storable)]
LongCursor = Annotated[str | None, Field(max_length=1_000, description="`next` of the page before")]
LETTERS, HELD = "dead letters", "held records"


class _Filter(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    definition: Text200 | None = Field(None, description="a definition's starts, and what its sagas were told")
    target: Target | None = Field(None, description="name of a definition or id of a saga; empty: nobody could tell")
    reason: Text200 | None = Field(None, description="a code, as in the list")
    topic: Text200 | None = None
    since: Moment | None = Field(None, description="dead, or held, since then")
    until: Moment | None = Field(None, description="dead, or held, before then")

    def wanted(self) -> RecordFilter:
        """The filter as the desk takes it."""
        return RecordFilter(None, self.definition, self.target, self.reason, self.topic, self.since, self.until)


class LettersQuery(_Filter):
    """Filters of the list of dead letters, and the page."""

    open: bool = Field(False, description="only those that nobody has settled")
    limit: Limit = 50
    cursor: Cursor = None


class HeldQuery(_Filter):
    """Filters of the list of held records, and the page."""

    limit: Limit = 50
    cursor: LongCursor = None


class FilterBody(_Filter):
    """Which records; without any of these fields: all."""

    ids: Annotated[list[Id], Field(max_length=100)] | None = None
    after: Annotated[str, StringConstraints(max_length=2_000)] | None = Field(None, description="`after` of the answer before")

    def wanted(self) -> RecordFilter:
        """The filter as the desk takes it."""
        return replace(super().wanted(), ids=None if self.ids is None else tuple(self.ids), after=self.after)


class RecordsBody(ReasonBody):
    """Which records, and why. Without `confirm` nothing is done: the answer counts them and gives the word to confirm with."""

    filter: FilterBody
    confirm: Annotated[str, StringConstraints(max_length=200)] = ""


@router.get("/dead-letters", operation_id="listDeadLetters", tags=[LETTERS], responses=problems())
async def dead_letters(
    asked: Annotated[LettersQuery, Query()], who: Who, desk: Desk, request: Request, response: Response
) -> record_views.DeadLetterPage:
    """Records that nobody can use, newest first, with the reason."""
    wanted = replace(asked.wanted(), open=asked.open)
    rows = await desk.dead_letters(who.tenant, asked.limit, cursors.dead_letter_after(asked.cursor), wanted)
    following = cursors.of_dead_letter(rows[-1].id) if len(rows) == asked.limit else None
    link_next(request, response, "cursor", following)
    return record_views.DeadLetterPage(items=[record_views.seen_dead_letter(row) for row in rows], next=following)


@router.get("/dead-letters/{letter}", operation_id="showDeadLetter", tags=[LETTERS], responses=problems(404), dependencies=[NO_PARAMETERS])
async def show(letter: LetterId, who: Who, desk: Desk) -> record_views.ShownDeadLetter:
    """One dead letter with its bytes."""
    return record_views.shown_dead_letter(await desk.dead_letter(who.tenant, letter))


@router.post(
    "/dead-letters/redrive", operation_id="redriveDeadLetters", tags=[LETTERS], responses=problems(409, *BODY), dependencies=[NO_PARAMETERS]
)
async def redrive_many(body: RecordsBody, by: By, desk: Desk) -> record_views.RecordsOutcome:
    """Try the open ones that a filter finds again, by topic, partition and offset, at most 1000 a call; the first call only counts."""
    act = RecordsAct(body.filter.wanted(), by.actor, body.reason, input_id("redrive", by.key), body.confirm)
    return record_views.became_of_all(await desk.redrive_many(by.tenant, act))


@router.post(
    "/dead-letters/{letter}/redrive",
    operation_id="redriveDeadLetter",
    tags=[LETTERS],
    responses=problems(404, 409, *BODY),
    dependencies=[NO_PARAMETERS],
)
async def redrive(letter: LetterId, body: ReasonBody, by: By, desk: Desk) -> record_views.DeadLetterOutcome:
    """Try it again like a new record. It is settled unless it is dead again; then it stays open with the new reason."""
    return record_views.became(await desk.redrive(by.tenant, LetterAct(letter, by.actor, body.reason, input_id("redrive", by.key))))


@router.post(
    "/dead-letters/{letter}/discard",
    operation_id="discardDeadLetter",
    tags=[LETTERS],
    responses=problems(404, 409, *BODY),
    dependencies=[NO_PARAMETERS],
)
async def discard(letter: LetterId, body: ReasonBody, by: By, desk: Desk) -> record_views.DeadLetterOutcome:
    """Set it aside: settled, never tried again, and never deleted."""
    return record_views.became(await desk.discard(by.tenant, LetterAct(letter, by.actor, body.reason, input_id("discard", by.key))))


@router.get("/held-records", operation_id="listHeldRecords", tags=[HELD], responses=problems())
async def held_records(
    asked: Annotated[HeldQuery, Query()], who: Who, desk: Desk, request: Request, response: Response
) -> record_views.HeldRecordPage:
    """Records that wait for a definition version or a saga, by topic, partition and offset."""
    wanted = replace(asked.wanted(), after=cursors.held_after(asked.cursor))
    rows = await desk.held_records(who.tenant, asked.limit, wanted)
    following = cursors.of_held(rows[-1].place) if len(rows) == asked.limit else None
    link_next(request, response, "cursor", following)
    return record_views.HeldRecordPage(items=[record_views.seen_held_record(row) for row in rows], next=following)


@router.post(
    "/held-records/retry", operation_id="retryHeldRecords", tags=[HELD], responses=problems(409, *BODY), dependencies=[NO_PARAMETERS]
)
async def retry_held(body: RecordsBody, by: By, desk: Desk) -> record_views.RecordsOutcome:
    """Try held records now, although their time has not come; the first call only counts. What must still wait waits on."""
    act = RecordsAct(body.filter.wanted(), by.actor, body.reason, input_id("retry-held", by.key), body.confirm)
    return record_views.became_of_all(await desk.retry_held(by.tenant, act))
