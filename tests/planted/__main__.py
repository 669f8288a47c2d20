"""Put each planted defect into a copy of the tree and run the rung that must find it: `python -m tests.planted --jobs 2`.

Ends with 1 when one survives, when a rung is red without a defect, or when a defect no longer fits the source."""

import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.planted.hunting import Hunt, hunt
from tests.planted.planted import DoesNotFit, Planted
from tests.planted.registry import REGISTRY
from tests.proof.asking import Budget, options
from tests.proof.report import Report

Told = tuple[str, Planted, Hunt | DoesNotFit | None]
SOUND, DEFECT = "sound tree", "defect"


def main(arguments: Sequence[str] | None = None, registry: Sequence[Planted] = REGISTRY) -> int:
    """Hunt all defects, or those whose name or rung is asked for."""
    parser = options("planted", __doc__ or "")
    parser.add_argument("--only", action="append", help="defects whose name has this in it; may be repeated")
    parser.add_argument("--rung", action="append", help="defects of this rung; may be repeated")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="so many at a time")
    asked = parser.parse_args(arguments)
    wanted = [one for one in registry if _fits(one.name, asked.only) and (not asked.rung or one.rung in asked.rung)]
    report, missed, hunted = Report("planted", asked.seed), [], 0
    for what, planted, told in _all(wanted, asked.jobs, Budget(asked.max_seconds)):
        if told is None:
            continue
        hunted += what == DEFECT
        if not _judge(report, what, planted, told) and what == DEFECT:
            missed.append(planted.name)
    report.count("planted", hunted)
    report.count("found", hunted - len(missed))
    report.count("not_begun", len(wanted) - hunted)
    report.tell("missed", sorted(missed))
    return report.finish(as_json=asked.json, record=asked.record)


def _fits(name: str, only: Sequence[str] | None) -> bool:
    return not only or any(part in name for part in only)


def _all(wanted: Sequence[Planted], jobs: int, budget: Budget) -> Iterator[Told]:
    """Each command once on the sound tree, and then the defects that it must find: a run that is cut has hunted some."""
    groups: dict[tuple[str, ...], list[Planted]] = {}
    for planted in wanted:
        groups.setdefault(planted.command, []).append(planted)
    tasks = [task for group in groups.values() for task in ((SOUND, group[0]), *((DEFECT, planted) for planted in group))]

    def run(task: tuple[str, Planted]) -> Told:
        what, planted = task
        if budget.over:
            return what, planted, None
        with TemporaryDirectory(prefix="planted-") as folder:
            try:
                return what, planted, hunt(planted, Path(folder), sound_tree=what == SOUND)
            except DoesNotFit as error:
                return what, planted, error

    with ThreadPoolExecutor(jobs) as pool:
        try:
            yield from pool.map(run, tasks)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _judge(report: Report, what: str, planted: Planted, told: Hunt | DoesNotFit) -> bool:
    invariant = "sound tree is green" if what == SOUND else "defect is found"
    if isinstance(told, Hunt):
        good = told.sound and told.red == (what == DEFECT)
        line = f"{told.seconds:5.1f} s  {told.told}"
    else:
        good, line = False, str(told)
    said = ("green" if good else "RED") if what == SOUND else ("found" if good else "NOT FOUND")
    name = planted.command[-1] if planted.command[1] == "pytest" else " ".join(planted.command[1:4])
    name = name if what == SOUND else planted.name
    print(f"{said:9} {planted.rung:12} {name:55} {line}", file=sys.stderr, flush=True)
    if good:
        report.held(invariant)
    else:
        report.broke(invariant, f"{planted.name} ({planted.rung}): {planted.story}; {line}")
    return good


if __name__ == "__main__":
    sys.exit(main())
