"""The application: the routers, the problems, and the headers of every answer."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from saga.access.gate import Gate
from saga.api import acts, audit, catalog, probes, records, sagas, streams
from saga.api.documenting import document
from saga.api.problems import install
from saga.api.reading import READ_WITHIN
from saga.api.streaming import Streams
from saga.config import Settings
from saga.runtime.operations import LiveOperations

API_VERSION = "1.0"  # of the API, not of the package: the minor rises with what is added
MetricsPage = Callable[[], tuple[bytes, str]]
_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'"}


class Headed:
    """Adds the headers that every answer has: nothing is guessed, cached or run by a browser (A8)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._app(scope, receive, headed if scope["type"] == "http" else send)


class Application(FastAPI):
    """FastAPI whose document also names the problems, and whose headers stand on every answer."""

    def build_middleware_stack(self) -> ASGIApp:
        """Headers go around everything: middleware that is added stands inside of what answers a bug, and would miss that 500."""
        return Headed(super().build_middleware_stack())

    def openapi(self) -> dict[str, Any]:
        """What `/openapi.json` and `python -m saga.api.export` say."""
        return document(self)


def build_app(operations: LiveOperations, metrics_page: MetricsPage, settings: Settings, gate: Gate | None = None) -> FastAPI:
    """REST over the desk. `metrics_page` gives the Prometheus text and its content type. Without a `gate` there are no API keys: only
    bearer tokens of the issuers in the settings get in, or everybody where the settings say so."""
    app = Application(
        title="Saga coordinator", version=API_VERSION, docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False
    )
    app.state.operations, app.state.metrics_page, app.state.settings = operations, metrics_page, settings
    app.state.read_within = READ_WITHIN
    app.state.gate = gate or Gate(settings)
    app.state.streams = Streams(settings.http_streams)
    for router in (sagas.router, streams.router, acts.router, catalog.router, records.router, audit.router, probes.router):
        app.include_router(router)

    @app.get("/openapi.json", include_in_schema=False)
    async def described(request: Request) -> JSONResponse:
        return JSONResponse(request.app.openapi())

    install(app)
    return app
