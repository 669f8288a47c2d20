"""Problem documents (RFC 9457): every answer that is not a success says what is wrong, where, and with a code for machines."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from saga.errors import ActRefused, Conflict, ContractError, NotAllowed, NotAuthenticated, Unavailable, UnknownOutcome

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = "2"  # seconds: a replica that lost its database reconnects within them
_PLACE = re.compile(r"(?:^|; )([A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*): ")
_STATUS_OF_CONTRACT = {"unknown-definition": 404, "too-large": 413}
_STATUS_OF_REFUSAL = {"version-changed": 412, "unknown-saga": 404}
_OF_STATUS = {404: ("not-found", "Not found"), 405: ("method-not-allowed", "Method not allowed")}
_AGAIN = {"Retry-After": RETRY_AFTER}


class Wrong(BaseModel):
    """One thing that is wrong with a request."""

    part: str = Field(description="body, query, path or header")
    pointer: str = Field(description="JSON Pointer into that part; for a header or parameter its name")
    detail: str = Field(description="what is wrong with it")


class Problem(BaseModel):
    """What went wrong. `code` is for machines and stable, `type` is its URN, `detail` is for people."""

    type: str = Field(description="urn:saga:problem:<code>")
    title: str
    status: int
    code: str
    detail: str
    instance: str = Field(description="the path that was asked")
    errors: list[Wrong] = Field(default=[], description="every thing that is wrong with the request, where it can be pointed at")
    faults: dict[str, str] = Field(default={}, description="only of readiness: what is wrong, by part")


class Kind(NamedTuple):
    """Which problem it is: HTTP status, code and title."""

    status: int
    code: str
    title: str


class RequestRefused(Exception):
    """A request that cannot be served as it stands; raised by this room only."""

    def __init__(self, kind: Kind, detail: str, errors: Sequence[Wrong] = (), headers: Mapping[str, str] | None = None) -> None:
        self.kind = kind
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = headers
        super().__init__(f"{kind.code}: {detail}")


INVALID = "invalid-request"


def invalid(part: str, pointer: str, detail: str) -> RequestRefused:
    """One wrong value, as a 422."""
    return RequestRefused(
        Kind(422, INVALID, "Invalid request"), f"{part} {pointer}: {detail}", [Wrong(part=part, pointer=pointer, detail=detail)]
    )


def problem(
    request: Request, kind: Kind, detail: str, errors: Sequence[Wrong] = (), headers: Mapping[str, str] | None = None, **more: Any
) -> Response:
    """The answer. ASCII only, so that no text of a client can break it."""
    body = {
        "type": f"urn:saga:problem:{kind.code}",
        "title": kind.title,
        "status": kind.status,
        "code": kind.code,
        "detail": detail,
        "instance": request.url.path[:500],
        **({"errors": [error.model_dump() for error in errors]} if errors else {}),
        **more,
    }
    return Response(json.dumps(body), kind.status, headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Give every exception that may leave a route its problem."""
    handlers: Mapping[type[Exception], Callable[[Request, Any], Response]] = {
        RequestRefused: lambda request, error: problem(request, error.kind, error.detail, error.errors, error.headers),
        RequestValidationError: _validation,
        HTTPException: _http,
        ContractError: _contract,
        ActRefused: _refused,
        NotAuthenticated: _unauthenticated,
        NotAllowed: lambda request, error: problem(request, Kind(403, "not-allowed", "Not allowed"), str(error)),
        LookupError: _absent,
        Unavailable: _unavailable,
        UnknownOutcome: _undecided,
        Conflict: _undecided,
        ClientDisconnect: lambda request, _: problem(request, Kind(400, "incomplete-body", "Incomplete body"), "the body ended early"),
        Exception: lambda request, _: problem(
            request, Kind(500, "internal", "Internal error"), "this is a fault of the coordinator; its log says more"
        ),
    }
    for error, handler in handlers.items():
        app.add_exception_handler(error, _awaitable(handler))


