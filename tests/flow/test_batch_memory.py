"""What a batch reads of its sagas' streams at a time, and that it is gone when it is over."""

import gc
import weakref
from collections.abc import Collection, Iterator
from contextlib import suppress
from types import FrameType
from typing import Any
from uuid import UUID

import pytest

from saga.errors import ActRefused
from saga.runtime import intake
from saga.runtime.folds import READ_TOGETHER, ROWS_TOGETHER
from saga.runtime.operations import ActRequest
from saga.runtime.plan import Plan
from saga.testing.store_transaction import MemoryTransaction
from tests.flow.world import World


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[UUID]]:
    """The streams that were read, by statement."""
    found: list[list[UUID]] = []
    load = MemoryTransaction.load

    async def noted(tx: MemoryTransaction, sagas: Collection[UUID]) -> dict[UUID, list[bytes]]:
        found.append(list(sagas))
        return await load(tx, sagas)

    monkeypatch.setattr(MemoryTransaction, "load", noted)
    return found


async def test_a_batch_reads_streams_a_part_at_a_time_and_each_once(asked: list[list[UUID]]) -> None:  # I19
    world = World()
    first, second = world.replica(), world.replica()
    orders = 2 * READ_TOGETHER + 1
    await first.intake.records([world.place(f"o-{number}") for number in range(orders)])
    await first.relay.drain(5)
    await second.intake.records(world.answers())
    assert [len(sagas) for sagas in asked] == [READ_TOGETHER, READ_TOGETHER, 1]
    assert len({saga_id for sagas in asked for saga_id in sagas}) == orders
    await second.relay.drain(5)
    assert len(world.wire.records) == 3 * orders  # the first step of each, then two side by side


async def test_of_long_streams_fewer_are_read_at_a_time(asked: list[list[UUID]]) -> None:  # I19
    world = World()
    first, second = world.replica(), world.replica()
    orders = 2 * READ_TOGETHER
    await first.intake.records([world.place(f"o-{number}") for number in range(orders)])
    for stream in world.store.data.events.values():
        stream += stream[-1:] * (2 * ROWS_TOGETHER // READ_TOGETHER)  # they do not fold; how long they are is all that counts here
    await first.relay.drain(5)
    await second.intake.records(world.answers())
    begun, *others = [len(sagas) for sagas in asked]
    assert begun == READ_TOGETHER
    assert sum(others) == orders - begun
    assert max(others) < READ_TOGETHER / 2  # of streams that have more than twice as many rows


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[weakref.ref[Plan]]]:
    """The plans of batches from now on; nobody looks for garbage meanwhile."""
    made: list[weakref.ref[Plan]] = []

    class Noted(Plan):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            made.append(weakref.ref(self))

    monkeypatch.setattr(intake, "Plan", Noted)
    gc.disable()
    yield made
    gc.enable()


async def test_a_batch_that_refused_an_act_is_gone_at_once(plans: list[weakref.ref[Plan]]) -> None:  # I19
    world = World()
    replica = world.replica()
    await replica.intake.records([world.place()])
    saga_id = await world.only_saga()
    with suppress(ActRefused):
        await replica.desk.cancel("default", ActRequest(saga_id, "ada", "why", "input-1", expected_version=99))
    assert [plan() for plan in plans] == [None, None]


async def test_a_batch_that_set_a_saga_aside_is_gone_at_once(plans: list[weakref.ref[Plan]]) -> None:  # I19
    world = World()
    first, second = world.replica(), world.replica()
    await first.intake.records([world.place("o-1"), world.place("o-2")])
    await first.relay.drain(5)
    next(iter(world.store.data.events.values())).append(b"no event")
    await second.intake.records(world.answers())
    assert [row.letter.reason for row in await world.store.dead_letters(None, 10, None)] == ["quarantined"]
    assert [plan() for plan in plans] == [None, None]
    assert not [one for one in gc.get_objects() if isinstance(one, FrameType) and one.f_code.co_name == "read_folds"]  # it holds all folds
