"""What dies, and what another one does at the same time: nothing is lost and nothing happens twice."""

import asyncio
import copy
from datetime import timedelta

import pytest

from saga.errors import Unavailable, UnknownOutcome
from saga.runtime.operations import ActRequest
from tests.flow.world import World


async def test_a_replica_that_dies_before_its_commit_has_done_nothing() -> None:
    world = World()
    world.store.fail_next("commit", Unavailable("postgres", "gone"))
    with pytest.raises(Unavailable):
        await world.replica().intake.records([world.place()])
    assert await world.store.streams_after(None, 10) == []
    survivor = world.replica()
    await survivor.intake.records(world.log)
    await world.run(survivor)
    assert (await world.state()).ended == "completed"


async def test_a_replica_that_dies_after_its_commit_leaves_pointers_that_another_sends() -> None:
    world = World()
    await world.replica().intake.records([world.place()])
    survivor = world.replica()
    await survivor.intake.records(world.log)
    assert await survivor.relay.sweep() == 0
    world.store.now += timedelta(seconds=11)
    assert await survivor.relay.sweep() == 2  # the command, and that the saga has started
    assert world.sent() == ["AcceptOrder"]
    await survivor.relay.sweep()
    await world.run(survivor)
    assert world.effects() == (6, 0)


@pytest.mark.parametrize("point", ["commit", "committed"])
async def test_an_unknown_commit_is_decided_again_from_the_streams(point: str) -> None:  # P1
    world = World()
    replica = world.replica()
    world.store.fail_next(point, UnknownOutcome("the connection was lost"))
    await replica.intake.records([world.place()])
    world.store.now += timedelta(seconds=11)
    await replica.relay.sweep()
    await world.run(replica)
    assert (await world.names()).count("SagaStarted") == 1
    assert (await world.state()).ended == "completed"
    assert world.effects() == (6, 0)


async def test_the_batch_after_an_unknown_commit_writes_something_that_proves_the_first() -> None:
    world = World()
    replica = world.replica()
    world.store.fail_next("committed", UnknownOutcome("the connection was lost"))
    written = []

    async def watch(point: str) -> None:
        if point == "write":
            written.append(point)

    world.store.hook = watch
    await replica.intake.records([world.place()])
    assert len(written) == 2


async def test_a_stale_fold_does_not_swallow_a_reply() -> None:  # P5
    world = World(choose={"ship": "refuse"})
    stale, other = world.replica(), world.replica()
    await stale.intake.records([world.place()])
    for _ in range(4):
        await stale.relay.drain(5)
        await stale.intake.records(world.answers())
    saga_id = await world.only_saga()
    world.choose.clear()
    world.books.clear()
    await other.desk.retry("default", ActRequest(saga_id, "ada", "the carrier is back", "input-1", step="ship"))
    await other.relay.drain(5)
    await stale.intake.records(world.answers())
    await world.run(stale)
    assert (await world.state()).ended == "completed"


async def test_two_replicas_with_the_same_replies_append_them_once() -> None:  # P2, K4
    world = World()
    one, two = world.replica(), world.replica()
    await one.intake.records([world.place()])
    for _ in range(6):
        await one.relay.drain(5)
        await two.relay.drain(5)
        replies = world.answers()
        await asyncio.gather(one.intake.records(replies), two.intake.records(replies))
    names = await world.names()
    assert names[-1] == "SagaCompleted"
    assert names.count("StepSucceeded") == names.count("StepIssued") == 6
    assert world.effects() == (6, 0)


async def test_a_rival_between_reading_and_writing_wins_and_the_loser_decides_again() -> None:  # P2
    world = World()
    slow, fast = world.replica(), world.replica()
    await slow.intake.records([world.place()])
    await slow.relay.drain(5)
    replies = world.answers()

    async def rival(point: str) -> None:
        if point == "write":
            world.store.hook = None
            await fast.intake.records(replies)

    world.store.hook = rival
    await slow.intake.records(replies)
    assert (await world.names()).count("StepSucceeded") == 1
    assert (await world.state()).version == len(await world.names())


async def test_after_a_failover_that_lost_a_commit_nothing_is_decided_on_what_was_lost() -> None:  # check-store 1, P4
    world = World()
    replica = world.replica()
    await replica.intake.records([world.place()])
    await replica.relay.drain(5)
    standby = copy.deepcopy(world.store.data)
    first = world.answers()
    await replica.intake.records(first)
    world.store.fail_over(standby)
    assert replica.relay.backlog == 2
    await replica.intake.records(first)
    await world.run(replica)
    assert (await world.state()).ended == "completed"
    assert world.effects() == (6, 0)


