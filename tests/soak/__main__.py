"""`python -m tests.soak --minutes 60 --seed 1 [--rate 4] [--json] [--record]`: a long steady run; does anything grow?"""

import argparse
import asyncio
import signal
import sys
from time import monotonic

import asyncpg

from tests.proof.asking import options
from tests.proof.report import Report
from tests.soak.sampling import Sampler
from tests.soak.trouble import held_snapshot, overdue
from tests.soak.world import World, world

SNAPSHOT_SHARE = 1 / 6
QUIET_WITHIN = 180.0
MOST_OVERDUE = 3_000


def main() -> int:
    """Run it; 0 only if everything held."""
    parser = options("soak", __doc__ or "")
    parser.add_argument("--minutes", type=float, default=60.0, help="of steady load; starting, troubles and the end come on top")
    parser.add_argument("--rate", type=float, default=4.0, help="orders a second")
    parser.add_argument("--planted", choices=("", "leak"), default="", help="a defect that the coordinator is to have")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that whoever ends it leaves no servers and no files behind
    return asyncio.run(run(asked)).finish(as_json=asked.json, record=asked.record)


async def run(asked: argparse.Namespace) -> Report:
    """Steady load with a held snapshot in the middle, then overdue deadlines, then quiescence and the books."""
    seconds = min(asked.minutes * 60, asked.max_seconds)
    report = Report("soak", asked.seed, ("snapshot held", "deadlines passed"))
    async with world(int(seconds * asked.rate) + 1, asked.seed, asked.planted) as around:
        await _steady(around, seconds, asked.rate, report)
        await overdue(around, min(MOST_OVERDUE, around.placed), report)
        await _books(around, report)
    report.count("orders", around.placed)
    return report


async def _steady(around: World, seconds: float, rate: float, report: Report) -> None:
    until = monotonic() + seconds
    sampler = Sampler(around, every=max(1.0, seconds / 720))
    snapshot = seconds * SNAPSHOT_SHARE
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(around.order(rate, until))
        tasks.create_task(sampler.run(until))
        tasks.create_task(_tell(around, sampler, until))
        await asyncio.sleep(seconds * 0.1)
        await held_snapshot(around, snapshot, report)
    report.count("samples", sampler.samples)
    sampler.judge(report)


async def _tell(around: World, sampler: Sampler, until: float) -> None:
    while monotonic() < until:
        await asyncio.sleep(min(10.0, max(0.1, until - monotonic())))
        shown = sampler.flat["rss_mib coordinator"]
        print(f"{around.placed:7} orders, coordinator {shown[-1][1] if shown else 0:6.1f} MiB", flush=True)


async def _books(around: World, report: Report) -> None:
    """Quiescence, and then every order has ended, once, and the money and the stock are right (I2, I3, I12, I19)."""
    print("no more orders; waiting until every saga has ended", flush=True)
    connection = await asyncpg.connect(around.place.coordinator_dsn)
    waiting = "select (select count(*) from saga.outbox) + (select count(*) from saga.saga where not ended)"
    try:
        async with asyncio.timeout(QUIET_WITHIN):
            while await connection.fetchval(waiting):  # noqa: ASYNC110 - another process's tables
                await asyncio.sleep(0.2)
        report.held("I19")
    except TimeoutError:
        report.broke("I19", f"{await connection.fetchval(waiting)} pointers or open sagas after {QUIET_WITHIN:.0f} s of quiet")
    sagas = await connection.fetchval("select count(*) from saga.saga")
    await connection.close()
    report.count("sagas", sagas)
    around.application.orders = around.application.orders[: around.placed]
    figures = await around.application.figures(around.place, around.cancelled)
    for invariant, wrong, story in (
        ("I2", len(figures.unfinished), f"orders have not ended: {figures.unfinished[:5]}"),
        ("I3", figures.duplicate_effects, "effects happened twice or for nothing"),
        ("I12", abs(figures.money_captured_minor - figures.money_expected_minor), "money is missing or too much"),
    ):
        report.broke(invariant, f"{wrong} {story}") if wrong else report.held(invariant, around.placed)
    report.tell("deliveries twice", figures.duplicate_deliveries)


if __name__ == "__main__":
    sys.exit(main())
