"""The command: dry runs, then cases in lanes side by side, then the report."""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from saga.embedded.kafka import VERSION, EmbeddedKafka
from saga.embedded.postgres import EmbeddedPostgres
from saga.store.migrate import migrate
from tests.crash.cases import COMPONENTS, MODES, Asked, Case, Point, all_cases, in_turn, makes_sense
from tests.crash.cast import Cast
from tests.crash.crew import Crew
from tests.crash.ground import TEMPLATE, Ground
from tests.crash.lane import Lane
from tests.crash.outcome import Outcome
from tests.crash.planted import DEFECTS, Defect
from tests.crash.shapes import SHAPES
from tests.proof.asking import Budget, options
from tests.proof.report import Report

SAY_EVERY = 10.0
SHORT_SESSIONS = ("group.min.session.timeout.ms=500",)
HUNTED = 40  # cases a defect


@dataclass
class Run:
    """What a run has come to."""

    report: Report
    budget: Budget
    cases: Iterator[Case]
    planned: int
    points: Mapping[str, Sequence[Point]]
    hit: set[str]
    said: float = 0.0
    stop_at_first: bool = False

    def judge(self, outcome: Outcome, case: Case) -> None:
        """Take a case into the report."""
        report = self.report
        report.count("cases")
        report.count("kills", outcome.kills)
        note(report, outcome)
        if outcome.fired:
            report.fired(case.mode)
            self.hit.add(case.point.name)
        else:
            report.count("not_reached_again")
        if monotonic() - self.said > SAY_EVERY:
            self.said = monotonic()
            counts = report.counts
            print(
                f"{self.budget.spent:6.0f} s  {counts['cases']} of {self.planned} cases, {counts['kills']} kills, "
                f"{len(self.hit)} points hit, {report.violations - len(report.silent)} violations",
                file=sys.stderr,
            )

    @property
    def over(self) -> bool:
        """Whether no new case begins."""
        broken = any(verdict.stories for verdict in self.report.verdicts.values())
        return self.budget.over or (self.stop_at_first and broken)


def note(report: Report, outcome: Outcome) -> None:
    """What held and what did not."""
    broken = {name for name, _ in outcome.faults}
    for name in dict.fromkeys(outcome.checked):
        if name not in broken:
            report.held(name)
    for name, story in outcome.faults:
        report.broke(name, story)
        print(f"{name}: {story}", file=sys.stderr)


def asked_for(arguments: Sequence[str]) -> argparse.Namespace:
    """The options."""
    parser = options("crash", __doc__ or "")
    parser.add_argument("--points", default=",".join(COMPONENTS), help=f"which processes and loops: {','.join(COMPONENTS)}")
    parser.add_argument("--modes", default=",".join(MODES), help=f"how: {','.join(MODES)}")
    parser.add_argument("--shapes", default=",".join(SHAPES), help=f"in which stories: {','.join(SHAPES)}")
    parser.add_argument("--lanes", type=int, default=4, help="how many cases run side by side")
    parser.add_argument("--every", action="store_true", help="also at points between which nothing went over the network")
    parser.add_argument("--defect", default="", choices=["", *DEFECTS], help="plant this defect in the processes: the run must fail")
    parser.add_argument("--arrivals", type=int, default=1, help="strike at so many different arrivals at each place")
    parser.add_argument("--at", default="", help="only at places whose name holds this text")
    parser.add_argument("--planted", action="store_true", help="plant each defect in turn, and fail if one is not found")
    parser.add_argument("--list", action="store_true", help="print the points that the dry runs passed, and end")
    return parser.parse_args(arguments)


async def crash(asked: argparse.Namespace) -> Report:
    """Run it."""
    modes, shapes, components = (text.split(",") for text in (asked.modes, asked.shapes, asked.points))
    report, budget = Report("crash", asked.seed), Budget(asked.max_seconds)
    home = Path(tempfile.mkdtemp(prefix="crash-"))
    try:
        async with AsyncExitStack() as stack:
            servers = await open_servers(stack, home)
            crew = await stack.enter_async_context(Crew(home, asked.defect))
            lanes = [await stack.enter_async_context(servers.lane(f"till{number}", crew)) for number in range(asked.lanes)]
            points = await _dry_runs(lanes, shapes, report)
            if asked.list:
                _list(points)
                report.held("I2", len(points))
                return report
            report.enable(*modes)
            cases = all_cases(points, Asked(modes, components, asked.every, asked.at, asked.arrivals), random.Random(asked.seed))
            run = Run(report, budget, in_turn(cases), len(cases), points, set(), stop_at_first=bool(asked.defect))
            await asyncio.gather(*(_work(lane, run) for lane in lanes))
            _tell(run, cases)
    finally:
        if report.good:
            shutil.rmtree(home, ignore_errors=True)
        else:
            print(f"what the processes wrote is in {home}", file=sys.stderr)
    return report


