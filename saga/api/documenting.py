"""OpenAPI: what it says beyond what FastAPI sees by itself, which is the problems of every route."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from saga.access.rules import RULES
from saga.api.problems import MEDIA_TYPE, Problem

Responses = dict[int | str, dict[str, Any]]

_SAID = {
    400: "Idempotency-Key is missing, or the body ended early",
    401: "Who asks is not proved: Authorization: Bearer, with an API key or a token of a configured issuer",
    403: "The role for it is missing",
    404: "It does not exist",
    408: "The body did not arrive in time",
    409: "The act does not fit the state of the saga; `code` says why",
    412: "The saga is not at the version of If-Match",
    413: "The body is too large",
    415: "The body is not application/json, or is compressed",
    422: "Something in the request is wrong; `errors` points at it",
    429: "This principal asks too often: again after Retry-After",
    503: "The database is away or did not say what became of the request: send it again after Retry-After",
}
BODY = (400, 408, 413, 415)
_DESCRIPTION = """Start sagas, look at them, and act on them. Errors are problem documents (RFC 9457) whose `code` is stable.
Lists are pages: follow `next`, or the Link header. Everything under /v1 needs an API key or a token, and a role for it; what belongs to
another tenant, or to a definition that the caller may not see, is a 404. /livez, /readyz and /metrics are open: keep them inside."""


def problems(*statuses: int) -> Responses:
    """The `responses` of a route: its problems besides 422 and 503, which any route may answer with."""
    return {status: _problem(status) for status in sorted({*statuses, 422, 503})}


def _problem(status: int) -> dict[str, Any]:
    return {"description": _SAID[status], "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}


def _say_who_may(made: dict[str, Any]) -> None:
    """Every operation under /v1 needs a principal: the gate stands before all of them, so it is said here for all of them."""
    made["components"]["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer", "description": "an API key, or a JWT"}}
    for path, methods in made["paths"].items():
        for operation in methods.values() if path.startswith("/v1/") else ():
            if (rule := RULES.get(operation["operationId"])) is not None:
                operation["description"] = f"{operation['description']}\n\nNeeds the role {rule.role} on {rule.on.value}."
            operation["security"] = [{"bearer": []}]
            operation["responses"].update({str(status): _problem(status) for status in (401, 403, 429)})


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the application, made once."""
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, description=_DESCRIPTION, routes=app.routes)
        _, schemas = models_json_schema([(Problem, "serialization")], ref_template="#/components/schemas/{model}")
        parts = made.setdefault("components", {}).setdefault("schemas", {})
        parts.update(schemas["$defs"])
        made["components"]["schemas"] = dict(sorted(parts.items()))
        _say_who_may(made)
        app.openapi_schema = made
    return app.openapi_schema
