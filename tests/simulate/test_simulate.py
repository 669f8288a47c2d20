"""A slice of the simulation for every run of CI, and that its verdicts can be repeated and can be bad."""

import json
import os
import subprocess
import sys

import pytest

from tests.proof.report import Report
from tests.simulate.__main__ import command, kept, main, take
from tests.simulate.nemesis import ALL
from tests.simulate.planted import PLANTED
from tests.simulate.world import ORDERS, run

SMALL = 20
FINDS_WITHIN = 60


@pytest.mark.timeout(1200)
def test_worlds_full_of_faults_hold_every_invariant(capsys: pytest.CaptureFixture[str]) -> None:  # I21 too: every fault fires
    assert main(["--seed", "0", "--sagas", "100000", "--jobs", "2", "--no-keep", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["sagas"], told["violations"]) == (told["seeds"] * ORDERS * 7, 0)
    assert told["sagas"] >= 100_000
    assert told["faults"].keys() == set(ALL)
    assert {f"I{number}" for number in range(1, 20) if number != 9} == told["invariants"].keys()


def test_seeds_that_found_something_once_are_run_for_ever() -> None:
    assert {seed: run(seed, orders).broken for seed, orders in kept()} == {seed: () for seed, _ in kept()}
    assert kept()


def test_one_seed_has_one_trace_under_any_hash_seed() -> None:
    script = f"from tests.simulate.world import run; print(run(4, {SMALL}).trace)"
    traces = set()
    for hash_seed in ("0", "1", "4711"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
        traces.add(done.stdout.strip())
    assert traces == {run(4, SMALL).trace}
    assert run(5, SMALL).trace not in traces


def test_a_broken_invariant_names_the_command_that_repeats_it(capsys: pytest.CaptureFixture[str]) -> None:
    with PLANTED["participant without dedupe"].apply():
        found = next(verdict for verdict in (run(seed, SMALL) for seed in range(FINDS_WITHIN)) if verdict.broken)
    report = Report("simulate", found.seed)
    take(report, found, SMALL)
    assert report.finish(as_json=True) == 1
    assert f"again: {command(found.seed, SMALL)}" in capsys.readouterr().err
    assert run(found.seed, SMALL).broken == ()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_defect_is_found(name: str) -> None:  # L9
    with PLANTED[name].apply():
        assert any(run(seed, SMALL).broken for seed in range(FINDS_WITHIN))