@dataclass(frozen=True)
class Servers:
    """One Kafka and one PostgreSQL for all lanes."""

    kafka: EmbeddedKafka
    postgres: EmbeddedPostgres
    home: Path

    def lane(self, name: str, crew: Crew, *, hunts: bool = False) -> AbstractAsyncContextManager[Lane]:
        """A new one."""
        ground = Ground(name, self.postgres, self.kafka.bootstrap)
        return Lane(ground, Cast(crew, ground, self.home / f"{name}.log"), hunts=hunts).open()


async def open_servers(stack: AsyncExitStack, home: Path) -> Servers:
    """Start them; they end with the stack."""
    kafka = EmbeddedKafka(settings=SHORT_SESSIONS)
    await asyncio.to_thread(stack.enter_context, kafka)
    postgres = await stack.enter_async_context(EmbeddedPostgres())
    await migrate(await postgres.create_database(TEMPLATE))
    return Servers(kafka, postgres, home)


async def _dry_runs(lanes: Sequence[Lane], shapes: Sequence[str], report: Report) -> dict[str, list[Point]]:
    """Each shape once, without a crash: what it passes is what there is to crash at."""
    waiting, found = list(shapes), dict[str, list[Point]]()

    async def work(lane: Lane) -> None:
        while waiting:
            shape = waiting.pop(0)
            found[shape], outcome = await lane.dry_run(SHAPES[shape])
            note(report, outcome)

    await asyncio.gather(*(work(lane) for lane in lanes))
    return found


async def _work(lane: Lane, run: Run) -> None:
    for case in run.cases:
        if run.over:
            return
        run.judge(await lane.run(case), case)


async def hunt(asked: argparse.Namespace) -> Report:
    """Plant one defect after the other, on the same servers, and look for each where it should show."""
    report, budget = Report("crash-planted", asked.seed), Budget(asked.max_seconds)
    home = Path(tempfile.mkdtemp(prefix="crash-"))
    async with AsyncExitStack() as stack:
        servers = await open_servers(stack, home)
        for name, defect in DEFECTS.items():
            if asked.defect not in ("", name) or budget.over:
                continue
            async with Crew(home, name) as crew, servers.lane(f"hunt{report.counts['planted']}", crew, hunts=True) as lane:
                story = await _found(lane, defect, asked.seed)
            report.count("planted")
            print(f"{budget.spent:6.0f} s  {name}: {story or 'not found'}", file=sys.stderr)
            if story:
                report.count("found")
                report.held("planted")
            else:
                report.broke("planted", f"{name} ({defect.what}) was not found")
    shutil.rmtree(home, ignore_errors=True)
    return report


async def _found(lane: Lane, defect: Defect, seed: int) -> str:
    """The first story that a defect makes; empty if none."""
    points, outcome = await lane.dry_run(SHAPES[defect.shape])
    if outcome.faults:
        return ": ".join(outcome.faults[0])
    wanted = Asked(defect.modes, COMPONENTS, at=defect.at, arrivals=HUNTED)
    for case in all_cases({defect.shape: points}, wanted, random.Random(seed))[:HUNTED]:
        outcome = await lane.run(case)
        print(f"          {'struck' if outcome.fired else 'not reached'} in {outcome.seconds:.1f} s: {case}", file=sys.stderr)
        if outcome.faults:
            return ": ".join(outcome.faults[0])
    return ""


def _tell(run: Run, cases: Sequence[Case]) -> None:
    report = run.report
    report.count("points", len({case.point.name for case in cases}))
    report.count("points_hit", len(run.hit))
    report.count("planned", run.planned)
    report.count("awaits", len({point.name for found in run.points.values() for point in found}))
    report.count("shapes", len(run.points))
    report.tell("kafka", VERSION)


def _list(points: Mapping[str, Sequence[Point]]) -> None:
    told = {point.name: point for found in points.values() for point in found}
    for name, point in sorted(told.items()):
        modes = ",".join(mode for mode in MODES if makes_sense(point, mode))
        print(f"{point.component:10} {modes or 'as the one before':34} {name}", file=sys.stderr)


def main(arguments: Sequence[str]) -> int:
    """Exit code 0 if everything held."""
    asked = asked_for(arguments)
    run = hunt if asked.planted else crash
    return asyncio.run(run(asked)).finish(as_json=asked.json, record=asked.record)
