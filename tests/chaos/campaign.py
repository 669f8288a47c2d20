"""One run: load and faults, heal, quiesce, check."""

import asyncio
import contextlib
import random
import sys
import traceback
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, time

import asyncpg

from saga.config import Settings
from saga.errors import Unavailable
from saga.store.sqlstate import DRIVER_ERRORS
from tests.chaos import stalls, wire_check
from tests.chaos.bank import CANARY, Bank
from tests.chaos.cluster import COMMANDS, EVENTS, LIFECYCLE, Cluster, running
from tests.chaos.faults import Struck
from tests.chaos.ledgers_check import read_ledgers, stories_of
from tests.chaos.load import AT_REST, Load
from tests.chaos.machine_faults import NEMESIS
from tests.chaos.observer import Observer
from tests.chaos.plan import plan
from tests.chaos.rebuild import rebuilt
from tests.chaos.streams_check import Sagas, Story, read_sagas
from tests.proof.report import Report

QUIESCE_WITHIN = 60.0
LONGER = 180.0
SAY_EVERY = 10.0
CALLED = {
    "kill": "kills",
    "service": "service_kills",
    "pause": "pauses",
    "broker": "broker_kills",
    "postgres": "postgres_kills",
    "promote": "promotions",
    "partition": "partitions",
}
_OPEN = f"select count(*) from saga.saga where not {AT_REST}"


@dataclass
class Wanted:
    """What is asked for. `seconds` of load and faults, `rate` orders a second while fewer than `most` are under way."""

    seconds: float
    rate: float
    most: int
    faults: Sequence[str]
    tree: Path | None = None
    strikes: list[tuple[float, str]] = field(default_factory=list)


async def campaign(wanted: Wanted, report: Report) -> None:
    """Run it; what is found stands in the report."""
    report.enable(*wanted.faults)
    bank = Bank(int((wanted.seconds + LONGER) * wanted.rate), report.seed, int(wanted.seconds * wanted.rate))
    async with running(bank, frozenset(wanted.faults), wanted.tree) as cluster:
        observer = Observer(cluster.brokers.direct, (LIFECYCLE, *EVENTS, *COMMANDS), CANARY)
        observer.start()
        try:
            await _run(wanted, report, cluster, observer)
        finally:
            await asyncio.to_thread(observer.stop)


async def _run(wanted: Wanted, report: Report, cluster: Cluster, observer: Observer) -> None:
    load = Load(cluster, wanted.rate, wanted.most, report.seed)
    async with _beside(cluster.tend(), load.operator(), load.reader(), load.count(), _progress(report, load)):
        async with _beside(load.run()):
            await _strike(wanted, report, cluster, observer)
        until = time()
        _say("healing: the last orders are placed")
        await load.finish()
        try:
            await cluster.ready()
            await cluster.brokers.in_sync()
        except Unavailable as unavailable:
            report.broke("I21", f"the cluster could not be healed: {unavailable}")
        took, at_rest = await _quiesce(cluster)
        report.tell("quiesce_s", round(took, 1))
        missing = await observer.read_all()
        # Only at rest can what a rebuild adds be told from what still happens.
        added = await rebuilt(cluster.pair.dsn("coordinator"), observer) if at_rest and not missing else None
        _say(f"quiet after {took:.1f} s, {observer.seen.records} records read; checking")
    await load.close()
    if missing:
        report.broke("I19", f"not everything could be read: {missing}")
    sagas = await _check(report, cluster, observer, load, added)
    found = stalls.stalls(sagas.moments, wanted.strikes, until)
    report.tell("stalls", stalls.told(found))
    report.tell("p99_stall_s", round(stalls.percentile(found.get("kill", ()), 0.99), 2))
    for name, times in report.faults.items():
        report.tell(CALLED.get(name, name), times)
    report.tell("ended_by_themselves", dict(cluster.exits))


async def _strike(wanted: Wanted, report: Report, cluster: Cluster, observer: Observer) -> None:
    """One fault after another, so that a stall belongs to one of them; each leaves the cluster whole. A slow machine gets more time until
    each has struck once. After one that fails nothing strikes, but what was seen until then is still judged."""
    end = monotonic() + wanted.seconds
    for pause, name, seed in plan(report.seed, {name: NEMESIS[name][1] for name in wanted.faults}):
        await asyncio.sleep(pause)
        if monotonic() >= end + (0 if len(wanted.strikes) >= len(wanted.faults) else LONGER):
            return
        wanted.strikes.append((time(), name))
        _say(f"strikes: {name}")
        began = monotonic()
        try:
            report.fired(name, await NEMESIS[name][0](Struck(cluster, observer, random.Random(seed))))
        except Exception as error:
            traceback.print_exc()
            report.broke("I21", f"{name} left the cluster broken, and nothing struck after it: {type(error).__name__}: {error}")
            return
        _say(f"    {name} is over after {monotonic() - began:.1f} s")