def _awaitable(handler: Callable[[Request, Any], Response]) -> Callable[[Request, Exception], Any]:
    async def handle(request: Request, error: Exception) -> Response:
        return handler(request, error)

    return handle


def _validation(request: Request, error: RequestValidationError) -> Response:
    errors = [_wrong(fault) for fault in error.errors()]
    header = "Idempotency-Key"
    if any(wrong.part == "header" and wrong.pointer == header and wrong.detail == "Field required" for wrong in errors):
        kind = Kind(400, "idempotency-key-missing", "Idempotency-Key missing")
        return problem(request, kind, f"a start needs the header {header}: the same key on every repetition of one request", errors)
    first = errors[0]
    detail = f"{first.part} {first.pointer or '/'}: {first.detail}" + (f" (and {len(errors) - 1} more)" if len(errors) > 1 else "")
    return problem(request, Kind(422, INVALID, "Invalid request"), detail, errors)


def _wrong(fault: Mapping[str, Any]) -> Wrong:
    part, *place = (str(step)[:200] for step in fault["loc"])
    pointer = "".join(f"/{step.replace('~', '~0').replace('/', '~1')}" for step in place)
    return Wrong(part=part, pointer=pointer if part == "body" else pointer.removeprefix("/"), detail=str(fault["msg"]))


def _http(request: Request, error: HTTPException) -> Response:
    code, title = _OF_STATUS.get(error.status_code, ("request-refused", "Request refused"))
    detail = {404: "nothing is served at this path", 405: "this path does not know the method"}.get(error.status_code, str(error.detail))
    return problem(request, Kind(error.status_code, code, title), detail, headers=error.headers)


def _contract(request: Request, error: ContractError) -> Response:
    status = _STATUS_OF_CONTRACT.get(error.code, 422)
    errors = _places(error.detail) if error.code == "invalid-body" else []
    if status == 422 and not errors:
        errors = [Wrong(part="body", pointer="", detail=error.detail)]
    return problem(request, Kind(status, error.code, error.code.replace("-", " ").capitalize()), error.detail, errors)


def _places(detail: str) -> list[Wrong]:
    """Pointers of an `invalid-body` detail, which reads `lines.0.quantity: what is wrong; total: what is wrong`."""
    marks = list(_PLACE.finditer(detail))
    ends = [mark.start() for mark in marks[1:]] + [len(detail)]
    return [
        Wrong(part="body", pointer="" if mark[1] == "body" else "/" + mark[1].replace(".", "/"), detail=detail[mark.end() : end])
        for mark, end in zip(marks, ends, strict=True)
    ]


def _refused(request: Request, error: ActRefused) -> Response:
    status = _STATUS_OF_REFUSAL.get(error.code, 409)
    errors = [Wrong(part="header", pointer="If-Match", detail=error.detail)] if status == 412 else []
    kind = Kind(status, error.code, "The act does not fit the saga's state" if status == 409 else error.code.replace("-", " ").capitalize())
    return problem(request, kind, error.detail, errors)


def _unavailable(request: Request, error: Unavailable) -> Response:
    return problem(request, Kind(503, "unavailable", "Unavailable"), f"{error.what} is unavailable: try again", headers=_AGAIN)


def _undecided(request: Request, _: Exception) -> Response:
    detail = "whether this happened is not known: send the same request with the same Idempotency-Key again"
    return problem(request, Kind(503, "outcome-unknown", "Outcome unknown"), detail, headers=_AGAIN)


def _unauthenticated(request: Request, error: NotAuthenticated) -> Response:
    """RFC 6750: no error code where no credential came."""
    challenge = 'Bearer realm="saga"' + (', error="invalid_token"' if error.given else "")
    return problem(request, Kind(401, "unauthenticated", "Unauthenticated"), error.detail, headers={"WWW-Authenticate": challenge})


def _absent(request: Request, error: LookupError) -> Response:
    """Our own lookups raise LookupError itself; a KeyError is somebody's bug and no 404."""
    if type(error) is not LookupError:
        raise error
    return problem(request, Kind(404, "not-found", "Not found"), str(error))
