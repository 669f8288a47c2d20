"""A rung that cannot fail proves nothing: what makes a run bad."""

from pathlib import Path

import orjson
import pytest

from tests.proof.asking import Budget, options
from tests.proof.report import Report


def good() -> Report:
    report = Report("explore", seed=7, faults=["kill"])
    report.count("states", 3)
    report.fired("kill")
    report.held("I10", 2)
    report.held("I2", 5)
    return report


def test_a_run_in_which_everything_held_is_good(capsys: pytest.CaptureFixture[str]) -> None:
    assert good().finish(as_json=True) == 0
    told = orjson.loads(capsys.readouterr().out)
    assert (told["states"], told["seed"], told["violations"], told["verdict"]) == (3, 7, 0, "holds")
    assert list(told["invariants"]) == ["I2", "I10"]
    assert told["invariants"]["I2"] == {"checked": 5, "violations": 0}
    assert told["versions"]["python"]
    assert told["commit"]


def test_a_broken_invariant_makes_it_bad_and_is_told_as_a_story(capsys: pytest.CaptureFixture[str]) -> None:
    report = good()
    report.broke("I3", "order 7 was paid twice; seed 7")
    assert report.finish(as_json=False) == 1
    told = capsys.readouterr()
    assert "I3 is broken: order 7 was paid twice" in told.err
    assert "1 broken" in told.out


def test_a_fault_that_never_fired_makes_it_bad(capsys: pytest.CaptureFixture[str]) -> None:  # I21
    report = good()
    report.enable("pause", "kill")
    assert report.finish(as_json=True) == 1
    assert orjson.loads(capsys.readouterr().out)["silent_faults"] == ["pause"]


def test_a_figure_may_be_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    report = good()
    report.tell("complete", ["one", "two"])
    assert report.finish(as_json=False) == 0
    assert "['one', 'two']" in capsys.readouterr().out


def test_a_run_that_checked_nothing_is_bad(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report("explore", seed=1)
    report.held("I1", 0)
    assert report.finish(as_json=True) == 1
    assert orjson.loads(capsys.readouterr().out)["verdict"] == "nothing was checked"


def test_a_campaign_is_kept_with_its_figures(tmp_path: Path) -> None:
    page = good().keep(tmp_path).read_text()
    assert "| states | 3 |" in page
    assert "| kill | 1 |" in page
    assert "| I10 | 2 | 0 |" in page
    assert orjson.loads(page.split("```json\n")[1].split("\n```")[0])["rung"] == "explore"


def test_a_budget_is_over_when_its_time_is() -> None:
    assert Budget(0).over
    budget = Budget(1e9)
    assert not budget.over
    budget.end()
    assert budget.over
    given = options("explore", "…").parse_args(["--seed", "3", "--max-seconds", "9", "--json"])
    assert (given.seed, given.max_seconds, given.json, given.record) == (3, 9.0, True, False)
