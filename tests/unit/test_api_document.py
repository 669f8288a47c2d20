"""REST: what the committed OpenAPI document says is what is served (A9)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from saga.api import export
from saga.api.app import build_app
from saga.config import Settings
from tests.unit.api_client import client
from tests.unit.fake_operations import FakeOperations

ROOT = Path(__file__).parents[2]


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from path.values()


async def test_the_committed_document_is_what_the_router_says() -> None:
    assert (ROOT / export.COMMITTED).read_text("utf-8") == export.text(), "python -m saga.api.export"


async def test_the_served_document_is_the_same() -> None:
    async with client(FakeOperations()) as http:
        served = (await http.get("/openapi.json")).json()
    app = build_app(FakeOperations(), lambda: (b"", ""), Settings())
    assert served == app.openapi()


def test_operation_ids_are_written_by_hand_and_unique() -> None:
    document = build_app(FakeOperations(), lambda: (b"", ""), Settings()).openapi()
    ids = [operation["operationId"] for operation in _operations(document)]
    assert sorted(ids) == sorted(set(ids))
    assert all(name.isalpha() for name in ids), ids


def test_every_route_under_v1_documents_its_problems() -> None:
    document = build_app(FakeOperations(), lambda: (b"", ""), Settings()).openapi()
    for path, methods in document["paths"].items():
        for operation in methods.values():
            wrong = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
            assert wrong or not path.startswith("/v1"), path
            for answer in wrong.values():
                assert list(answer["content"]) == ["application/problem+json"]
    assert "HTTPValidationError" not in document["components"]["schemas"]
