"""What clients may ask: parameters, headers and bodies, each with its bounds. Unknown parameters and fields are refused (A3)."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID, uuid4

from fastapi import Depends, Header, Path, Query, Request
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from saga.access.actor import out_of_header
from saga.api.admitting import Who
from saga.api.problems import invalid
from saga.runtime.operations import LiveOperations

MAX_VERSION = 2**31 - 1
_STRONG_TAG = re.compile(r'"([0-9]{1,15})"')
_PRINTABLE = r"^[!-~]([ -~]*[!-~])?$"


def storable(text: str) -> str:
    """The text, if a database can hold it. Raises ValueError."""
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("must not hold NUL or half a surrogate pair")
    return text


def _in_range(moment: datetime) -> datetime:
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be a time between the years 1970 and 9998") from None
    if not 1970 <= moment.year <= 9998:
        raise ValueError("must be a time between the years 1970 and 9998")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_in_range)]
Text200 = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(storable)]
Status = Literal["running", "compensating", "paused", "parked", "completed", "compensated", "cancelled"]
Limit = Annotated[int, Field(ge=1, le=200, description="how many at most")]
Cursor = Annotated[str | None, Field(max_length=200, description="`next` of the page before")]
HeaderText = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_PRINTABLE)]

SagaId = Annotated[UUID, Path(description="the id that the start answered")]
DefinitionName = Annotated[Text200, Path(description="the name of a definition")]
RequiredKey = Annotated[HeaderText, Header(alias="Idempotency-Key", description="one per request, the same on every repetition of it")]
OptionalKey = Annotated[
    HeaderText | None,
    Header(alias="Idempotency-Key", description="makes a repetition of this request change nothing; else each request is one act"),
]
Actor = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2_500, pattern=_PRINTABLE),
    AfterValidator(out_of_header),
    Header(alias="X-Actor", description="only in insecure mode: who acts; what is not ASCII as RFC 8187 writes it, UTF-8''%C3%A4da"),
]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ListQuery(_Asked):
    """Filters of the list of sagas, and the page."""

    definition: Text200 | None = Field(None, description="name of a definition")
    status: Status | None = None
    key: Text200 | None = Field(None, description="the business key, whole")
    started_after: Moment | None = None
    started_before: Moment | None = None
    limit: Limit = 50
    cursor: Cursor = None


class FollowQuery(_Asked):
    """Which changes are followed."""

    definition: Text200 | None = Field(None, description="name of a definition")
    status: Status | None = Field(None, description="only changes after which the saga has this status")


class PageQuery(_Asked):
    """A page of a list without filters."""

    limit: Limit = 50
    cursor: Cursor = None


class EventsQuery(_Asked):
    """Which events of a saga."""

    after: int = Field(0, ge=0, le=MAX_VERSION, description="only versions above this one")
    limit: Limit = 200


class ShowQuery(_Asked):
    """The saga now, or as it was."""

    at_version: int | None = Field(None, ge=1, le=MAX_VERSION, description="as of this version of its stream")


class ReasonBody(_Asked):
    """Why a person acts."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    reason: Annotated[str, StringConstraints(min_length=1, max_length=1_000, strip_whitespace=True)]


class StepBody(ReasonBody):
    """On which step a person acts, and why."""

    step: Text200
    branch: Annotated[str, StringConstraints(max_length=200)] = ""


class RetryBody(StepBody):
    """Which step to try again, and why."""

    even_if_forgotten: bool = Field(False, description="send it even if the participant may no longer remember the command")


class ResumeBody(ReasonBody):
    """Why the saga goes on."""

    even_if_forgotten: bool = Field(False, description="send again even what participants may no longer remember")


class AnswerBody(StepBody):
    """What a person says in a participant's place, and how they know."""

    evidence: Annotated[str, StringConstraints(min_length=1, max_length=1_000, strip_whitespace=True), AfterValidator(storable)]
    undo: bool = Field(False, description="the effect of a parked undo is gone; else: the step succeeded")
    reply_type: str = Field("", max_length=300, description="may be left out where the command has one type of success")
    reply: dict[str, Any] = Field(default_factory=dict, description="the body of the reply")


def operations_of(request: Request) -> LiveOperations:
    """The desk that this application was built with."""
    desk: LiveOperations = request.app.state.operations
    return desk


def no_parameters(request: Request) -> None:
    """For routes without parameters: one that is given, as in `?force=true`, was meant to do something, and would be ignored."""
    for name in request.query_params:
        raise invalid("query", name[:200], "this route takes no parameters")


def expected_version(
    if_match: Annotated[str | None, Header(alias="If-Match", description='the ETag of the saga, as in "7"')] = None,
) -> int | None:
    """The version that If-Match demands; None where there is no demand (or `*`: any that exists)."""
    if if_match is None or if_match.strip() == "*":
        return None
    tag = _STRONG_TAG.fullmatch(if_match.strip())
    if tag is None:
        raise invalid("header", "If-Match", 'must be one strong ETag as this API gives it, as in "7", or *')
    return int(tag[1])


def input_id(verb: str, key: str | None) -> str:
    """Recognises a repetition of a request. Prefixed: one key on two different acts is two acts."""
    return f"request:{verb}:{key or uuid4()}"


class Caller(NamedTuple):
    """Who acts, for which tenant, on which version, in which request."""

    tenant: str
    actor: str
    key: str | None
    expected_version: int | None


def caller_of(who: Who, expected: Annotated[int | None, Depends(expected_version)], _: Actor = "", key: OptionalKey = None) -> Caller:
    """Who acts is the principal; in insecure mode the gate has believed X-Actor, which is only checked here."""
    return Caller(who.tenant, who.name, key, expected)


NO_PARAMETERS = Depends(no_parameters)
Desk = Annotated[LiveOperations, Depends(operations_of)]
By = Annotated[Caller, Depends(caller_of)]
Wanted = Annotated[ListQuery, Query()]
OnePage = Annotated[PageQuery, Query()]
Versions = Annotated[EventsQuery, Query()]
AsOf = Annotated[ShowQuery, Query()]
