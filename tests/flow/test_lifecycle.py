"""What is told of sagas' lives: by the pointers of their events, after the commit from memory, after a crash by a sweep."""

from datetime import timedelta
from itertools import pairwise

from saga.bootstrap import Coordinator, build
from saga.config import Settings
from saga.definition.registry import Registry
from saga.ports.messaging import InboundRecord, OutboundRecord
from saga.runtime.chain import Chain, Told
from saga.runtime.operations import ActRequest
from saga.testing.bus import Fault, MemoryBus
from saga.transport.codec import decode
from saga.wire import LifecycleMessage, is_reply, read_lifecycle
from tests.flow.world import World
from tests.unit.shop import FULFIL_ORDER


def messages(records: list[OutboundRecord]) -> list[LifecycleMessage]:
    return [read_lifecycle(decode(_inbound(record, number))) for number, record in enumerate(records)]


async def run(world: World, *replicas: Coordinator) -> None:
    """Everybody sends, then one takes in what is answered, each a moment later, until nothing moves."""
    for number in range(16):
        for replica in replicas:
            await replica.relay.drain(5)
        world.store.now += timedelta(milliseconds=1)
        replies = world.answers()
        if not replies:
            return
        await replicas[number % len(replicas)].intake.records(replies)


def _inbound(record: OutboundRecord, offset: int = 0) -> InboundRecord:
    return InboundRecord(record.topic, 0, offset, record.key, record.value, record.headers)


async def test_a_saga_that_goes_well_is_told_of_twice_in_a_chain() -> None:
    world = World()
    replica = world.replica()
    await replica.intake.records([world.place()])
    await world.run(replica)
    first, last = messages(world.wire.lifecycle)
    assert ([first.what, first.status], [last.what, last.status]) == (["started", "running"], ["ended", "completed"])
    assert (first.previous, last.previous, last.version) == (0, first.version, (await world.state()).version)
    assert first.waits_for.startswith("the answer to accept_order")
    await replica.relay.sweep()
    assert (await world.store.figures())["outbox"] == 0


async def test_a_record_of_a_life_is_a_cloudevent_keyed_by_its_saga_and_never_a_reply() -> None:
    world = World()
    replica = world.replica()
    await replica.intake.records([world.place()])
    await replica.relay.drain(5)
    (record,) = world.wire.lifecycle
    envelope = decode(_inbound(record))
    saga_id = str(await world.only_saga())
    assert (record.key, envelope.id, envelope.type) == (saga_id.encode(), f"{saga_id}:1", "saga.lifecycle.started.v1")
    assert (envelope.text("sagaversion"), envelope.text("sagastatus"), envelope.source) == ("1", "running", "/saga")
    assert not is_reply(envelope)


async def test_what_a_replica_did_not_live_to_tell_is_told_by_a_sweep() -> None:  # K8, S3
    world = World()
    await world.replica().intake.records([world.place()])  # and dies
    survivor = world.replica()
    world.store.now += timedelta(seconds=11)
    await survivor.relay.sweep()
    (swept,) = world.wire.lifecycle
    told = messages([swept])[0]
    from_memory = world.replica()
    await from_memory.intake.records([world.place("2")])
    await from_memory.relay.drain(5)
    other = messages(world.wire.lifecycle)[1]
    assert told.waits_for == other.waits_for != "nothing"
    assert (told.causation, told.what) == ("/order placed-1", "started")
    assert world.sent() == ["AcceptOrder", "AcceptOrder"]


async def test_a_sweep_tells_the_same_as_memory_did() -> None:
    world = World(choose={"reserve_stock": "refuse"})
    replica = world.replica()
    world.wire.acknowledges = False  # every record goes out, and none is known to
    await replica.intake.records([world.place()])
    await run(world, replica)
    first = {record.headers[1]: record for record in world.wire.lifecycle}
    world.wire.lifecycle.clear()
    world.store.now += timedelta(seconds=11)
    await world.replica().relay.sweep()
    again = {record.headers[1]: record for record in world.wire.lifecycle}
    assert len(first) == 3
    assert again == first


async def test_the_pointer_of_an_event_that_sends_two_records_goes_when_both_are_acknowledged() -> None:
    world = World(definitions=(FULFIL_ORDER.compile(),))
    bus = MemoryBus()
    settings = Settings(lifecycle_steps=True)
    replica = build(settings, world.store, bus.producer(), Registry(world.definitions), world.telemetry)
    bus.fault = lambda record: Fault.REFUSED if record.topic == "saga.lifecycle" else Fault.NONE
    await replica.intake.records([world.place()])
    await replica.relay.drain(5)
    await replica.relay.sweep()
    assert (await world.store.figures())["outbox"] == 2
    bus.fault = lambda _: Fault.NONE
    world.store.now += timedelta(seconds=11)
    await replica.relay.sweep()
    await replica.relay.sweep()
    assert (await world.store.figures())["outbox"] == 0
    assert [len(bus.records(topic)) for topic in ("order.commands", "saga.lifecycle")] == [2, 2]


async def test_replicas_that_race_and_lose_acknowledgements_are_put_in_order_by_the_reader() -> None:  # I18, K8
    world = World(choose={"reserve_stock": "refuse", "undo authorize_payment": "refuse"})
    one, two = world.replica(), world.replica()
    await one.intake.records([world.place()])
    await run(world, two, one)
    await one.desk.skip("default", ActRequest(await world.only_saga(), "ada", "seen to", "act-1", step="authorize_payment"))
    world.wire.acknowledges = False
    await run(world, two, one)
    world.store.now += timedelta(seconds=30)
    await two.relay.sweep()
    told = [Told(message, 0, offset) for offset, message in enumerate(messages(world.wire.lifecycle))]
    chain = Chain(whole=True)
    got = [one.message for record in reversed([*told, *told]) for one in chain.take(record, 0.0)]
    assert [message.what for message in got] == ["started", "turned-back", "parked", "unparked", "ended"]
    assert all(later.previous == earlier.version for earlier, later in pairwise(got))


async def test_nothing_is_told_where_the_topic_is_switched_off_and_old_pointers_are_cleared() -> None:
    world = World()
    await world.replica().intake.records([world.place()])
    silent = build(Settings(lifecycle_topic=""), world.store, world.wire, Registry(world.definitions), world.telemetry)
    await silent.intake.records([world.place("2")])
    await world.run(silent)
    world.store.now += timedelta(seconds=11)
    await silent.relay.sweep()
    await silent.relay.sweep()
    assert world.wire.lifecycle == []
    assert world.sent().count("AcceptOrder") == 2
    assert (await world.store.figures())["outbox"] == 0
