"""A fold of events that do not exist is worse than an old one: once others have appended as many events, its version looks right."""

import copy
from uuid import UUID

import pytest

from saga.bootstrap import Coordinator
from saga.errors import Unavailable
from saga.runtime.operations import ActRequest
from tests.flow.world import World


async def three_other_events(replica: Coordinator, saga_id: UUID) -> None:
    """As many as the answer to the first step causes."""
    await replica.desk.pause("default", ActRequest(saga_id, "ada", "fire", "input-1"))
    await replica.desk.resume("default", ActRequest(saga_id, "ada", "over", "input-2"))
    await replica.desk.pause("default", ActRequest(saga_id, "ada", "fire again", "input-3"))


async def started() -> tuple[World, Coordinator]:
    world = World()
    replica = world.replica()
    await replica.intake.records([world.place()])
    await replica.relay.drain(5)
    return world, replica


async def test_after_a_failover_a_reply_is_not_swallowed_by_a_fold_of_lost_events() -> None:  # P4, P5, check-store 1
    world, replica = await started()
    standby = copy.deepcopy(world.store.data)
    first = world.answers()
    await replica.intake.records(first)
    lost = len(await world.events())
    world.store.fail_over(standby)
    rival = world.replica()
    await three_other_events(rival, await world.only_saga())
    await rival.relay.sweep()
    assert len(await world.events()) == lost
    await replica.intake.records(first)
    assert "StepSucceeded" in await world.names()


async def test_after_a_commit_that_failed_a_reply_is_not_swallowed_by_the_fold_it_would_have_made() -> None:  # P5, design section 7
    world, replica = await started()
    first = world.answers()
    world.store.fail_next("commit", Unavailable("postgres", "gone"))
    with pytest.raises(Unavailable):
        await replica.intake.records(first)
    rival = world.replica()
    await rival.intake.records([world.place()])
    await three_other_events(rival, await world.only_saga())
    await replica.intake.records(first)
    assert "StepSucceeded" in await world.names()
