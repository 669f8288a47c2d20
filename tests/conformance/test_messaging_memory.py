"""The faults that the log in memory makes on demand: each as Kafka would make it."""

import pytest
from kafka_shapes import a_record

from saga.errors import Unavailable
from saga.ports.messaging import TopicPartition
from saga.testing.bus import Fault, MemoryBus, MemoryConsumer


async def a_member(bus: MemoryBus, group: str = "g") -> MemoryConsumer:
    consumer = bus.consumer(group, ["t"])
    await consumer.start()
    return consumer


async def values(bus: MemoryBus, consumer: MemoryConsumer) -> list[bytes | None]:
    return [record.value for record in await consumer.poll(100, 0)]


@pytest.mark.parametrize(
    ("fault", "acknowledged", "stored"),
    [
        (Fault.NONE, True, [b"1", b"2"]),
        (Fault.REFUSED, False, [b"2"]),
        (Fault.UNKNOWN, False, [b"1", b"2"]),
        (Fault.LOST, True, [b"2"]),  # K8
        (Fault.TWICE, True, [b"1", b"1", b"2"]),  # K1
        (Fault.LATE, True, [b"2", b"1"]),
    ],
)
async def test_a_fault_befalls_the_next_record_only(fault: Fault, acknowledged: bool, stored: list[bytes]) -> None:
    bus = MemoryBus(partitions=1)
    consumer = await a_member(bus)
    bus.next_sends(fault)
    assert await bus.producer().send([a_record("t", value=b"1"), a_record("t", value=b"2")]) == [acknowledged, True]
    assert await values(bus, consumer) == stored


async def test_a_fault_may_depend_on_the_record() -> None:
    bus = MemoryBus()
    bus.fault = lambda record: Fault.REFUSED if record.key == b"bad" else Fault.NONE
    assert await bus.producer().send([a_record("t", "good"), a_record("t", "bad")]) == [True, False]


async def test_late_records_can_be_released() -> None:
    bus = MemoryBus()
    bus.next_sends(Fault.LATE)
    await bus.producer().send([a_record("t")])
    assert bus.records("t") == []
    bus.release()
    assert len(bus.records("t")) == 1


async def test_while_the_bus_is_down_nothing_works_and_no_progress_is_seen() -> None:
    now = 0.0
    bus = MemoryBus(clock=lambda: now)
    consumer, producer = await a_member(bus), bus.producer()
    bus.down, now = True, 40.0
    assert await producer.send([a_record("t")]) == [False]
    assert await consumer.poll(10, 0) == []
    assert consumer.seconds_since_poll() == 40.0  # K5
    for refused in (consumer.commit({TopicPartition("t", 0): 1}), producer.start(), bus.consumer("g", ["t"]).start()):
        with pytest.raises(Unavailable):
            await refused


async def test_an_expelled_member_commits_nothing_and_joins_again_when_it_polls() -> None:
    bus = MemoryBus(partitions=2)
    zombie, other = await a_member(bus), await a_member(bus)
    place = min(zombie.assignment())
    await bus.expel(zombie)  # K4
    assert len(other.assignment()) == 2
    await zombie.commit({place: 1})
    assert bus.committed("g") == {}
    await zombie.poll(1, 0)
    assert len(zombie.assignment()) == len(other.assignment()) == 1


async def test_a_group_set_back_to_the_beginning_is_given_everything_again() -> None:
    bus = MemoryBus(partitions=1)
    consumer = await a_member(bus)
    await bus.producer().send([a_record("t", value=b"1")])
    await values(bus, consumer)
    await consumer.commit({TopicPartition("t", 0): 1})
    await bus.rewind("g")  # K1
    assert await values(bus, consumer) == [b"1"]


async def test_when_a_topic_grows_its_new_partitions_are_read_from_the_beginning() -> None:
    bus = MemoryBus(partitions=1)
    consumer = await a_member(bus)
    await bus.grow("t", 4)  # K9
    await bus.producer().send([a_record("t", f"k{index}") for index in range(40)])
    assert len(consumer.assignment()) == 4
    assert {record.partition for record in await consumer.poll(100, 0)} == {0, 1, 2, 3}


async def test_no_partition_starves_when_each_has_more_than_one_poll_takes() -> None:
    bus = MemoryBus(partitions=3)
    consumer = await a_member(bus)
    await bus.producer().send([a_record("t", f"k{index}") for index in range(300)])
    assert {record.partition for _ in range(3) for record in await consumer.poll(10, 0)} == {0, 1, 2}
