"""`make simulate ARGS="--sagas 100000 --seed 1 --jobs 2"`: worlds, each from its own seed, until so many sagas were to start.

A seed that finds something is printed with the command that repeats it, and kept in kept_seeds.txt, which CI runs for ever. SIGTERM ends a
campaign with what it has judged by then.
"""

import hashlib
import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from time import monotonic

from tests.proof.asking import Budget, options
from tests.proof.report import Report
from tests.simulate.shapes import DEFINITIONS
from tests.simulate.world import ORDERS, Verdict, run

KEPT = Path(__file__).parent / "kept_seeds.txt"
PROGRESS_EVERY = 10.0


def main(arguments: list[str] | None = None) -> int:
    """Run worlds and report."""
    parser = options("simulate", __doc__ or "")
    parser.add_argument("--sagas", type=int, default=20_000, help="begin no new world once so many were to start")
    parser.add_argument("--seeds", type=int, default=0, help="exactly so many worlds instead; 1 repeats one seed")
    parser.add_argument("--orders", type=int, default=ORDERS, help="orders in a world; each starts a saga of every definition")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--no-keep", action="store_true", help="do not write a failing seed into kept_seeds.txt")
    asked = parser.parse_args(arguments)
    report, traces, told = Report("simulate", asked.seed), hashlib.sha256(), monotonic()
    budget, enough = Budget(asked.max_seconds), asked.sagas if not asked.seeds else sys.maxsize
    signal.signal(signal.SIGTERM, lambda *_: budget.end())
    last = asked.seed + asked.seeds if asked.seeds else sys.maxsize
    for verdict in _verdicts(asked.seed, last, asked.orders, asked.jobs):
        traces.update(verdict.trace.encode())
        take(report, verdict, asked.orders)
        if asked.seeds != 1:  # I21 is asked of a run: one world repeated need not meet all that it drew
            report.enable(*verdict.enabled)
        if verdict.broken and not asked.no_keep:
            keep(verdict, asked.orders)
        if monotonic() - told > PROGRESS_EVERY:
            told = monotonic()
            counts = report.counts
            print(f"{counts['seeds']} seeds, {counts['sagas']} sagas, {counts['sagas'] / budget.spent:.0f}/s", file=sys.stderr, flush=True)
        were_to_start = report.counts["seeds"] * asked.orders * len(DEFINITIONS)  # a defect that loses some must not go on for ever
        if were_to_start >= enough or budget.over:
            break
    report.tell("trace", traces.hexdigest())
    report.tell("sagas_per_second", round(report.counts["sagas"] / budget.spent))
    return report.finish(as_json=asked.json, record=asked.record)


def take(report: Report, verdict: Verdict, orders: int) -> None:
    """One world more."""
    report.count("seeds")
    report.count("sagas", verdict.sagas)
    report.count("virtual_hours", round(verdict.virtual_seconds / 3600))
    for status, count in sorted(verdict.statuses.items()):
        report.count(status, count)
    for name, count in sorted(verdict.met.items()):
        report.count(name, count)
    for fault, times in verdict.fired.items():
        report.fired(fault, times)
    for invariant, times in verdict.checked.items():
        report.held(invariant, times - sum(broken == invariant for broken, _ in verdict.broken))
    for invariant, story in verdict.broken:
        report.broke(invariant, f"{story}\n    again: {command(verdict.seed, orders)}")


def command(seed: int, orders: int) -> str:
    """What repeats a world."""
    return f"python -m tests.simulate --seed {seed} --seeds 1" + (f" --orders {orders}" if orders != ORDERS else "")


def keep(verdict: Verdict, orders: int) -> None:
    """For ever: the next run of CI begins with it. The line says what it found, for whoever reads it later."""
    line = f"{verdict.seed} {orders}  # {verdict.broken[0][0]}: {verdict.broken[0][1][:160]}\n"
    if not any(known == (verdict.seed, orders) for known in kept()):
        with KEPT.open("a") as file:
            file.write(line)


def kept() -> list[tuple[int, int]]:
    """Seeds that have found something once, with their orders."""
    lines = (line.partition("#")[0].split() for line in KEPT.read_text().splitlines())
    return [(int(seed), int(orders)) for seed, orders in (words for words in lines if words)]


def _verdicts(first: int, last: int, orders: int, jobs: int) -> Iterator[Verdict]:
    """In the order of the seeds, whoever is ready first, so that the hash over all of them is the same with any number of processes."""
    if jobs == 1:
        yield from (run(seed, orders) for seed in range(first, last))
        return
    with ProcessPoolExecutor(jobs) as pool:
        waiting: list[Future[Verdict]] = []
        seeds = iter(range(first, last))
        try:
            waiting.extend(pool.submit(run, seed, orders) for seed in (next(seeds, None) for _ in range(2 * jobs)) if seed is not None)
            while waiting:
                yield waiting.pop(0).result()
                if (seed := next(seeds, None)) is not None:
                    waiting.append(pool.submit(run, seed, orders))
        finally:
            pool.shutdown(cancel_futures=True)


if __name__ == "__main__":
    sys.exit(main())
