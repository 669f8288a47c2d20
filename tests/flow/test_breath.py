"""A batch lets others have their turn, in each of its phases."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from saga.runtime.breath import STRETCH
from saga.runtime.plan import Plan
from saga.runtime.relay import Relay
from saga.runtime.routing import Router
from saga.runtime.seen import Seen
from tests.flow.world import World

ORDERS = 20 * STRETCH


@asynccontextmanager
async def turns() -> AsyncIterator[Callable[[], int]]:
    """How often somebody else has had a turn until now."""
    had = 0

    async def others() -> None:
        nonlocal had
        while True:
            had += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    try:
        yield lambda: had
    finally:
        task.cancel()


def noted(monkeypatch: pytest.MonkeyPatch, owner: type, name: str, now: Callable[[], int]) -> list[int]:
    """When a method is called from now on, in turns of the others."""
    calls: list[int] = []
    usual = getattr(owner, name)

    def note(*args: Any, **more: Any) -> Any:
        calls.append(now())
        return usual(*args, **more)

    monkeypatch.setattr(owner, name, note)
    return calls


PHASES = [(Router, "route"), (Plan, "decide"), (Seen, "settled"), (Relay, "_records")]


@pytest.mark.parametrize(("owner", "name"), PHASES, ids=[name for _, name in PHASES])
async def test_others_have_their_turn_within_each_phase_of_a_batch(owner: type, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    replica = world.replica()
    async with turns() as now:
        calls = noted(monkeypatch, owner, name, now)
        await replica.intake.records([world.place(f"o-{number}") for number in range(ORDERS)])
        await replica.relay.drain(5)
    assert len(calls) >= ORDERS
    assert max(calls.count(turn) for turn in calls) == STRETCH


async def test_others_have_their_turn_while_a_batch_is_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    replica = world.replica()
    async with turns() as now:
        decided = noted(monkeypatch, Plan, "decide", now)
        committed = noted(monkeypatch, Seen, "batch", now)
        await replica.intake.records([world.place(f"o-{number}") for number in range(ORDERS)])
    assert committed[0] - decided[-1] >= ORDERS / STRETCH - 1
