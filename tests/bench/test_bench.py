"""A short bench: its results must be right, its figures are not judged. And wrong results must be seen."""

import json

import pytest

from tests.bench.__main__ import main
from tests.bench.core_row import microseconds_a_record
from tests.bench.measure import measure
from tests.bench.stage import Wanted

pytestmark = pytest.mark.integration


@pytest.mark.timeout(300)
def test_a_short_bench_is_verified_and_tells_its_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--short", "--rows", "happy,failing,core", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["verified"]
    assert told["sagas_per_s"] > 0
    assert told["rows"].keys() == {"happy", "failing", "core"}
    assert set(told["rows"]["happy"]["cpu_s_per_1000"]) == {"coordinator-1", "world", "kafka", "postgres"}


@pytest.mark.timeout(200)
async def test_a_run_whose_results_are_wrong_has_no_figures_that_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.bench.verify.FAILING", ())  # as if every saga of the failing shape had gone another way
    found = await measure(Wanted(orders=200, in_flight=50, failing=True))
    assert any("events" in fault for fault in found.faults)


def test_the_core_alone_can_be_measured() -> None:
    assert microseconds_a_record() > 0
