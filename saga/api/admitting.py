"""Who may come in: asked by every route of /v1 before anything of its body is read. Decided in saga.access."""

from typing import Annotated

from fastapi import Depends, Request

from saga.access.actor import out_of_header
from saga.access.gate import Asked, Gate
from saga.access.principal import Principal
from saga.api.problems import Kind, RequestRefused


async def admit(request: Request, operation: str | None) -> None:
    """Let the request in, and keep who asks. Raises NotAuthenticated, NotAllowed, RequestRefused, LookupError or Unavailable."""
    gate: Gate = request.app.state.gate
    principal = await gate.principal(request.headers.getlist("authorization"), _actor(request))
    if wait := gate.wait(principal):
        headers = {"Retry-After": str(int(wait) + 1)}
        raise RequestRefused(Kind(429, "too-many-requests", "Too many requests"), "ask less often", headers=headers)
    await gate.allow(principal, Asked(operation or "", request.path_params), request.app.state.operations.definition_of)
    request.state.principal = principal


def _actor(request: Request) -> str:
    """Who acts, as the header says. One that cannot be read is refused later, where the header is one of the operation's."""
    said = request.headers.get("x-actor", "")
    try:
        return out_of_header(said) if said else ""
    except ValueError:
        return ""


def principal_of(request: Request) -> Principal:
    """Who asks."""
    principal: Principal = request.state.principal
    return principal


Who = Annotated[Principal, Depends(principal_of)]