async def _quiesce(cluster: Cluster) -> tuple[float, bool]:
    """Wait until no saga is under way and nothing waits to be sent; the seconds that it took, and whether it came to that. Given up when
    no saga has ended for a minute: a machine that was too slow for its load has a backlog, and that is no fault."""
    began = moved = monotonic()
    fewest = sys.maxsize
    while monotonic() - moved < QUIESCE_WITHIN:
        with contextlib.suppress(*DRIVER_ERRORS):
            connection = await asyncpg.connect(cluster.pair.dsn("coordinator"), timeout=5)
            try:
                under_way = await connection.fetchval(_OPEN)
            finally:
                await connection.close()
            left = await wire_check.left_over(cluster.pair.dsn("coordinator"), cluster.pair.dsn("services"))
            if not under_way and not left:
                return monotonic() - began, True
            if under_way < fewest:
                fewest, moved = under_way, monotonic()
        await asyncio.sleep(0.5)
    return monotonic() - began, False


async def _check(report: Report, cluster: Cluster, observer: Observer, load: Load, added: Sequence[Story] | None) -> Sagas:
    seen, told, bank = observer.seen, load.told, cluster.bank
    dsn, services = cluster.pair.dsn("coordinator"), cluster.pair.dsn("services")
    settings = Settings(postgres_dsn=dsn)
    sagas, found = await read_sagas(dsn)
    stories = [*(added or ()), *found]
    ledgers = await read_ledgers(services)
    dead = await wire_check.dead_letters(dsn)
    stories += stories_of(sagas, ledgers, {order.order_id: order for order in bank.orders}, bank.stock())
    stories += wire_check.commands_of(sagas, seen, ledgers)
    stories += wire_check.replies_of(sagas, seen, dead)
    stories += wire_check.starts_of(sagas, seen, told, dead)
    stories += wire_check.told_of(sagas, seen)
    acts, wrong = await wire_check.acts_of(settings, dsn, told)
    lag = await asyncio.to_thread(wire_check.lag_of, cluster.brokers.admin, seen.ends)
    stories += wrong + await wire_check.left_over(dsn, services)
    stories += [
        ("I19", f"{behind} records of {place} are not committed") for place, behind in lag.items() if place[0] not in seen.lost_topics
    ]
    stories += [("I14", what) for what in told.went_back]
    stories += [*wire_check.leaked(cluster.home, (CANARY, cluster.pair.password())), *(("I20", what) for what in seen.leaked)]
    count = len(sagas.keys)
    checked = {
        **dict.fromkeys(("I1", "I2", "I5", "I6", "I7", "I8", "I18"), count),
        "I3": ledgers.pairs,
        "I4": len(sagas.issued) + len(seen.commands),
        **({} if added is None else {"I9": 1}),
        "I10": len(seen.replies) + len(seen.starts),
        "I12": len(ledgers.stock) + len(ledgers.cards),
        "I13": len(told.started) + count,
        "I14": told.reads,
        "I17": acts,
        "I19": len(seen.ends),
        "I20": len(cluster.children),
    }
    _judge(report, checked, stories)
    report.count("sagas", count)
    for status in sorted(set(sagas.status.values())):
        report.count(status, sum(one == status for one in sagas.status.values()))
    report.count("events", sagas.events)
    report.count("records", seen.records)
    report.count("acknowledged_starts", len(told.started))
    report.count("repeated_commands", ledgers.repetitions)
    report.count("dead_letters", len(dead))
    report.count("answers_500", told.server_errors)
    return sagas


def _judge(report: Report, checked: dict[str, int], stories: Sequence[Story]) -> None:
    for invariant, times in checked.items():
        broken = [story for name, story in stories if name == invariant]
        report.held(invariant, max(0, times - len(broken)))
        for story in broken:
            report.broke(invariant, story)


@contextlib.asynccontextmanager
async def _beside(*works: object) -> AsyncIterator[None]:
    """Run these beside the body, and end them with it. One that fails ends the body too."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work) for work in works]  # type: ignore[arg-type]
        yield
        for task in tasks:
            task.cancel()


async def _progress(report: Report, load: Load) -> None:
    """A line every ten seconds; for ever."""
    began = monotonic()
    while True:
        await asyncio.sleep(SAY_EVERY)
        fired = ", ".join(f"{name} {times}" for name, times in sorted(report.faults.items()) if times) or "no fault yet"
        _say(f"{monotonic() - began:.0f} s: {len(load.told.started)} orders taken, {load.under_way} under way; {fired}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
