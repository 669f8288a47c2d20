"""An HTTP client onto the application, in this process."""

from typing import Any

import httpx2

from saga.api.app import build_app
from saga.api.reading import READ_WITHIN
from saga.config import Settings
from tests.unit.fake_operations import FakeOperations

METRICS = b"saga_started_total 3\n"
PROMETHEUS = "text/plain; version=1.0.0; charset=utf-8"


def client(operations: FakeOperations, *, read_within: float = READ_WITHIN, secure: bool = False) -> httpx2.AsyncClient:
    """Bugs show as 500, as they would to somebody outside. `read_within` is the span for a body, in seconds. `secure`: the gate is shut."""
    app = build_app(operations, lambda: (METRICS, PROMETHEUS), Settings(insecure_dev=not secure))
    app.state.read_within = read_within
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app, raise_app_exceptions=False), base_url="http://test")


def problem_of(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document of an answer, after checking that it is one."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert (document["status"], document["code"], document["type"]) == (status, code, f"urn:saga:problem:{code}")
    return document


def pointers(document: dict[str, Any]) -> list[tuple[str, str]]:
    """What the problem points at."""
    return [(error["part"], error["pointer"]) for error in document["errors"]]
