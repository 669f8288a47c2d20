"""Two troubles of long runs: a snapshot that somebody holds open (P7), and deadlines that passed while nobody was there (S13)."""

import asyncio
import math
import re
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from uuid import UUID, uuid4

import asyncpg
import httpx2

from saga.store.outbox import LOOK_BACK
from saga.store.queries import sql
from tests.hostile.bodies import order_body
from tests.proof.report import Report
from tests.soak.world import World

CLAIMS_TIMES = 3.0
API_TIMES = 2.0
FEW_PAGES = 16.0
NOBODY = UUID(int=0)
_POINTED = "select n_tup_ins from pg_stat_user_tables where relid = 'saga.outbox'::regclass"  # pointers that there have ever been
_DUE = "select count(*) from saga.saga where due_at < now() and not ended"
_LATE = "select count(*) filter (where due_at < now() - interval '4 s' and not ended), coalesce(sum(version), 0) from saga.saga"
_PAGES = re.compile(r"shared hit=(\d+)")
NOISE = 0.02  # seconds: below it a p99 says more of the machine than of the query
API_NOISE = 0.05
STANDS = 5.0


def p99(seconds: Sequence[float]) -> float:
    """The 99th percentile; infinity of nothing, so that nothing passes for good."""
    ordered = sorted(seconds)
    return ordered[math.ceil(len(ordered) * 0.99) - 1] if ordered else math.inf


@dataclass(frozen=True, slots=True)
class Claiming:
    """What claims took in a while: seconds and pages at their 99th percentile."""

    seconds: float
    pages: float


async def claims(dsn: str, seconds: float) -> Claiming:
    """The relay's own claim, again and again; rolled back, so that nothing is taken from the relay. Every fifth counts its pages."""
    connection, until = await asyncpg.connect(dsn), monotonic() + seconds
    taken: list[float] = []
    pages: list[float] = []
    try:
        while monotonic() < until:
            transaction = connection.transaction()
            await transaction.start()
            if len(taken) % 5 == 0:
                pages.append(await _pages(connection))
            began = monotonic()
            await connection.fetch(sql("claim_pointers"), NOBODY, 200, 10.0, LOOK_BACK)
            taken.append(monotonic() - began)
            await transaction.rollback()
            await asyncio.sleep(0.02)
    finally:
        await connection.close()
    return Claiming(p99(taken), p99(pages))


async def _pages(connection: asyncpg.Connection) -> float:
    explained = f"explain (analyze, buffers, timing off, summary off) {sql('claim_pointers')}"
    plan = await connection.fetch(explained, NOBODY, 200, 10.0, LOOK_BACK)
    return next((float(found[1]) for line in plan if (found := _PAGES.search(line[0]))), 0.0)


async def held_snapshot(world: World, seconds: float, report: Report) -> None:
    """P7: claims stay quick while a snapshot is held, and are as quick as ever afterwards.

    Pages are judged beside seconds: they say the same on a machine that has other things to do.
    """
    dsn = world.place.coordinator_dsn
    healthy = await claims(dsn, seconds / 4)
    holder = await asyncpg.connect(dsn)
    transaction = holder.transaction(isolation="repeatable_read")
    await transaction.start()
    await holder.fetchval("select count(*) from saga.outbox")
    before, since = await _number(dsn, _POINTED), monotonic()
    await asyncio.sleep(seconds * 3 / 4)
    looked_at = LOOK_BACK * (await _number(dsn, _POINTED) - before) / (monotonic() - since)
    held = await claims(dsn, seconds / 4)
    await transaction.rollback()
    await holder.close()
    report.fired("snapshot held")
    await asyncio.sleep(seconds / 4)
    judge_claims(healthy, held, await claims(dsn, seconds / 4), looked_at, report)


async def _number(dsn: str, query: str) -> int:
    """The one number that a query asks for."""
    connection = await asyncpg.connect(dsn)
    try:
        return int(await connection.fetchval(query))
    finally:
        await connection.close()


