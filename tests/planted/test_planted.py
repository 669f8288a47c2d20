"""The registry is whole and fits the source; and a hunt can fail."""

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from tests.crash.planted import DEFECTS
from tests.crash.planted import changes as crash_changes
from tests.planted.__main__ import main
from tests.planted.hunting import copy_tree, hunt
from tests.planted.planted import DoesNotFit, Edit, Planted, plant
from tests.planted.registry import REGISTRY
from tests.proof.report import ROOT

BY_NAME = {planted.name: planted for planted in REGISTRY}


def test_there_are_enough_defects_and_each_has_a_name_a_story_and_a_rung() -> None:  # L9
    assert len(REGISTRY) >= 30
    assert [name for name, times in Counter(planted.name for planted in REGISTRY).items() if times > 1] == []
    assert all(planted.story and planted.rung and bool(planted.edits) != bool(planted.switch) for planted in REGISTRY)
    assert {planted.rung for planted in REGISTRY} >= {"explore", "simulate", "crash", "chaos", "hostile", "upgrade"}


def test_every_defect_fits_the_source_and_names_only_what_is_there(tmp_path: Path) -> None:  # L9
    """One that falls over at its first line is found by everything, and shows nothing."""
    for number, planted in enumerate(REGISTRY):
        _plant_alone(planted, tmp_path / str(number))
    for name in DEFECTS:
        for module, changes in crash_changes(name).items():
            path = f"{module.replace('.', '/')}.py"
            edits = [Edit(path, old, new) for old, new in changes]
            _plant_alone(Planted(name, "", "crash", (), tuple(edits)), tmp_path / name)
    told = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F821,E9", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout


def _plant_alone(planted: Planted, root: Path) -> None:
    """In a copy of the files that it changes."""
    for path in {edit.path for edit in planted.edits}:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text((ROOT / path).read_text())
    plant(root, planted)


def test_a_defect_whose_source_has_changed_is_a_failure(tmp_path: Path) -> None:
    stale = replace(BY_NAME["undo order wrong"], edits=(Edit("saga/core/ticks.py", "what stood here last year", ""),))
    with pytest.raises(DoesNotFit, match="0 times"):
        hunt(stale, tmp_path)


@pytest.mark.timeout(400)
def test_a_defect_is_found_and_a_harmless_change_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # L9
    found = BY_NAME["completed too early"]
    harmless = replace(found, name="harmless", edits=(Edit("saga/core/ticks.py", "A tick fires", "Every tick fires"),))
    assert main(["--json"], [found, harmless]) == 1
    told = orjson.loads(capsys.readouterr().out)
    assert (told["planted"], told["found"], told["missed"]) == (2, 1, ["harmless"])


@pytest.mark.timeout(400)
def test_a_rung_that_falls_over_has_found_nothing(tmp_path: Path) -> None:
    broken = replace(BY_NAME["completed too early"], edits=(Edit("tests/explore/search.py", "import sys\n", "import nothing\n"),))
    seen = hunt(broken, tmp_path)
    assert (seen.red, seen.sound) == (False, False)
    assert "nothing" in seen.told


def test_a_copy_of_the_tree_has_the_sources_and_nothing_that_was_made_of_them(tmp_path: Path) -> None:
    root = copy_tree(tmp_path)
    assert (root / "saga" / "core" / "decide.py").is_file()
    assert not list(root.rglob("__pycache__"))
