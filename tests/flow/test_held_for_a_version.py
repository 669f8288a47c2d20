"""Records that wait for a definition: one that this replica has not loaded, or that not all replicas have yet."""

from dataclasses import replace
from datetime import timedelta

from saga.runtime.operations import ActRequest
from saga.runtime.routing import StartKnown
from tests.flow.world import World
from tests.unit.shop import FULFIL_ORDER, ONE_STEP


async def test_a_reply_that_a_replica_has_no_definition_for_waits_for_one_that_has() -> None:  # S12
    world = World()
    knows, does_not = world.replica(), world.replica([ONE_STEP.compile()])
    await knows.intake.records([world.place()])
    await knows.relay.drain(5)
    await does_not.intake.records(world.answers())
    assert (await world.store.figures())["held"] == 1
    assert await does_not.intake.held(10) == 0
    assert await knows.intake.held(10) == 1
    await world.run(knows)
    assert (await world.state()).ended == "completed"


async def test_an_act_for_a_definition_that_is_not_loaded_is_held_and_done_elsewhere() -> None:
    world = World()
    knows, does_not = world.replica(), world.replica([ONE_STEP.compile()])
    await knows.intake.records([world.place()])
    saga_id = await world.only_saga()
    result = await does_not.desk.cancel("default", ActRequest(saga_id, "ada", "a wish", "input-1"))
    assert result.held
    assert await knows.intake.held(10) == 1
    assert "TurnedBack" in await world.names()


async def test_a_start_held_for_a_version_that_is_passed_over_is_held_on_for_the_newer_one() -> None:  # design 4.9
    world = World()
    knows, does_not = world.replica(), world.replica([])
    newest = [StartKnown("fulfil-order", 3, "com.example.order.OrderPlaced.v1")]
    does_not.heartbeat._router.learn(newest)
    await does_not.intake.records([world.place()])
    assert (await world.store.figures())["held"] == 1
    three, four = (replace(FULFIL_ORDER.compile(), version=version) for version in (3, 4))
    late = world.replica([three])
    late.heartbeat._router.learn([StartKnown("fulfil-order", 4, "com.example.order.OrderPlaced.v1")])
    assert await late.intake.held(10) == 0
    assert (await world.store.figures())["held"] == 1
    newer = world.replica([four])
    assert await newer.intake.held(10) == 1
    assert (await world.state()).start.definition_version == 4
    assert knows.intake.loaded == (("fulfil-order", 1),)


async def test_a_replica_whose_heartbeat_grew_old_while_it_stood_still_holds_the_starts_that_it_reads() -> None:  # I11, I13, K4
    world = World()
    replica = world.replica([FULFIL_ORDER.compile()])

    async def stand_still(point: str) -> None:
        if point == "newest_common":
            world.store.now += timedelta(seconds=16)

    world.store.hook = stand_still
    await replica.heartbeat.beat()
    world.store.hook = None
    await replica.intake.records([world.place()])
    assert (await world.store.figures())["held"] == 1
    await replica.heartbeat.beat()
    assert await replica.intake.held(10) == 1
    assert (await world.state()).start.definition == "fulfil-order"


async def test_a_start_of_what_only_some_replicas_have_yet_is_held_by_whoever_reads_it_until_all_have_it() -> None:  # design 4.9
    world = World()
    old, new = world.replica([]), world.replica([FULFIL_ORDER.compile()])
    for replica in (new, old):
        await replica.heartbeat.beat()
    await old.intake.records([world.place()])
    assert (await world.store.figures())["held"] == 1
    await new.heartbeat.beat()
    assert await new.intake.held(10) == 0  # held again: a sweep that counted it would never pause
    assert (await world.store.figures())["held"] == 1
    await old.heartbeat.retire()
    await new.heartbeat.beat()
    assert await new.intake.held(10) == 1
    assert (await world.state()).start.definition == "fulfil-order"
    assert (await world.store.figures())["held"] == 0


async def test_a_definition_that_no_replica_has_any_more_holds_nothing() -> None:
    world = World()
    gone, left = world.replica([FULFIL_ORDER.compile()]), world.replica([])
    for replica in (gone, left):
        await replica.heartbeat.beat()
    await gone.heartbeat.retire()
    await left.heartbeat.beat()
    await left.intake.records([world.place()])
    assert (await world.store.figures())["held"] == 0
