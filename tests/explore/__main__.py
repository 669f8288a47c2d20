"""Every order in which a small saga can happen, on the real core: `python -m tests.explore --states 1000000 --jobs 2`.

Ends with 1 when a rule is broken, and prints the shortest story that breaks it."""

import argparse
import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from functools import partial
from time import monotonic

from tests.explore.search import Found, search
from tests.explore.shapes import SHAPES
from tests.proof.asking import options
from tests.proof.report import Report


def main(arguments: Sequence[str] | None = None) -> int:
    """Search the shapes, as many at a time as there are jobs, and judge them together."""
    parser = options("explore", __doc__ or "")
    parser.add_argument("--states", type=int, default=200_000, help="at most so many states a shape")
    parser.add_argument("--shape", choices=list(SHAPES), action="append", help="only this one; may be repeated")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="so many shapes at a time, each in a process of its own")
    asked = parser.parse_args(arguments)
    report = Report("explore", asked.seed)
    until = monotonic() + asked.max_seconds
    cut = []
    for name, found in _search(asked, until):
        _judge(report, name, found)
        if not found.whole:
            cut.append(name)
    names = asked.shape or list(SHAPES)
    report.tell("shapes", len(names))
    report.tell("complete", sorted(name for name in names if name not in cut))
    report.tell("cut_off", sorted(cut))
    return report.finish(as_json=asked.json, record=asked.record)


def _search(asked: argparse.Namespace, until: float) -> Iterator[tuple[str, Found]]:
    names = asked.shape or list(SHAPES)
    run = partial(search, states=asked.states, until=until)
    if asked.jobs == 1:
        yield from ((name, run(name)) for name in names)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(asked.jobs, mp_context=context, max_tasks_per_child=1) as pool:
        running: dict[Future[Found], str] = {pool.submit(run, name): name for name in names}
        yield from ((running[done], done.result()) for done in as_completed(running))


def _judge(report: Report, name: str, found: Found) -> None:
    print(
        f"{name:28} {found.states:9} states {'all' if found.whole else 'cut off'}  {found.broken or 'holds'}", file=sys.stderr, flush=True
    )
    for what in ("states", "transitions", "folds", "decisions"):
        report.count(what, getattr(found, what))
    checked = {**dict.fromkeys(("I2", "I3", "I6"), found.states), **dict.fromkeys(("I1", "I5", "I7", "I8"), found.decisions)}
    checked |= {"I15": found.ticks, "I18": found.folds}
    if SHAPES[name].replicas:
        checked |= {"I4": found.states, "I10": found.states}
    for invariant, times in checked.items():
        report.held(invariant, times)
    for fault, states in found.faults.items():
        report.fired(fault, states)
    if found.broken:
        report.broke(found.invariant, f"{name}: {found.broken}\n    " + "\n    ".join(found.story))


if __name__ == "__main__":
    sys.exit(main())
