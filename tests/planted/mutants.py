"""Mutants of `saga/core`: how many are killed by the fast tests of the core, the recorded histories and the first explored states?

`python -m tests.planted.mutants --sample 200`; without `--sample` all of them, which takes hours. Ends with 1 below the aim.

Why mutmut and not cosmic-ray: most of cosmic-ray's mutants of this code are no changes at all (`is` for `==` on members of enums, `+` for
`|` in annotations), and each costs a process. Mutmut leaves out decorated functions, which are the cases of `evolve`: those are planted by
hand (`in_the_core.py`)."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.planted.hunting import copy_tree
from tests.proof.asking import options
from tests.proof.report import Report

AIM = 90.0
SURVIVED = 0
FIRST = "saga.core.backoff.x_wait_before__mutmut_1"
SETTINGS = """
[tool.mutmut]
source_paths = ["saga"]
only_mutate = ["saga/core/*"]
also_copy = ["contracts", "services", "tests", "tools", "docs", "README.md"]
pytest_add_cli_args = ["-p", "no:cacheprovider", "-o", "timeout=30"]
pytest_add_cli_args_test_selection = [{tests}]
use_git_change_detection = false
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the mutants, run a sample of them or all, and list the survivors."""
    parser = options("planted.mutants", __doc__ or "")
    parser.add_argument("--sample", type=int, default=0, help="so many, drawn by the seed; 0: all")
    parser.add_argument("--module", default="", help="only mutants whose name has this in it, as `core.table`")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="so many at a time")
    asked = parser.parse_args(arguments)
    report = Report("mutants", asked.seed)
    with TemporaryDirectory(prefix="mutants-") as folder:
        root = copy_tree(Path(folder))
        with (root / "pyproject.toml").open("a") as settings:
            settings.write(SETTINGS.format(tests=", ".join(f'"{one}"' for one in _tests(root))))
        _mutmut(root, [FIRST], 1, None)
        names = sorted(name for name in _codes(root) if asked.module in name)
        drawn = random.Random(asked.seed).sample(names, min(asked.sample or len(names), len(names)))
        _mutmut(root, drawn, asked.jobs, asked.max_seconds)
        codes = {name: code for name, code in _codes(root).items() if name in set(drawn)}
        survivors = sorted(name for name, code in codes.items() if code == SURVIVED)
        for name in survivors:
            print(f"survived: {name}\n{_shown(root, name)}", file=sys.stderr)
    return _judge(report, len(names), codes, survivors).finish(as_json=asked.json, record=asked.record)


def _tests(root: Path) -> list[str]:
    unit = sorted((root / "tests" / "unit").glob("test_core_*.py"))
    named = [str(path.relative_to(root)) for path in unit if path.name != "test_core_stateful.py"]  # its histories are drawn anew each time
    corpus = "tests/upgrade/test_corpus.py::test_every_recorded_history_folds_and_decides_as_it_did"
    return [*named, corpus, "tests/explore/test_explore.py::test_the_first_states_of_a_shape_hold"]


def _judge(report: Report, all_mutants: int, codes: dict[str, int | None], survivors: Sequence[str]) -> Report:
    judged = [code for code in codes.values() if code is not None]
    rate = 100 * (len(judged) - len(survivors)) / len(judged) if judged else 0.0
    report.count("mutants", all_mutants)
    report.count("judged", len(judged))
    report.count("killed", len(judged) - len(survivors))
    report.tell("killed_percent", round(rate, 1))
    report.tell("survivors", list(survivors))
    if judged and rate < AIM:
        report.broke("mutants are killed", f"{rate:.1f} % of {len(judged)}, the aim is {AIM} %")
    else:
        report.held("mutants are killed", len(judged))
    return report


def _mutmut(root: Path, names: Sequence[str], jobs: int, seconds: float | None) -> None:
    """Mutmut's own exit says nothing that its results do not say better."""
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(jobs), *names]
    limit = None if seconds in (None, float("inf")) else seconds
    try:
        subprocess.run(command, cwd=root, stdout=subprocess.DEVNULL, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        print(f"stopped after {limit:.0f} s", file=sys.stderr)


def _codes(root: Path) -> dict[str, int | None]:
    """The exit code of the tests for each mutant; None where it was not run."""
    codes: dict[str, int | None] = {}
    for path in sorted((root / "mutants" / "saga" / "core").glob("*.meta")):
        codes |= json.loads(path.read_text())["exit_code_by_key"]
    if not codes:
        raise SystemExit("mutmut has made no mutants: run it by hand in a copy of the tree and read what it says")
    return codes


def _shown(root: Path, name: str) -> str:
    shown = subprocess.run([sys.executable, "-m", "mutmut", "show", name], cwd=root, capture_output=True, text=True, check=False)
    return "\n".join(line for line in shown.stdout.splitlines() if line.startswith(("-", "+")) and not line.startswith(("---", "+++")))


if __name__ == "__main__":
    sys.exit(main())
