"""A short bench: its results must be right, its figures are not judged. And wrong results must be seen."""

import json
from datetime import UTC, datetime

import pytest

from saga.config import Settings
from saga.ports.streams import LoadedVersion, SagaKey
from saga.runtime.replay import replay
from saga.store.postgres import PostgresStore
from tests.bench.__main__ import main
from tests.bench.core_row import microseconds_a_record
from tests.bench.measure import measure
from tests.bench.profile import table
from tests.bench.stage import Wanted
from tests.bench.stored import store

pytestmark = pytest.mark.integration
LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)


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


@pytest.mark.timeout(400)
@pytest.mark.parametrize("rows", ["application,sdk", "growth,due", "memory,start", "replay"])
def test_the_rows_of_a_coordinator_that_is_full_are_verified(rows: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--short", "--rows", rows, "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["verified"]
    assert all(figure["value"] > 0 for row in told["rows"].values() for figure in row["figures"].values())


async def test_stored_sagas_are_sagas_each_under_its_own_key(migrated_dsn: str) -> None:
    await store(migrated_dsn, 30, LONG_AGO)
    await store(migrated_dsn, 3, LONG_AGO, begun=True, first=31)
    coordinator = await PostgresStore.connect(Settings(postgres_dsn=migrated_dsn))
    try:
        report = await replay(coordinator, check=True)
        assert (report.sagas, report.clean) == (33, True)
        assert len(await coordinator.due_sagas([LoadedVersion("bench-order", 1)], 10)) == 3
        row = await coordinator.find_key(SagaKey("default", "bench-order", "stored-000000007"))
        assert row is not None
        assert b"stored-000000007" in (await coordinator.load(row.saga_id))[0]
    finally:
        await coordinator.close()


def test_a_profile_tells_work_itself_from_work_within() -> None:
    told = table("main (a.py:1);fold (b.py:7) 3\nmain (a.py:2);fold (b.py:9) 1\nmain (a.py:3) 4\n", top=2)
    itself, within = told.split("with all that it calls")
    assert "8 samples" in itself
    assert "50.0 %  fold (b.py" in itself
    assert "100.0 %  main (a.py" in within


def test_the_core_alone_can_be_measured() -> None:
    assert microseconds_a_record() > 0
