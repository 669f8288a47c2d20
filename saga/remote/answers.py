"""Answers read back: JSON to the rows and views of the desk, problems (RFC 9457) to the errors that the desk raises."""

from dataclasses import fields
from typing import Any, TypeVar

import httpx2
from pydantic import BaseModel, ValidationError

from saga.api.problems import MEDIA_TYPE, Problem
from saga.errors import ActRefused, ContractError, NotAllowed, NotAuthenticated, Unavailable, UnknownOutcome

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")
_OF_REFUSED_ACTS = frozenset({"unknown-saga", "version-changed"})
_ROLE = str(NotAllowed(""))
_OF_CONTRACTS = frozenset({"unknown-definition"})


class CoordinatorFault(RuntimeError):
    """The replica answered 500: a bug over there, whose trace is in its log."""


def read(model: type[M], answer: httpx2.Response) -> M:
    """The answer as this view. Raises Unavailable if it is none: another release, or no coordinator at all."""
    try:
        return model.model_validate_json(answer.content)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"]) or "its form"
        raise _stranger(answer, f"{where} is not what this release knows") from None


def taken(kind: type[T], seen: BaseModel, **more: Any) -> T:
    """The dataclass of the desk that has these facts; `more` are those that the view calls otherwise or does not show."""
    names = [one.name for one in fields(kind) if one.name not in more and hasattr(seen, one.name)]  # type: ignore[arg-type]
    return kind(**{name: _frozen(getattr(seen, name)) for name in names}, **more)


def refusal(answer: httpx2.Response, *, acting: bool) -> Exception:
    """The error that the desk on the machine would have raised. `acting`: what has no answer may have happened."""
    found = problem_of(answer)
    if found is None:
        gateway = answer.status_code in (502, 503, 504)
        if gateway and acting:
            return UnknownOutcome(f"a gateway answered {answer.status_code}")
        return (
            Unavailable("coordinator", f"a gateway answered {answer.status_code}") if gateway else _stranger(answer, "no problem document")
        )
    return _of_code(found) or _of_status(found)


def problem_of(answer: httpx2.Response) -> Problem | None:
    """The problem document of an answer, None if it has none."""
    if answer.headers.get("content-type", "").partition(";")[0].strip() != MEDIA_TYPE:
        return None
    try:
        return Problem.model_validate_json(answer.content)
    except ValidationError:
        return None


def _of_code(found: Problem) -> Exception | None:
    match found.code:
        case "not-found":
            return LookupError(found.detail)
        case "outcome-unknown":
            return UnknownOutcome(found.detail)
        case "unavailable":
            what, _, detail = found.detail.partition(" is unavailable: ")
            return Unavailable(what, detail or "try again")
        case code if code in _OF_REFUSED_ACTS:
            return ActRefused(code, found.detail)
        case code if code in _OF_CONTRACTS:
            return ContractError(code, found.detail)
    return None


def _of_status(found: Problem) -> Exception:
    match found.status:
        case 401:
            return NotAuthenticated(found.detail)
        case 403:
            return NotAllowed(found.detail.removeprefix(_ROLE))
        case 409 | 412:
            return ActRefused(found.code, found.detail)
        case 429 | 503:
            return Unavailable("coordinator", found.detail)
        case status if status >= 500:
            return CoordinatorFault(found.detail)
    return ContractError(found.code, found.detail)


def _stranger(answer: httpx2.Response, why: str) -> Unavailable:
    return Unavailable("coordinator", f"what answers at {answer.request.url} is none of this release ({answer.status_code}, {why})")


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
