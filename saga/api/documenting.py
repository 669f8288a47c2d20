"""OpenAPI: what it says beyond what FastAPI sees by itself, which is the problems of every route."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from saga.api.problems import MEDIA_TYPE, Problem

Responses = dict[int | str, dict[str, Any]]

_SAID = {
    400: "Idempotency-Key is missing, or the body ended early",
    404: "It does not exist",
    408: "The body did not arrive in time",
    409: "The act does not fit the state of the saga; `code` says why",
    412: "The saga is not at the version of If-Match",
    413: "The body is too large",
    415: "The body is not application/json, or is compressed",
    422: "Something in the request is wrong; `errors` points at it",
    503: "The database is away or did not say what became of the request: send it again after Retry-After",
}
BODY = (400, 408, 413, 415)
_DESCRIPTION = """Start sagas, look at them, and act on them. Errors are problem documents (RFC 9457) whose `code` is stable.
Lists are pages: follow `next`, or the Link header. There is no access control yet: let nobody in who may not act."""


def problems(*statuses: int) -> Responses:
    """The `responses` of a route: its problems besides 422 and 503, which any route may answer with."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": _SAID[status], "content": content} for status in sorted({*statuses, 422, 503})}


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the application, made once."""
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, description=_DESCRIPTION, routes=app.routes)
        _, schemas = models_json_schema([(Problem, "serialization")], ref_template="#/components/schemas/{model}")
        parts = made.setdefault("components", {}).setdefault("schemas", {})
        parts.update(schemas["$defs"])
        made["components"]["schemas"] = dict(sorted(parts.items()))
        app.openapi_schema = made
    return app.openapi_schema