async def test_memory_older_than_its_claim_is_not_sent() -> None:  # K4
    world = World()
    replica = world.replica()
    await replica.intake.records([world.place()])
    replica.relay._unsent = type(replica.relay._unsent)((0.0, out) for _, out in replica.relay._unsent)
    await replica.relay.drain(5)
    assert world.wire.records == []
    world.store.now += timedelta(seconds=11)
    await replica.relay.sweep()
    assert world.sent() == ["AcceptOrder"]


async def test_a_lost_acknowledgement_sends_the_same_command_again_and_then_no_more() -> None:  # K6
    world = World()
    replica = world.replica()
    await replica.intake.records([world.place()])
    world.wire.acknowledges = False
    await replica.relay.drain(5)
    world.wire.acknowledges = True
    world.store.now += timedelta(seconds=11)
    await replica.relay.sweep()
    await replica.relay.sweep()
    world.store.now += timedelta(seconds=60)
    assert await replica.relay.sweep() == 0
    assert world.sent() == ["AcceptOrder", "AcceptOrder"]
    assert len({dict(record.headers)["ce_id"] for record in world.wire.records}) == 1


async def test_a_takeover_never_sends_a_do_of_a_saga_that_has_turned_back() -> None:
    world = World(choose={"reserve_stock": "refuse"})
    replica = world.replica()
    await replica.intake.records([world.place()])
    await replica.relay.drain(5)
    await replica.intake.records(world.answers())
    world.wire.away = True
    await replica.relay.drain(5)
    world.wire.away = False
    await replica.desk.cancel("default", ActRequest(await world.only_saga(), "ada", "a wish", "input-1"))
    world.store.now += timedelta(seconds=11)
    await replica.relay.sweep()
    assert world.sent() == ["AcceptOrder"]
    await world.tick(replica, 60)
    await world.run(replica)
    assert (await world.state()).ended == "cancelled"


async def test_a_tick_of_both_replicas_fires_a_deadline_once() -> None:  # S5, I15
    world = World()
    one, two = world.replica(), world.replica()
    await one.intake.records([world.place()])
    world.store.now += timedelta(seconds=11)
    await asyncio.gather(one.deadlines.round(), two.deadlines.round())
    assert await world.names() == ["SagaStarted", "StepIssued", "StepFailed"]


async def test_after_a_failover_nothing_is_sent_of_what_the_other_server_may_not_have() -> None:  # check-store 1
    world = World()
    replica = world.replica()
    standby = copy.deepcopy(world.store.data)
    await replica.intake.records([world.place("1")])
    world.store.fail_over(standby)
    await replica.intake.records([world.place("2")])
    assert replica.relay.backlog == 2
    await replica.relay.drain(5)
    assert [record.key for record in world.wire.records] == [b"2"]


async def test_a_saga_that_appears_while_its_reply_is_being_held_gets_the_reply() -> None:  # P5
    world = World()
    replica = world.replica()
    await replica.intake.records([world.place()])
    await replica.relay.drain(5)
    reply = world.answers()
    streams = dict(world.store.data.events)
    world.store.data.events.clear()

    async def appear(point: str) -> None:
        if point == "write":
            world.store.hook = None
            world.store.data.events.update(streams)

    world.store.hook = appear
    await world.replica().intake.records(reply)
    assert (await world.names()).count("StepSucceeded") == 1
    assert (await world.store.figures())["held"] == 0


async def test_a_due_time_that_is_a_lower_bound_is_mended_by_the_tick_that_finds_nothing_due() -> None:  # P6
    world = World()
    replica = world.replica()
    await replica.intake.records([world.place()])
    await replica.relay.drain(5)
    world.store.now += timedelta(seconds=5)
    await replica.intake.records(world.answers())
    world.store.now += timedelta(seconds=6)
    before = await world.names()
    assert await replica.deadlines.round() == 1
    assert await replica.deadlines.round() == 0
    assert await world.names() == before


async def test_a_stream_that_cannot_be_read_does_not_hold_up_the_pointers_of_others() -> None:  # S18
    world = World()
    await world.replica().intake.records([world.place("1"), world.place("2")])
    broken = (await world.store.streams_after(None, 10))[0][0]
    world.store.data.events[broken][1] = b"\x00garbage"
    world.store.now += timedelta(seconds=11)
    assert await world.replica().relay.sweep() == 4
    assert len(world.wire.records) == len(world.wire.lifecycle) == 1
    assert (await world.store.figures())["outbox"] == 4
