"""What /metrics of a participant counts, and that all it logs is one JSON object a line."""

import asyncio
import json
import os
import re
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator

import pytest

from saga.observability.metrics import Metrics
from saga.observability.telemetry import Telemetry
from saga.ports.messaging import InboundRecord
from saga.sdk.counting import Counting
from saga.sdk.testing import Bench
from saga.sdk.work import Worker
from services.inventory import app as inventory_app
from tests.integration.participants import SCRIPT, BookRoom, CancelRoom, CleanRoom, Hotel, hotel
from tests.integration.test_services_http import Running

pytestmark = pytest.mark.integration
BOOK, CLEAN, CANCEL = BookRoom(guest="ann"), CleanRoom(guest="ann"), CancelRoom(guest="ann")


@pytest.fixture
def house() -> Hotel:
    return hotel()


@pytest.fixture
async def bench(house: Hotel, postgres_dsn: str) -> AsyncIterator[Bench]:
    async with Bench(house.participant, postgres_dsn, scripts=[SCRIPT]) as bench:
        bench.gate.counting = Counting(Telemetry.silent().metrics)
        yield bench


def counted(bench: Bench, name: str) -> dict[str, float]:
    """The values of a counter, by the values of its labels."""
    metrics = bench.gate.counting.metrics
    assert isinstance(metrics, Metrics)
    found = re.findall(rf"^saga_participant_{name}{{(.*)}} (\S+)$", metrics.page()[0].decode(), re.MULTILINE)
    return {",".join(re.findall('"([^"]*)"', labels)): float(value) for labels, value in found}


async def test_answers_repetitions_fences_and_records_that_nobody_can_answer_are_counted(bench: Bench) -> None:
    await bench.do(BOOK, id="do")
    await bench.do(BOOK, id="do", attempt="2")
    await bench.undo("do", CANCEL, id="undo")
    await bench.fence("never-seen")
    await bench.gate.handle(InboundRecord("hotel.commands", 0, 9, b"k", b"{}", ()))
    assert counted(bench, "answers_total") == {"do,succeeded": 1, "undo,succeeded": 1, "fence,nothing-to-undo": 1}
    assert counted(bench, "repeated_total") == {"do": 1}
    assert counted(bench, "set_aside_total") == {"no-specversion": 1}
    assert counted(bench, "answer_duration_seconds_count") == {"do": 1, "undo": 1, "fence": 1}


async def test_long_work_is_counted_when_it_ends(bench: Bench, house: Hotel) -> None:
    await bench.do(CLEAN, id="do")
    house.may_finish.set()
    worker = Worker(bench.participant, bench.database, bench.gate, bench.sent.extend, claim_for=5.0)
    await worker.begin()
    await worker.settled()
    assert counted(bench, "answers_total") == {"do,in-progress": 1, "do,succeeded": 1}


async def test_a_service_shows_its_metrics(postgres_dsn: str) -> None:
    async with Running(inventory_app, postgres_dsn) as running:
        answer = await running.client.get("/metrics")
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "text/plain")


async def test_every_line_of_a_service_is_a_json_object(postgres_dsn: str) -> None:  # A11
    settings = {"SERVICE_POSTGRES_DSN": postgres_dsn, "SERVICE_KAFKA_BOOTSTRAP": "127.0.0.1:1"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.payment", env={**os.environ, **settings}, stdout=PIPE, stderr=PIPE
    )
    assert process.stderr is not None
    first = json.loads(await asyncio.wait_for(process.stderr.readline(), 60))
    assert (first["level"], first["logger"]) == ("warning", "saga.sdk.service")
    assert first["event"].startswith("payment waits for kafka")
    process.terminate()
    out, err = await asyncio.wait_for(process.communicate(), 20)
    last = [json.loads(line) for line in err.splitlines()][-1]
    assert (process.returncode, out, last["event"]) == (0, b"", "payment ends")
