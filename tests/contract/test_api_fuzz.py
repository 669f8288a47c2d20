"""Schemathesis over the application with a valid key: whatever the document allows, or nearly allows, the answer is no fault of ours."""

import asyncio
import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from rest_world import operations, rest
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from saga.api.app import build_app
from saga.config import Settings
from tests.unit.fake_operations import FakeOperations

EXAMPLES = int(os.environ.get("SAGA_FUZZ_EXAMPLES", "10"))
CHECKS = [not_a_server_error, status_code_conformance, response_schema_conformance]
NAMES = [one.id for one in operations(build_app(FakeOperations(), lambda: (b"", ""), Settings()).openapi())]


async def opened() -> tuple[Any, dict[str, str]]:
    """REST over a world with one saga, and the headers of an admin."""
    async with rest() as at:
        headers = await at.caller("admin")
        await at.start(headers)
        return at.app, headers


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("name", NAMES)
def test_no_request_is_answered_by_a_fault_of_ours_or_by_what_is_not_documented(name: str, mode: GenerationMode) -> None:  # A3, A4, A8
    app, headers = asyncio.run(opened())
    operation = schemathesis.openapi.from_asgi("/openapi.json", app).find_operation_by_id(name)

    @settings(max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        case.validate_response(case.call(headers=headers), checks=CHECKS)

    ask()