def judge_claims(healthy: Claiming, held: Claiming, after: Claiming, looked_at: float, report: Report) -> None:
    """The verdict: at most three times what is healthy, and at most as much again afterwards. While the snapshot is held, a page more for
    each of the pointers that a claim looks back at (`looked_at`): deleted, and there still. Their number hangs on the load, and not on how
    long the snapshot has been held.
    """
    for name, found in (("healthy", healthy), ("while held", held), ("after", after)):
        report.tell(f"claim p99 {name}", f"{found.seconds * 1000:.2f} ms, {found.pages:.0f} pages")
    report.tell("pointers that a claim looks back at", round(looked_at))
    seconds, pages = CLAIMS_TIMES * max(healthy.seconds, NOISE), CLAIMS_TIMES * max(healthy.pages, FEW_PAGES)
    for name, found, allowed in (("while a snapshot is held", held, pages + looked_at), ("after it was released", after, pages)):
        if found.seconds <= seconds and found.pages <= allowed:
            report.held("P7")
        else:
            told = f"{found.seconds * 1000:.1f} ms and {found.pages:.0f} pages"
            report.broke("P7", f"p99 of claims {name}: {told}; {seconds * 1000:.1f} ms and {allowed:.0f} pages are allowed")


async def overdue(world: World, count: int, report: Report) -> None:
    """S13: sagas wait for an answer, nobody is there when their deadlines pass, and then all are due at once."""
    order = next(child for child in world.services if child.name == "order")
    healthy = p99(await _listing(world, 10.0))
    _signal(order.process, signal.SIGSTOP)
    try:
        print("sagas start whose first step nobody answers", flush=True)
        waiting = await _start_many(world, count)
        await world.coordinator.stop()
        await asyncio.sleep(8.0)  # longer than the first step's deadline and backoff
        due = await _number(world.place.coordinator_dsn, _DUE)
        report.tell("overdue deadlines", due)
        report.fired("deadlines passed", due >= waiting // 2)
        print(f"{due} deadlines passed while nobody was there", flush=True)
        await world.start_coordinator()
        listing = asyncio.create_task(_listing(world, 15.0))
        stood, seconds = await drained(world.place.coordinator_dsn)
    finally:
        _signal(order.process, signal.SIGCONT)
    busy = p99(await listing)
    healthy = max(healthy, p99(await _listing(world, 10.0)))
    report.tell("overdue drained in (s)", round(seconds, 1))
    report.tell("longest stand of the drain (s)", round(stood, 1))
    report.tell("api p99 healthy (ms)", round(healthy * 1000, 1))
    report.tell("api p99 while draining (ms)", round(busy * 1000, 1))
    allowed = API_TIMES * max(healthy, API_NOISE)
    report.held("S13") if busy <= allowed else report.broke("S13", f"p99 of lists: {busy * 1000:.0f} ms, {allowed * 1000:.0f} allowed")
    report.held("S13") if stood <= STANDS else report.broke("S13", f"the drain of overdue deadlines stood still for {stood:.1f} s")


def _signal(process: "asyncio.subprocess.Process | None", what: signal.Signals) -> None:
    if process is not None:
        with suppress(ProcessLookupError):
            process.send_signal(what)


async def _start_many(world: World, count: int) -> int:
    """Start sagas over REST; their first step goes to a service that does not answer."""
    names = iter(range(count))
    url = f"{world.place.coordinator_url}/v1/definitions/fulfil-order/sagas"
    started = 0

    async def caller(client: httpx2.AsyncClient) -> None:
        nonlocal started
        for _ in names:
            key = f"late-{uuid4().hex}"
            answer = await client.post(url, json=order_body(key), headers={"Idempotency-Key": key})
            started += answer.is_success

    async with httpx2.AsyncClient(timeout=60, trust_env=False) as client:
        await asyncio.gather(*(caller(client) for _ in range(16)))
    return started


async def drained(dsn: str) -> tuple[float, float]:
    """The longest time without a deadline that fired, and the whole, until none is more than a few seconds late.

    Why not until fewer are late: what has fired is due again soon, for nobody answers. While more are due than the machine can do, as many
    are late as before, however many fire.
    """
    connection, began = await asyncpg.connect(dsn), monotonic()
    before, since, stood = 0, began, 0.0
    try:
        while monotonic() - began < 120:
            late, events = await connection.fetchrow(_LATE)
            if events > before:
                before, since = events, monotonic()
            stood = max(stood, monotonic() - since)
            if late == 0:
                return stood, monotonic() - began
            await asyncio.sleep(0.1)
    finally:
        await connection.close()
    return math.inf, math.inf


async def _listing(world: World, seconds: float) -> list[float]:
    taken, until = [], monotonic() + seconds
    async with httpx2.AsyncClient(timeout=30, trust_env=False) as client:
        while monotonic() < until:
            began = monotonic()
            with suppress(httpx2.HTTPError):
                await client.get(f"{world.place.coordinator_url}/v1/sagas", params={"limit": 20, "status": "completed"})
            taken.append(monotonic() - began)
            await asyncio.sleep(0.02)
    return taken
