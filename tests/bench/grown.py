"""Rows about a coordinator that has been there for long: much is stored, much is under way, much waits."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from statistics import median
from time import monotonic

import asyncpg
import httpx2
import orjson

from tests.bench.figures import Figure, Outcome, Sizes
from tests.bench.measure import Measured, measure
from tests.bench.servers import ROOT
from tests.bench.stage import Stage, Wanted, stage
from tests.bench.stored import store

ASKED = 300
ASKED_BEFORE = 2_000  # of few, the one in a hundred is chance
DRAINS_FOR = 20.0
STARTS = 3
JOINS_AT = 0.4
CALM = 100.0


async def growth(sizes: Sizes) -> Outcome:
    """What a saga costs with many stored and many under way, between two runs with none; and how long lists and searches take there."""
    usual = Wanted(orders=sizes.orders, in_flight=sizes.in_flight)
    waits: list[float] = []

    async def ask(here: Stage, ended: int) -> None:
        if ended >= sizes.orders:
            waits.extend(await _ask(here, _questions(sizes.stored), ASKED))

    before = await measure(usual)
    many = await measure(replace(usual, stored=sizes.stored, begun=sizes.begun), ask)
    after = await measure(usual)
    ratios = [many.cpu_in_all / few.cpu_in_all for few in (before, after)]
    figures = [Figure("cpu against none", median(ratios), "x", 1.15), Figure("list and search p99", _p99(waits), "ms", 30)]
    faults = [*before.faults, *many.faults, *after.faults]
    return Outcome(figures, faults, {"ratios": ratios, "stored": sizes.stored, "begun": sizes.begun})


async def due(sizes: Sizes) -> Outcome:
    """Many deadlines that are due at once: how many a second fire, and what becomes of the API meanwhile."""
    wanted = Wanted(orders=0)
    async with stage(wanted) as here:
        before = _p99(await _ask(here, _questions(1), ASKED_BEFORE))
        await store(here.dsn, sizes.due, datetime.now(UTC) - timedelta(hours=1), begun=True)
        began, first = monotonic(), await _fired(here.dsn)
        fired, meanwhile = first, await _ask(here, _questions(sizes.due), 20)
        while monotonic() - began < DRAINS_FOR and fired < sizes.due:
            meanwhile += await _ask(here, _questions(sizes.due), 20)
            fired = await _fired(here.dsn)
        took = monotonic() - began
    faults = [] if fired else [f"of {sizes.due} due sagas none was touched"]
    figures = [Figure("API p99 against none due", _p99(meanwhile) / before, "x", 2), Figure("fired", (fired - first) / took, "/s")]
    return Outcome(figures, faults, {"due": sizes.due})


async def memory(sizes: Sizes) -> Outcome:
    """What a replica takes with many sagas under way, and while it reads through a backlog."""
    waiting, wrong = await _resident(Wanted(orders=sizes.begun, in_flight=sizes.begun, hold=True))
    behind, faults = await _resident(Wanted(orders=sizes.in_flight, in_flight=sizes.in_flight, backlog=sizes.backlog))
    figures = [Figure("with many under way", waiting, "MiB", 250), Figure("with a backlog", behind, "MiB", 250)]
    return Outcome(figures, [*wrong, *faults], {"in_flight": sizes.begun, "backlog": sizes.backlog})


async def _resident(wanted: Wanted) -> tuple[float, Sequence[str]]:
    """The most memory that the replica took, and what was wrong with the run."""
    async with stage(wanted) as here:
        most = 0.0
        async for _ in here.play():
            most = max(most, here.resident())
        return most, await here.faults()


async def start(sizes: Sizes) -> Outcome:
    """From the start of a process until it is ready, with many sagas stored; and the longest that an order takes while a replica joins."""
    async with stage(Wanted(orders=0, stored=sizes.stored)) as here:
        (replica,), took = here.replicas, []
        for _ in range(STARTS):
            await replica.stop()
            began = monotonic()
            await replica.start()
            await here.ready()
            took.append(monotonic() - began)
    orders = int(CALM * sizes.slow_seconds)
    joined: list[object] = []

    async def join(here: Stage, ended: int) -> None:
        if not joined and ended > JOINS_AT * orders:
            joined.append(await here.join())

    found = await measure(Wanted(orders=orders, rate=CALM), join)
    longest = Figure("longest order in a rebalance", found.latencies[-1] * 1000, "ms", 100)
    return Outcome([Figure("ready", median(took), "s", 2), longest], [*found.faults], {"stored": sizes.stored, "ready_s": took})


async def replay(sizes: Sizes) -> Outcome:
    """Events that `saga replay` folds a second of CPU, and what rebuilding every row takes from sagas under way beside it."""
    async with stage(Wanted(orders=0, stored=sizes.stored)) as here:
        for replica in here.replicas:
            await replica.stop()
        began, cpu = monotonic(), _children()
        report = await _replay(here.dsn, "--check")
        took, used = monotonic() - began, _children() - cpu
    usual = Wanted(orders=sizes.orders, in_flight=sizes.in_flight)
    alone = await measure(usual)
    beside = await _beside_replay(replace(usual, stored=sizes.stored))
    figures = [
        Figure("events a CPU second", report["events"] / used, "/s", 150_000, more=True),
        Figure("rate beside a rebuild", beside.rate / alone.rate, "x", 0.8, more=True),
    ]
    faults = [*alone.faults, *beside.faults]
    if report["sagas"] != sizes.stored or report["differing"]:
        faults.append(f"replay found {report['sagas']} sagas of {sizes.stored}, {len(report['differing'])} with another row")
    return Outcome(figures, faults, {"sagas": report["sagas"], "events": report["events"], "seconds": round(took, 2)})


async def _beside_replay(wanted: Wanted) -> Measured:
    """A run beside which every row is rebuilt, again and again."""
    async with asyncio.TaskGroup() as group:
        rebuilding: list[asyncio.Task[None]] = []

        async def rebuild(here: Stage, ended: int) -> None:
            if not rebuilding:
                rebuilding.append(group.create_task(_again(here.dsn)))
            if ended >= wanted.orders:
                rebuilding[0].cancel()

        return await measure(wanted, rebuild)


async def _again(dsn: str) -> None:
    while True:
        await _replay(dsn)


async def _replay(dsn: str, *words: str) -> Mapping[str, object]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "saga", "replay", "--json", *words),
        env={**os.environ, "SAGA_POSTGRES_DSN": dsn, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        said, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    return orjson.loads(said)


def _children() -> float:
    used = os.times()
    return used.children_user + used.children_system


def _questions(stored: int) -> Sequence[str]:
    """What a console asks: pages, pages of one status, one key."""
    keys = [f"/v1/sagas?key=stored-{1 + stored * place // 7:09}" for place in range(7)]
    return ["/v1/sagas", "/v1/sagas?limit=50&status=completed", "/v1/sagas?definition=bench-order", "/v1/sagas?status=running", *keys]


async def _ask(here: Stage, questions: Sequence[str], times: int) -> list[float]:
    """Seconds that each answer took. Raises HTTPStatusError for one that is no answer."""
    waits = []
    async with httpx2.AsyncClient(base_url=here.urls[0], timeout=30, trust_env=False) as client:
        for number in range(times):
            began = monotonic()
            (await client.get(questions[number % len(questions)])).raise_for_status()
            waits.append(monotonic() - began)
    return waits


async def _fired(dsn: str) -> int:
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        return int(await connection.fetchval("select count(*) from saga.saga where version > 2"))
    finally:
        await connection.close()


def _p99(waits: Sequence[float]) -> float:
    """In milliseconds."""
    return sorted(waits)[int(0.99 * len(waits))] * 1000
