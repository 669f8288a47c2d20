"""The verdict of the soak, on figures with leaks planted in them. The hour itself is run by `make soak`; all test runs have this."""

import math
from random import Random

import pytest

from tests.proof.report import Report
from tests.soak import trouble
from tests.soak.bounds import FLAT, judge_flat, judge_histories
from tests.soak.trouble import Claiming, drained, judge_claims, p99

SAMPLES = 720


def steady(seed: int, level: float, noise: float) -> list[tuple[float, float]]:
    """An hour of a figure that stays, after ten minutes of warming up."""
    chance = Random(seed)
    return [(at * 5.0, level * min(1.0, 0.7 + at / 400) + chance.gauss(0, noise)) for at in range(SAMPLES)]


def leaking(seed: int, level: float, noise: float, in_the_hour: float) -> list[tuple[float, float]]:
    return [(x, y + in_the_hour * x / 3_600) for x, y in steady(seed, level, noise)]


def verdict(name: str, series: list[tuple[float, float]]) -> bool:
    report = Report("soak", 1)
    judge_flat(name, series, report)
    return report.good


@pytest.mark.parametrize("figure", list(FLAT))
@pytest.mark.parametrize("seed", range(5))
def test_noise_around_a_level_is_flat_and_a_leak_of_three_bounds_an_hour_is_not(figure: str, seed: int) -> None:  # I19
    bound = FLAT[figure]
    level = bound.most * 3
    allowed = max(bound.most, bound.share * level)
    assert verdict(f"{figure} x", steady(seed, level, allowed / 8))
    assert not verdict(f"{figure} x", leaking(seed, level, allowed / 8, 3 * allowed))


def test_a_single_leap_or_a_saw_is_no_leak() -> None:
    leap = [(x, y + (200.0 if 500 < at < 520 else 0.0)) for at, (x, y) in enumerate(steady(1, 100, 1))]
    saw = [(x, y + at % 60) for at, (x, y) in enumerate(steady(1, 100, 1))]
    assert verdict("rss_mib coordinator", leap)
    assert verdict("dead_rows saga.outbox", saw)


def test_too_few_samples_are_no_verdict() -> None:
    assert not verdict("rss_mib coordinator", steady(1, 100, 1)[:7])


@pytest.mark.parametrize(("dearer", "good"), [(1.0, True), (1.1, True), (2.0, False)])
def test_histories_may_grow_with_the_sagas_but_a_saga_may_not_cost_more_and_more(dearer: float, good: bool) -> None:
    half, each = 7_000, 0.004
    series = [(float(at), at * each) for at in range(0, half, 50)]
    series += [(float(at), half * each + (at - half) * each * dearer) for at in range(half, 2 * half, 50)]
    report = Report("soak", 1)
    judge_histories("saga.saga_event", series, report)
    assert report.good is good


def test_nothing_measured_is_no_good_percentile() -> None:
    assert p99([]) == math.inf
    assert p99([0.001] * 98 + [0.5, 0.6]) == 0.5


@pytest.mark.parametrize(
    ("held", "after", "broken"),
    [
        (Claiming(0.030, 20), Claiming(0.010, 12), 0),
        (Claiming(0.010, 4_000), Claiming(0.010, 12), 1),
        (Claiming(0.900, 20), Claiming(0.900, 20), 2),
        (Claiming(0.010, 12), Claiming(0.010, 4_000), 1),
        (Claiming(0.010, 48 + 600), Claiming(0.010, 48), 0),
        (Claiming(0.010, 48 + 601), Claiming(0.010, 49), 2),
    ],
)
def test_claims_that_a_snapshot_slows_down_or_that_do_not_recover_are_told(held: Claiming, after: Claiming, broken: int) -> None:  # P7
    report = Report("soak", 1)
    judge_claims(Claiming(0.010, 12), held, after, 600, report)
    assert report.violations == broken


class Draining:
    """A database in which a second passes with each look: (late, events) of every look."""

    def __init__(self, *looks: tuple[int, int]) -> None:
        self.looks = iter(looks)
        self.now = 0.0

    async def fetchrow(self, _query: str) -> tuple[int, int]:
        self.now += 1.0
        return next(self.looks)

    async def close(self) -> None:
        return


@pytest.mark.parametrize(
    ("looks", "stood"),
    [
        ([(9, 1), (9, 2), (9, 3), (0, 4)], 0.0),  # what has fired is late again, but it fires
        ([(9, 1), (8, 1), (7, 1), (0, 2)], 2.0),  # fewer are late only because some sagas ended without us
        ([(9, 1)] * 4 + [(9, 2), (0, 3)], 3.0),
    ],
)
async def test_a_drain_stands_while_nothing_fires(monkeypatch: pytest.MonkeyPatch, looks: list[tuple[int, int]], stood: float) -> None:
    draining = Draining(*looks)

    async def connect(_dsn: str) -> Draining:
        return draining

    monkeypatch.setattr(trouble.asyncpg, "connect", connect)
    monkeypatch.setattr(trouble, "monotonic", lambda: draining.now)
    assert await drained("a dsn") == (stood, len(looks))
