"""One request over HTTP: tried again where that can do no harm, and never without a bound."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote

import httpx2

from saga.errors import ConfigurationError, Unavailable, UnknownOutcome
from saga.remote.answers import refusal
from saga.remote.routes import Route

TRIES = 3
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 5.0
WAIT_FOR_CONNECTION = 5.0
WAIT_FOR_ANSWER = 30.0
TIMEOUT = httpx2.Timeout(WAIT_FOR_ANSWER, connect=WAIT_FOR_CONNECTION)
_AGAIN = frozenset({429, 502, 503, 504})
_NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)

Pause = Callable[[float], Awaitable[None]]


class Asking:
    """Questions and acts over one client. `pause` waits so many seconds; a test passes its own."""

    def __init__(self, http: httpx2.AsyncClient, pause: Pause = asyncio.sleep) -> None:
        self._http = http
        self._pause = pause

    async def get(self, route: Route, parameters: Mapping[str, object] | None = None, **place: object) -> httpx2.Response:
        """What a question is answered with. Raises what the desk would raise, Unavailable if nobody answers."""
        return self._good(await self._tried(route, place, {"params": parameters}), route)

    async def probe(self, route: Route) -> httpx2.Response:
        """The answer of a probe, whatever it is, at the first try."""
        return await self._once(route, {}, {})

    async def post(self, route: Route, body: Mapping[str, Any], headers: Mapping[str, str], **place: object) -> httpx2.Response:
        """What an act is answered with. `headers` hold the Idempotency-Key that makes every try the same request.

        Raises what the desk would raise, and UnknownOutcome if it was sent and no answer came.
        """
        for name, value in headers.items():
            if not value.isascii() or not value.isprintable() or value != value.strip():
                raise ConfigurationError(f"over REST {_SAID.get(name, name)} must be printable ASCII")
        return self._good(await self._tried(route, place, {"json": body, "headers": headers}), route)

    async def _tried(self, route: Route, place: Mapping[str, object], request: Mapping[str, Any]) -> httpx2.Response:
        sent = False
        pause = FIRST_PAUSE
        for left in reversed(range(TRIES)):
            try:
                answer = await self._once(route, place, request)
                if answer.status_code not in _AGAIN or not left:
                    return answer
                sent, pause = True, _asked_pause(answer, pause)
            except httpx2.TransportError as error:
                sent = sent or not isinstance(error, _NEVER_SENT)
                if not left:
                    raise self._unanswered(error, lost=sent and route.method == "POST") from None
            await self._pause(min(pause, LONGEST_PAUSE))
            pause *= 2
        raise AssertionError("the last try returns or raises")

    async def _once(self, route: Route, place: Mapping[str, object], request: Mapping[str, Any]) -> httpx2.Response:
        path = route.path.format(**{name: quote(str(value), safe="") for name, value in place.items()})
        return await self._http.request(route.method, path.lstrip("/"), **request)

    def _unanswered(self, error: httpx2.TransportError, *, lost: bool) -> Exception:
        if lost:
            return UnknownOutcome(f"no answer came from {self._http.base_url} ({type(error).__name__})")
        return Unavailable("coordinator", f"nobody answers at {self._http.base_url} ({type(error).__name__})")

    def _good(self, answer: httpx2.Response, route: Route) -> httpx2.Response:
        if answer.is_success:
            return answer
        raise refusal(answer, acting=route.method == "POST")


_SAID = {"Idempotency-Key": "the request's key"}


def _asked_pause(answer: httpx2.Response, otherwise: float) -> float:
    """Seconds of Retry-After; a date there is not waited for."""
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else otherwise
