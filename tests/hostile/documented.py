"""Schemathesis over the application in memory: what the document allows or nearly allows, with all of its checks of an answer."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from tests.hostile.calls import ANSWERED
from tests.proof.report import Report

CHECKS = [not_a_server_error, status_code_conformance, response_schema_conformance]


def ask_as_documented(calls: int, number: int, report: Report) -> None:
    """So many calls, spread evenly over the operations and over right and wrong requests."""
    sys.path[:0] = [str(Path(__file__).parent.parent / "flow")]
    from rest_world import operations

    app, headers = asyncio.run(_opened())
    document = schemathesis.openapi.from_asgi("/openapi.json", app)
    names = [one.id for one in operations(app.openapi())]
    each = max(1, calls // (len(names) * len(GenerationMode)))
    for name in names:
        for mode in GenerationMode:
            _ask(document.find_operation_by_id(name), mode, each, (number, headers, report))


async def _opened() -> tuple[Any, dict[str, str]]:
    from rest_world import rest

    async with rest() as at:
        headers = await at.caller("admin")
        await at.start(headers)
        return at.app, headers


def _ask(operation: Any, mode: GenerationMode, each: int, run: tuple[int, dict[str, str], Report]) -> None:
    number, headers, report = run

    @seed(number)
    @settings(max_examples=each, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        answer = case.call(headers=headers)
        report.count("calls")
        report.count("server_errors", answer.status_code >= 500)
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as failure:
            report.broke(ANSWERED, f"schemathesis, {case.method} {case.formatted_path}: {str(failure)[:300]}")
        else:
            report.held(ANSWERED)

    ask()
