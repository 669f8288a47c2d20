"""A slice of the rung: a sample of crashes in every story, and defects that it must find. `make crash` runs them all."""

import asyncio
import importlib.util
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from tests.crash.cases import Asked, Point, all_cases, in_turn, makes_sense
from tests.crash.cast import Cast
from tests.crash.crew import Process
from tests.crash.ground import Ground
from tests.crash.lane import Lane
from tests.crash.outcome import Outcome
from tests.crash.planted import DEFECTS
from tests.crash.rung import asked_for, crash, hunt
from tests.crash.shapes import SHAPES, Shape
from tests.crash.weaving import is_woven, woven

SLICE = 70  # seconds
SEED = 5


@pytest.mark.integration
@pytest.mark.timeout(240)
async def test_nothing_is_lost_wherever_a_process_dies() -> None:  # K1 K2 K4 P1 S5 S11, I1-I13 I15 I18 I19
    report = await crash(asked_for(["--seed", str(SEED), "--max-seconds", str(SLICE)]))
    assert {name: verdict.stories for name, verdict in report.verdicts.items() if verdict.stories} == {}
    assert report.silent == []
    assert report.counts["kills"] >= 2
    assert {"I1", "I2", "I3", "I4", "I6", "I8", "I10", "I11", "I12", "I13", "I15", "I19"} <= set(report.verdicts)


@pytest.mark.integration
@pytest.mark.timeout(180)
@pytest.mark.parametrize("defect", ["offset-first", "no-transaction"])
async def test_the_rung_finds_a_planted_defect(defect: str) -> None:  # L9
    report = await hunt(asked_for(["--seed", str(SEED), "--defect", defect]))
    assert (report.counts["planted"], report.counts["found"]) == (1, 1)


@pytest.mark.parametrize("defect", DEFECTS)
def test_each_defect_still_fits_the_source(defect: str) -> None:
    found = DEFECTS[defect]
    spec = importlib.util.find_spec(found.module)
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).read_text().count(found.old) == 1


def test_every_await_of_a_module_is_a_point() -> None:
    source = "async def f(a):\n    async with a as b, b.c():\n        async for d in b:\n            await d(1)\n    return await a()\n"
    function = next(constant for constant in woven(source, "saga.x").co_consts if hasattr(constant, "co_consts"))
    assert [text for text in function.co_consts if isinstance(text, str)] == ["x.f: a", "x.f: b.c()", "x.f: b", "x.f: d(1)", "x.f: a()"]


def test_the_loops_and_what_they_call_are_woven_and_the_core_is_not() -> None:
    assert is_woven("saga.runtime.intake")
    assert is_woven("saga.sdk.barrier.gate")
    assert is_woven("saga.store.pool")
    assert not is_woven("saga.core.decide")


def a_point(place: str, count: int = 3, **facts: bool) -> Point:
    return Point("coordinator", "run", place, count, facts.get("answered", False), facts.get("before", False), facts.get("after", True))


def test_each_point_comes_once_before_any_comes_twice() -> None:
    points = {"completed": [a_point("records | a"), a_point("relay | b")], "refused": [a_point("records | a")]}
    cases = all_cases(points, Asked(("after", "pause"), ("intake", "relay"), arrivals=2), random.Random(SEED))
    assert len(cases) == 3 * 2 * 2
    assert {case.point.place for case in list(in_turn(cases))[:2]} == {"records | a", "relay | b"}


def test_an_answer_is_lost_only_where_one_comes() -> None:
    assert not makes_sense(a_point("records | a"), "lost")
    assert makes_sense(a_point("records | a", answered=True), "lost")
    assert not makes_sense(a_point("records | a"), "before")


def test_a_run_can_be_asked_for_one_place() -> None:
    asked = asked_for(["--at", "Session._say", "--modes", "lost", "--points", "intake"])
    assert (asked.at, asked.modes, asked.points) == ("Session._say", "lost", "intake")


def test_what_an_earlier_point_still_says_does_not_count_for_a_later_one() -> None:
    child = Process("till0-coordinator-1", "coordinator")
    child.arm({})
    child.heard({"fired": 1})
    assert child.fired.is_set()
    child.arm({})
    child.heard({"fired": 1})
    assert not child.fired.is_set()
    child.heard({"fired": 2})
    assert child.fired.is_set()


class Mouth:
    """A line to a child that answers at once."""

    def __init__(self, child: Process, answer: Callable[[dict[str, Any]], None]) -> None:
        self._answer = answer
        child.connected(cast(asyncio.StreamWriter, self))

    def write(self, line: bytes) -> None:
        self._answer(json.loads(line))


async def test_what_fires_after_nobody_looks_any_more_has_fired() -> None:
    child = Process("till0-participant-1", "participant")
    Mouth(child, lambda asked: child.heard({"disarmed": True, "of": asked["of"]} if asked["do"] == "disarm" else {}))
    child.arm({})
    assert not await child.disarm()
    Mouth(child, lambda asked: child.heard({"fired": 2} if asked["do"] == "disarm" else {}))  # and stopped: it hears nothing
    child.arm({})
    assert await child.disarm()
    Mouth(child, lambda asked: child.ended.set() if asked["do"] == "disarm" else None)  # what it said is still on its way
    child.arm({})
    assert await child.disarm()


async def test_an_answer_to_an_earlier_withdrawal_is_none_to_this_one() -> None:
    child = Process("till0-participant-1", "participant")
    Mouth(child, lambda _: child.heard({"disarmed": True, "of": "1"}))
    child.arm({})
    child.arm({})
    with pytest.raises(TimeoutError, match="till0-participant-1 does not answer"):
        await child.disarm(within=0.05)


class Resting:
    """A ground on which every saga is at rest."""

    async def quiet(self, _shape: Shape, _key: str) -> None:
        return


@pytest.mark.parametrize("late", [True, False])
async def test_a_lane_knows_of_a_fault_that_strikes_while_it_gives_up(late: bool) -> None:
    child, outcome = Process("till0-participant-1", "participant"), Outcome("a case")
    Mouth(child, lambda asked: child.heard({"fired": 1} if late else {"disarmed": True, "of": asked.get("of", "")}))
    child.arm({})
    child.fired.clear()
    await Lane(cast(Ground, Resting()), cast(Cast, None))._until_fired(child, SHAPES["completed"], "key", outcome)
    assert outcome.fired is late
