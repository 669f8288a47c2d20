"""The table: what is measured, and against which goal. Goals are those of the whole machine with two cores; a row says whether it meets
its own, and no row fails a run: only wrong results do."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

from tests.bench.application import application
from tests.bench.core_row import microseconds_a_record
from tests.bench.figures import Figure, Outcome, Sizes
from tests.bench.grown import due, growth, memory, replay, start
from tests.bench.measure import Measured, measure
from tests.bench.sdk_row import sdk
from tests.bench.stage import Wanted, open_loop

Row = Callable[[Sizes], Awaitable[Outcome]]


async def happy(sizes: Sizes) -> Outcome:
    """Four-step orders, all good, as many in flight as asked."""
    found = await measure(Wanted(orders=sizes.orders, in_flight=sizes.in_flight))
    return _outcome(found, [Figure("rate", found.rate, "/s", 5_000, more=True), _cpu(found, 0.28), *_storage(found)])


async def fsync(sizes: Sizes) -> Outcome:
    """The same with a broker that brings every message to the disk before it says so."""
    found = await measure(Wanted(orders=sizes.orders, in_flight=sizes.in_flight, fsync_each=True))
    return _outcome(found, [Figure("rate", found.rate, "/s", 3_500, more=True), _cpu(found, None)])


async def failing(sizes: Sizes) -> Outcome:
    """Inventory refuses: two undos. In turn with the happy shape, each ratio of a pair."""
    usual = Wanted(orders=sizes.orders, in_flight=sizes.in_flight)
    pairs, faults = await _in_turn(sizes, usual, replace(usual, failing=True))
    ratios, last = [bad.cpu_in_all / good.cpu_in_all for good, bad in pairs], pairs[-1][1]
    return Outcome([Figure("cpu against happy", median(ratios), "x", 1.35), _rate(last)], faults, {"ratios": ratios, **_told(last)})


async def calm(sizes: Sizes) -> Outcome:
    """20 orders a second, whether or not the ones before have ended."""
    found = await measure(_at(20, sizes))
    return _outcome(found, [Figure("p50", found.latency(0.5), "ms", 10), Figure("p99", found.latency(0.99), "ms", 20)])


async def busy(sizes: Sizes) -> Outcome:
    """1,000 orders a second."""
    found = await measure(_at(1_000, sizes))
    return _outcome(found, [Figure("p99", found.latency(0.99), "ms", 60), Figure("cores", found.cores, "", 0.9), _rate(found)])


async def replicas(sizes: Sizes) -> Outcome:
    """Two replicas on the same cores, in turn with one."""
    usual = Wanted(orders=sizes.orders, in_flight=sizes.in_flight)
    pairs, faults = await _in_turn(sizes, usual, replace(usual, replicas=2))
    ratios = [two.rate / one.rate for one, two in pairs]
    return Outcome([Figure("rate against one", median(ratios), "x", 0.9, more=True)], faults, {"ratios": ratios})


async def core(_sizes: Sizes) -> Outcome:
    """`decide` with its folds, nothing else."""
    return Outcome([Figure("decide a record", await asyncio.to_thread(microseconds_a_record), "us", 15)])


_ALL: Sequence[Row] = (happy, fsync, failing, calm, busy, application, sdk, growth, due, memory, start, replay, core, replicas)
ROWS: Mapping[str, Row] = {row.__name__: row for row in _ALL}


def _at(rate: float, sizes: Sizes) -> Wanted:
    return open_loop(rate, int(rate * sizes.slow_seconds), sizes.warm)


async def _in_turn(sizes: Sizes, one: Wanted, other: Wanted) -> tuple[list[tuple[Measured, Measured]], list[str]]:
    """A B, as often as asked; what they showed, and what was wrong with any of them."""
    pairs = [(await measure(one), await measure(other)) for _ in range(sizes.repeats)]
    return pairs, [fault for pair in pairs for found in pair for fault in found.faults]


def _outcome(found: Measured, figures: list[Figure]) -> Outcome:
    return Outcome(figures, list(found.faults), _told(found))


def _told(found: Measured) -> dict[str, Any]:
    cpu = {name: round(used, 4) for name, used in found.cpu.items()}
    return {"sagas": found.sagas, "seconds": round(found.seconds, 2), "cpu_s_per_1000": cpu, "repeated": found.repeated}


def _rate(found: Measured) -> Figure:
    return Figure("rate", found.rate, "/s")


def _cpu(found: Measured, goal: float | None) -> Figure:
    return Figure("cpu per 1,000", found.cpu_in_all, "s", goal)


def _storage(found: Measured) -> list[Figure]:
    return [Figure("wal a saga", found.wal / 1000, "kB", 5.5), Figure("tables a saga", found.tables / 1000, "kB", 4.0)]
