"""The loops of a replica when something is wrong: in what order things happen, what is told, and that it passes."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from saga.errors import Unavailable
from saga.ports.messaging import OutboundRecord
from tests.flow.fake_consumer import ScriptedConsumer
from tests.flow.scripted import PACE, PLACE, Replica, away, loud, until
from tests.flow.world import World


async def test_a_replica_is_not_ready_before_its_group_has_given_it_its_share() -> None:  # K5, ground rule 10
    consumer = ScriptedConsumer()
    consumer.share = False
    replica = Replica(World(), [consumer])
    async with replica.running():
        await until(lambda: consumer.polls > 3)
        assert "joined" in replica.faults()["records"]
        consumer.share = True
        await until(lambda: replica.faults() == {})


async def test_each_outage_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:  # P13
    world = loud()
    consumer = ScriptedConsumer([[world.place("1")]])
    replica = Replica(world, [consumer])
    for _ in range(2):
        world.store.fail_next("write", away())
    async with replica.running(replace(PACE, relay_every=60, held_every=60)):
        await until(lambda: consumer.committed == {PLACE: 1})
        assert capsys.readouterr().err.count('"waiting"') == 1
        world.store.fail_next("write", away())
        consumer.steps.append([world.place("2")])
        await until(lambda: consumer.committed == {PLACE: 2})
        assert capsys.readouterr().err.count('"waiting"') == 1


async def test_a_second_outage_of_kafka_is_told_too(capsys: pytest.CaptureFixture[str]) -> None:
    world, gone = loud(), Unavailable("kafka", "fetching failed")
    consumer = ScriptedConsumer([gone, [], gone, [world.place("1")]])  # a quiet poll is no proof that it is over
    replica = Replica(world, [consumer])
    async with replica.running():
        await until(lambda: consumer.committed == {PLACE: 1})
        assert capsys.readouterr().err.count('"waiting"') == 1
        consumer.steps.extend([gone, [world.place("2")]])
        await until(lambda: consumer.committed == {PLACE: 2})
    assert capsys.readouterr().err.count('"waiting"') == 1
    assert consumer.stopped == replica.made == 4


async def test_a_group_that_takes_partitions_away_waits_for_the_batch_at_work_and_its_folds_are_forgotten() -> None:  # K3
    world, journal, going_on = World(), list[str](), asyncio.Event()
    consumer = ScriptedConsumer([[world.place("1")]], journal)
    replica = Replica(world, [consumer])

    async def slowly(point: str) -> None:
        if point == "write":
            journal.append(point)
            await going_on.wait()

    world.store.hook = slowly
    async with replica.running():
        await until(lambda: "write" in journal)
        assert consumer.revoked is not None
        revoking = asyncio.ensure_future(consumer.revoked(frozenset({PLACE})))
        revoking.add_done_callback(lambda _: journal.append("revoked"))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not revoking.done()
        going_on.set()
        await revoking
        assert replica.coordinator.intake._parts.cache.get(await world.only_saga()) is None
    assert journal.index("commit offsets") < journal.index("revoked")


async def test_a_consumer_that_freezes_while_reading_is_paused_is_replaced_too() -> None:  # K5, S20
    world = World()
    world.wire.send = _never  # type: ignore[method-assign,assignment]
    frozen = ScriptedConsumer([[world.place("1"), world.place("2")]])
    healthy = ScriptedConsumer()
    replica = Replica(world, [frozen, healthy])
    async with replica.running(replace(PACE, unsent_records=1, stuck_after=0.2, drain_timeout=0.3)):
        await until(lambda: frozen.committed == {PLACE: 2})
        replica.coordinator.relay.put(await _outgoing(world, "3"))
        await until(lambda: frozen.paused)
        frozen.frozen = True
        await until(lambda: "no progress" in replica.faults().get("records", ""))
        await until(lambda: healthy.polls > 0)
        assert healthy.paused
    assert replica.counted('saga_watchdog_restarts_total{loop="records"')


async def test_what_is_said_of_a_pause_is_taken_back_also_when_the_consumer_was_lost_in_it() -> None:  # S20
    world, opened = World(), asyncio.Event()
    send = world.wire.send

    async def stuck(records: Sequence[OutboundRecord]) -> list[bool]:
        await opened.wait()
        return await send(records)

    world.wire.send = stuck  # type: ignore[method-assign]
    first = ScriptedConsumer([[world.place(str(number)) for number in range(4)]])
    second = ScriptedConsumer([[world.place("9")]])
    replica = Replica(world, [first, second])
    async with replica.running(replace(PACE, unsent_records=2, stuck_after=0.2)):
        await until(lambda: first.committed == {PLACE: 4})
        replica.coordinator.relay.put(await _outgoing(world, "5", "6"))
        await until(lambda: first.paused)
        first.frozen = True
        await until(lambda: first.stopped == 1)
        opened.set()
        await until(lambda: second.committed == {PLACE: 5})
        await until(lambda: replica.faults() == {})


async def test_a_sender_that_failed_once_does_not_stay_a_fault() -> None:
    world = World()
    send, failures = world.wire.send, [ZeroDivisionError("a bug")]

    async def failing(records: Sequence[OutboundRecord]) -> list[bool]:
        if failures:
            raise failures.pop()
        return await send(records)

    world.wire.send = failing  # type: ignore[method-assign]
    consumer = ScriptedConsumer([[world.place("1")]])
    replica = Replica(world, [consumer])
    async with replica.running():
        await until(lambda: replica.faults().get("relay") == "ZeroDivisionError")
        assert replica.counted('saga_loop_errors_total{loop="relay"')
        consumer.steps.append([world.place("2")])
        await until(lambda: len(world.wire.records) == 1)
        await until(lambda: replica.faults() == {})


async def test_deadlines_wait_and_do_not_ask_again_and_again_while_too_much_is_unsent() -> None:  # S13, S20
    world, asked = World(), list[str]()
    world.wire.send = _never  # type: ignore[method-assign,assignment]
    consumer = ScriptedConsumer()
    replica = Replica(world, [consumer])

    async def count(point: str) -> None:
        if point == "due_sagas":
            asked.append(point)

    async with replica.running(replace(PACE, unsent_records=1, drain_timeout=0.5)):
        replica.coordinator.relay.put(await _outgoing(world, "1"))
        await until(lambda: replica.coordinator.relay.backlog == 0)
        replica.coordinator.relay.put(await _outgoing(world, "2"))
        await until(lambda: consumer.paused)
        world.store.now += timedelta(seconds=11)
        world.store.hook = count
        polls = consumer.polls
        await until(lambda: consumer.polls > polls + 20)
        assert asked == []


async def test_a_drain_without_a_database_ends_all_the_same_and_within_its_time() -> None:
    world = World()
    consumer = ScriptedConsumer([[world.place("1")]])
    replica = Replica(world, [consumer])
    async with replica.running():
        await until(lambda: consumer.committed == {PLACE: 1})
        for point in ("delete_pointers", "retire", "publish", "claim_pointers", "due_sagas"):
            for _ in range(3):
                world.store.fail_next(point, away())
    assert consumer.stopped == 1


async def test_a_drain_does_not_wait_for_a_broker_that_takes_nothing() -> None:
    world = World()
    world.wire.send = _never  # type: ignore[method-assign,assignment]
    consumer = ScriptedConsumer([[world.place("1")]])
    replica = Replica(world, [consumer])
    async with replica.running(replace(PACE, drain_timeout=0.5)):
        await until(lambda: consumer.committed == {PLACE: 1})
    assert (await world.store.figures())["outbox"] == 2
    assert world.store.data.replicas == {}


async def _outgoing(world: World, *order_ids: str) -> list[Any]:
    """Commands of other sagas, as intake would hand them to the relay."""
    other = world.replica()
    await other.intake.records([world.place(order_id) for order_id in order_ids])
    return [out for _, out in other.relay._unsent]


async def _never(_records: Sequence[OutboundRecord]) -> list[bool]:
    await asyncio.Event().wait()
    return []
