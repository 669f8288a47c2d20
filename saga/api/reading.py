"""Reading a request's body: bounded in bytes, time and depth, strict JSON, and only JSON (hazards A4, P14)."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from saga.api.admitting import admit
from saga.api.problems import Kind, RequestRefused, Wrong
from saga.body import parse_body

MAX_REQUEST = 256 * 1024
MAX_REQUEST_DEPTH = 32
READ_WITHIN = 10.0  # seconds for the whole body: a slow sender may not hold a connection for ever


class StrictRequest(Request):
    """A request whose body was read before FastAPI looks at it, by our rules and not by those of `json.loads`."""

    _raw: bytes = b""

    async def read(self) -> None:
        """Read and check the body. Raises RequestRefused or ContractError; afterwards `body` and `json` cannot fail."""
        self._check_headers()
        try:
            async with asyncio.timeout(self.app.state.read_within):
                self._raw = await self._bounded()
        except TimeoutError:
            raise RequestRefused(Kind(408, "too-slow", "Too slow"), "the body did not arrive in time") from None
        self._value = parse_body(self._raw, limit=MAX_REQUEST, depth=MAX_REQUEST_DEPTH)

    async def body(self) -> bytes:
        """The bytes as read."""
        return self._raw

    async def json(self) -> Any:
        """The object that they say."""
        return self._value

    def _check_headers(self) -> None:
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise _unsupported("Content-Type", "send application/json")
        if self.headers.get("content-encoding", "identity").lower() != "identity":
            raise _unsupported("Content-Encoding", "compressed bodies are not read")

    async def _bounded(self) -> bytes:
        length = self.headers.get("content-length", "0")
        if length.isascii() and length.isdigit() and (len(length) > 15 or int(length) > MAX_REQUEST):
            raise _too_large()
        raw = bytearray()
        async for chunk in self.stream():
            raw += chunk
            if len(raw) > MAX_REQUEST:
                raise _too_large()
        return bytes(raw)


class StrictRoute(APIRoute):
    """A route that asks the gate first, then reads its body through StrictRequest."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, behind the gate and our reading."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            await admit(request, self.operation_id)
            if self.body_field is None:
                return await handler(request)
            strict = StrictRequest(request.scope, request.receive)
            await strict.read()
            return await handler(strict)

        return handle


def _unsupported(header: str, detail: str) -> RequestRefused:
    kind = Kind(415, "unsupported-media-type", "Unsupported media type")
    return RequestRefused(kind, detail, [Wrong(part="header", pointer=header, detail=detail)])


def _too_large() -> RequestRefused:
    return RequestRefused(Kind(413, "too-large", "Too large"), f"a request's body may have {MAX_REQUEST} bytes")
