"""The HTTP side of a service: /livez, /readyz, /barrier, /metrics. A service adds its routes. No writes, no secrets, no debug."""

from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from saga.errors import ContractError, Unavailable
from saga.sdk.service import Service

PROBLEM = "application/problem+json"


def base_app(service: Service) -> FastAPI:
    """An app with what every service answers."""
    app = FastAPI(title=f"The {service.participant.name} service", docs_url=None, redoc_url=None)

    @app.get("/livez")
    async def live() -> dict[str, str]:
        """The process turns."""
        return {"status": "alive"}

    @app.get("/readyz")
    async def ready() -> JSONResponse:
        """Postgres and Kafka are there and the loops turn: 200, else 503 with what is wrong, by part."""
        faults = dict(await service.faults())
        return JSONResponse({"status": "not ready" if faults else "ready", "faults": faults}, 503 if faults else 200)

    @app.get("/barrier")
    async def barrier() -> dict[str, Any]:
        """Counts: commands, repetitions, tombstones, work under way, records waiting, records set aside."""
        return dict(await service.figures())

    @app.get("/metrics")
    async def metrics() -> Response:
        """Prometheus text; `saga inspect metrics` says what each name means."""
        page, content_type = service.telemetry.metrics.page()
        return Response(page, headers={"content-type": content_type})

    @app.exception_handler(Unavailable)
    async def unavailable(_request: Request, error: Unavailable) -> JSONResponse:
        return problem(503, "unavailable", f"{error.what} is unavailable", {"Retry-After": "1"})

    @app.exception_handler(ContractError)
    async def broken_contract(_request: Request, error: ContractError) -> JSONResponse:
        return problem(422, error.code, error.detail)

    return app


def problem(status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """A problem document (RFC 9457)."""
    return JSONResponse({"status": status, "title": code, "detail": detail}, status, headers, PROBLEM)
