"""All sagas of a definition are paused by one row, whatever is under way while it is written."""

from dataclasses import replace

import pytest

from saga.errors import ActRefused
from saga.runtime.operations import ActRequest, DefinitionAct
from tests.flow.world import World

ACT = DefinitionAct("fulfil-order", "ada", "fire", "request-1")


async def statuses(world: World) -> list[str]:
    return sorted(row.status for row in world.store.data.rows.values())


async def published(world: World):  # type: ignore[no-untyped-def]
    replica = world.replica()
    await replica.heartbeat.beat()
    return replica


async def test_what_runs_and_what_starts_later_is_paused_and_nothing_is_sent() -> None:
    world = World()
    replica = await published(world)
    await replica.intake.records([world.place("1"), world.place("2")])
    result = await replica.desk.pause_definition("default", ACT)
    assert (result.paused, result.changed, result.more) == (True, 2, False)
    await replica.intake.records([world.place("3")])
    assert await statuses(world) == ["paused"] * 3
    await world.run(replica)
    assert await world.tick(replica, seconds=60) == 0
    assert world.sent() == ["AcceptOrder", "AcceptOrder"]


async def test_resume_lets_all_of_them_go_on_and_later_ones_start_running() -> None:
    world = World()
    replica = await published(world)
    await replica.intake.records([world.place("1")])
    await replica.desk.pause_definition("default", ACT)
    await replica.intake.records([world.place("2")])
    result = await replica.desk.resume_definition("default", replace(ACT, input_id="request-2"))
    assert (result.paused, result.changed) == (False, 2)
    await replica.intake.records([world.place("3")])
    await world.run(replica)
    assert await statuses(world) == ["completed"] * 3


async def test_a_saga_that_slipped_through_is_paused_before_anything_is_decided_about_it() -> None:
    world = World()
    replica = await published(world)
    await replica.intake.records([world.place("1")])
    await replica.relay.drain(5)
    world.store.data.paused[("default", "fulfil-order")] = await _row(replica, world)
    await replica.intake.records(world.answers())
    assert (await world.names())[2:] == ["SagaPaused", "StepSucceeded"]
    assert world.sent() == ["AcceptOrder"]


async def _row(replica, world: World):  # type: ignore[no-untyped-def]
    """The pause as it stands while its writer has not yet gone over the sagas."""
    world.store.fail_next("list_sagas", RuntimeError("killed here"))
    with pytest.raises(RuntimeError):
        await replica.desk.pause_definition("default", ACT)
    return world.store.data.paused[("default", "fulfil-order")]


async def test_what_was_paused_alone_stays_paused_when_the_definition_goes_on() -> None:
    world = World()
    replica = await published(world)
    await replica.intake.records([world.place("1"), world.place("2")])
    (first, _), _ = await world.store.streams_after(None, 10)
    await replica.desk.pause("default", ActRequest(first, "eve", "mine", "request-0"))
    assert (await replica.desk.pause_definition("default", ACT)).changed == 1
    with pytest.raises(ActRefused, match="definition-paused"):
        await replica.desk.resume("default", ActRequest(first, "eve", "mine", "request-2"))
    assert (await replica.desk.resume_definition("default", ACT)).changed == 1
    assert await statuses(world) == ["paused", "running"]
    assert (await replica.desk.resume("default", ActRequest(first, "eve", "mine", "request-3"))).status == "running"


async def test_a_resume_that_died_on_the_way_is_asked_again() -> None:
    world = World()
    replica = await published(world)
    await replica.intake.records([world.place("1")])
    await replica.desk.pause_definition("default", ACT)
    world.store.fail_next("list_sagas", RuntimeError("killed here"))
    with pytest.raises(RuntimeError):
        await replica.desk.resume_definition("default", ACT)
    assert await statuses(world) == ["paused"]
    assert (await replica.desk.resume_definition("default", ACT)).changed == 1
    assert await statuses(world) == ["running"]


async def test_sagas_that_a_month_of_pause_made_forgotten_need_the_explicit_word() -> None:
    world = World()
    replica = await published(world)
    await replica.intake.records([world.place("1")])
    await replica.desk.pause_definition("default", ACT)
    await world.tick(replica, seconds=31 * 86_400)
    result = await replica.desk.resume_definition("default", ACT)
    assert (result.changed, result.refused) == (0, 1)
    result = await replica.desk.resume_definition("default", replace(ACT, input_id="request-2", even_if_forgotten=True))
    assert (result.changed, result.refused) == (1, 0)


async def test_another_tenants_or_an_unknown_definition_is_left_alone() -> None:  # A1
    world = World()
    replica = await published(world)
    await replica.intake.records([world.place("1")])
    await replica.desk.pause_definition("other", ACT)
    assert await statuses(world) == ["running"]
    assert await replica.desk.paused_definitions("default") == []
    with pytest.raises(LookupError):
        await replica.desk.pause_definition("default", replace(ACT, definition="unknown"))
