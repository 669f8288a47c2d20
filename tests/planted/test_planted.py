"""The registry is whole and fits the source; and a hunt can fail."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from tests.planted.__main__ import main
from tests.planted.hunting import copy_tree, hunt
from tests.planted.planted import DoesNotFit, Edit, plant
from tests.planted.registry import REGISTRY

BY_NAME = {planted.name: planted for planted in REGISTRY}


def test_there_are_enough_defects_and_each_has_a_name_a_story_and_a_rung() -> None:  # L9
    assert len(REGISTRY) >= 30
    assert [name for name, times in Counter(planted.name for planted in REGISTRY).items() if times > 1] == []
    assert all(planted.story and planted.rung and bool(planted.edits) != bool(planted.switch) for planted in REGISTRY)
    assert {planted.rung for planted in REGISTRY} >= {"explore", "simulate", "crash", "chaos", "hostile", "upgrade"}


def test_every_defect_fits_the_source(tmp_path: Path) -> None:  # L9
    for planted in REGISTRY:
        for edit in planted.edits:
            target = tmp_path / edit.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text((Path(__file__).parent.parent.parent / edit.path).read_text())
        plant(tmp_path, planted)


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
