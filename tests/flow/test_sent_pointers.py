"""When the pointers of what was sent go: many with the next batch, few with the sweep, so that a small batch is spared the statement."""

import pytest

from saga.bootstrap import Coordinator
from saga.runtime.relay import WORTH_A_STATEMENT
from tests.flow.world import World

OF_A_START = 2  # its life, and its first command


async def sent_starts(world: World, replica: Coordinator, count: int) -> None:
    """So many sagas start in one batch, and all that they send is acknowledged."""
    await replica.intake.records([world.place(f"before-{number}") for number in range(count)])
    await replica.relay.send_waiting()


async def waiting(world: World) -> int:
    return int((await world.store.figures())["outbox"])


@pytest.mark.parametrize(
    ("starts", "left"), [(WORTH_A_STATEMENT // OF_A_START, 0), (WORTH_A_STATEMENT // OF_A_START - 1, WORTH_A_STATEMENT - OF_A_START)]
)
async def test_the_next_batch_deletes_pointers_if_they_are_many(starts: int, left: int) -> None:
    world = World()
    replica = world.replica()
    await sent_starts(world, replica, starts)
    await replica.intake.records([world.place("after")])
    assert await waiting(world) == left + OF_A_START


async def test_the_sweep_and_the_drain_delete_few() -> None:
    world = World()
    replica = world.replica()
    await sent_starts(world, replica, 1)
    assert await waiting(world) == OF_A_START
    await replica.relay.sweep()
    assert await waiting(world) == 0
    await replica.intake.records([world.place("after")])
    await replica.relay.drain(5)
    assert await waiting(world) == 0
    assert len(world.wire.records) == 2
