"""What was recorded once folds and decides the same for ever, and is never recorded again (I8, S12)."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from saga.core.events import EVENT_TYPES
from tests.proof.report import ROOT, Report
from tests.upgrade import ledger
from tests.upgrade.history import History, Recorded, Step, read, write
from tests.upgrade.judging import files, judge


def judged(*paths: Path) -> Report:
    report = Report("upgrade", 0)
    for path in paths:
        judge(report, path)
    return report


@pytest.mark.parametrize("path", files(), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_recorded_history_folds_and_decides_as_it_did(path: Path) -> None:  # I8, S12
    report = judged(path)
    assert [story for verdict in report.verdicts.values() for story in verdict.stories] == []
    assert report.counts["histories"] > 5


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_the_order_of_sets_decides_nothing(seed: str) -> None:  # I8
    command = [sys.executable, "-m", "tests.upgrade.judging"]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_corpus_holds_every_event_that_there_is() -> None:
    found = {type(event) for path in files() for history in read(path).histories for step in history.steps for event in step.facts()}
    assert set(EVENT_TYPES) - found == set()


def test_no_recorded_file_was_changed_and_each_is_written_down() -> None:
    assert list(ledger.differences()) == []


def test_the_ledger_has_only_grown() -> None:
    assert list(ledger.rewritten()) == []


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A copy that may be spoiled, in a repository of its own."""
    shutil.copytree(ledger.CORPUS, tmp_path / "corpus", ignore=shutil.ignore_patterns("__pycache__"))
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost", "-C", str(tmp_path)]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "one"]):
        subprocess.run([*git, *words], check=True)
    return tmp_path / "corpus"


def test_a_file_that_was_recorded_again_is_found(corpus: Path) -> None:
    path = corpus / "r0001/two.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"attempt":2', b'"attempt":3', 1))
    assert [fault.split(":")[0] for fault in ledger.differences(corpus)] == ["r0001/two.jsonl was changed"]
    with pytest.raises(ValueError, match="was changed"):
        ledger.add(corpus)


def test_a_file_that_is_gone_and_one_that_nobody_wrote_down_are_found(corpus: Path) -> None:
    (corpus / "r0001/two.jsonl").rename(corpus / "r0001/three.jsonl")
    assert [fault.split(":")[0] for fault in ledger.differences(corpus)] == [
        "r0001/two.jsonl is gone", "r0001/three.jsonl does not stand in LEDGER",
    ]  # fmt: skip


def test_a_ledger_that_was_written_again_is_found(corpus: Path) -> None:
    path = corpus / "r0001/two.jsonl"
    path.unlink()
    (corpus / ledger.LEDGER).write_text("".join(f"{digest}  {name}\n" for name, digest in ledger.found(corpus).items()))
    assert list(ledger.differences(corpus)) == []
    assert len(list(ledger.rewritten(corpus))) == 1


def altered(tmp_path: Path, change: dict[str, object]) -> Report:
    """The judgement of a file one step of which says something else."""
    recorded = read(ledger.CORPUS / "r0001/two.jsonl")
    first = next(one for one in recorded.histories if any(step.kind == "ReplyInput" and step.events for step in one.steps))
    number = next(n for n, step in enumerate(first.steps) if step.kind == "ReplyInput" and step.events)
    steps: list[Step] = list(first.steps)
    steps[number] = replace(steps[number], **change)  # type: ignore[arg-type]
    path = tmp_path / "two.jsonl"
    write(path, Recorded(recorded.shape, recorded.module, recorded.definition, (History(first.key, tuple(steps)),)))
    return judged(path)


@pytest.mark.parametrize("change", [{"events": ()}, {"said": "duplicate"}, {"seen": {}}])
def test_a_decision_that_differs_is_found(tmp_path: Path, change: dict[str, object]) -> None:
    assert altered(tmp_path, change).violations > 0
