"""The loops of a replica on memory: offsets after commits, outages waited out, partitions handed over, everything drained."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from saga.bootstrap import Coordinator, build
from saga.config import Settings
from saga.definition.registry import Registry
from saga.errors import ConfigurationError, Unavailable
from saga.observability.telemetry import Telemetry
from saga.ports.messaging import OutboundRecord, Revoked
from saga.runtime import supervisor
from saga.runtime.supervisor import Pace
from saga.testing.bus import MemoryBus, MemoryConsumer
from saga.testing.store import MemoryStore
from tests.flow import scripted
from tests.flow.scripted import until
from tests.flow.world import World
from tests.unit.shop import FULFIL_ORDER

PACE = replace(scripted.PACE, drain_timeout=3.0)


class Cluster:
    """A bus, a store, and the records of a World put onto the bus."""

    def __init__(self) -> None:
        self.bus = MemoryBus(partitions=3)
        self.store = MemoryStore(clock=lambda: datetime.now(UTC))
        self.consumers: list[MemoryConsumer] = []

    def build(self) -> Coordinator:
        registry = Registry([FULFIL_ORDER.compile()])
        return build(Settings(heartbeat_every=0.05), self.store, self.bus.producer(), registry, Telemetry.silent())

    def consumer(self, topics: frozenset[str], revoked: Revoked) -> MemoryConsumer:
        self.consumers.append(self.bus.consumer("saga-coordinator", topics, revoked))
        return self.consumers[-1]

    def place(self, *order_ids: str) -> None:
        for order_id in order_ids:
            record = World().place(order_id)
            headers = tuple((name, value or b"") for name, value in record.headers)
            self.bus.store(OutboundRecord(record.topic, record.key or b"", record.value or b"", headers))

    @asynccontextmanager
    async def running(self, coordinator: Coordinator, pace: Pace = PACE) -> AsyncIterator[None]:
        task = asyncio.create_task(coordinator.supervisor.run(self.consumer, pace))
        try:
            yield
        finally:
            coordinator.supervisor.stop()
            async with asyncio.timeout(10):
                await task

    async def sagas(self) -> int:
        return len(await self.store.streams_after(None, 100))

    def behind(self) -> int:
        committed = self.bus.committed("saga-coordinator")
        stored = {(r.topic, r.partition): r.offset + 1 for r in self.bus.records("order.events")}
        return sum(end - committed.get(place, 0) for place, end in stored.items())  # type: ignore[call-overload]


async def test_records_become_sagas_commands_go_out_and_offsets_follow() -> None:
    cluster = Cluster()
    cluster.place("1", "2", "3")
    async with cluster.running(cluster.build()):
        await until(lambda: len(cluster.bus.records("order.commands")) == 3)
        await until(lambda: cluster.behind() == 0)
    assert await cluster.sagas() == 3


async def test_offsets_wait_for_a_database_that_is_away_and_nothing_is_lost() -> None:  # K2, I11
    cluster = Cluster()
    coordinator = cluster.build()
    cluster.store.fail_next("write", Unavailable("postgres", "it is away"))
    cluster.place("1", "2")
    async with cluster.running(coordinator):
        await until(lambda: "records" in coordinator.supervisor.faults() and "postgres" in coordinator.supervisor.faults()["records"])
        assert cluster.behind() == 2
        await until(lambda: cluster.behind() == 0, 15)
        await until(lambda: coordinator.supervisor.faults() == {})
        assert len(cluster.consumers) == 1
    assert await cluster.sagas() == 2


async def test_two_replicas_share_the_partitions_and_one_takes_over_when_the_other_stops() -> None:  # K3
    cluster = Cluster()
    async with cluster.running(cluster.build()):
        async with cluster.running(cluster.build()):
            await until(lambda: len(cluster.consumers) == 2 and all(one.assignment() for one in cluster.consumers))
            cluster.place(*"123456")
            await until(lambda: cluster.behind() == 0)
        cluster.place(*"789")
        await until(lambda: cluster.behind() == 0)
        await until(lambda: len(cluster.bus.records("order.commands")) == 9)
    assert await cluster.sagas() == 9


async def test_a_consumer_that_never_comes_back_from_a_poll_is_replaced() -> None:  # K5
    cluster = Cluster()
    coordinator = cluster.build()
    first = cluster.consumer

    def frozen(topics: frozenset[str], revoked: Revoked) -> MemoryConsumer:
        consumer = first(topics, revoked)
        if len(cluster.consumers) == 1:
            consumer.poll = _never  # type: ignore[method-assign]
        return consumer

    cluster.consumer = frozen  # type: ignore[method-assign]
    cluster.place("1")
    async with cluster.running(coordinator, replace(PACE, stuck_after=0.3)):
        await until(lambda: "no progress" in coordinator.supervisor.faults().get("records", ""))
        await until(lambda: cluster.behind() == 0)
    assert len(cluster.consumers) == 2


async def test_how_many_records_wait_to_be_read_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "LAG_EVERY", 0.02)
    cluster = Cluster()
    coordinator = cluster.build()
    first = cluster.consumer

    def deaf(topics: frozenset[str], revoked: Revoked) -> MemoryConsumer:
        consumer = first(topics, revoked)
        consumer.poll = _never  # type: ignore[method-assign]
        return consumer

    cluster.consumer = deaf  # type: ignore[method-assign]
    cluster.place("1", "2")
    async with cluster.running(coordinator, replace(PACE, drain_timeout=0.2)):
        await until(lambda: b'saga_consumer_lag{topic="order.events"} 2.0' in coordinator.telemetry.metrics.page()[0])


async def test_reading_pauses_while_too_many_commands_wait_to_be_sent() -> None:  # S20
    cluster = Cluster()
    coordinator = cluster.build()
    opened = asyncio.Event()
    send = coordinator.producer.send

    async def stuck(records: list[OutboundRecord]) -> list[bool]:
        await opened.wait()
        return await send(records)

    coordinator.producer.send = stuck  # type: ignore[method-assign]
    cluster.place(*(str(number) for number in range(40)))
    async with cluster.running(coordinator, replace(PACE, unsent_records=10)):
        await until(lambda: "backlog" in coordinator.supervisor.faults())
        assert coordinator.relay.backlog <= 20
        assert cluster.behind() > 0
        opened.set()
        await until(lambda: cluster.behind() == 0)
        await until(lambda: "backlog" not in coordinator.supervisor.faults())
    assert await cluster.sagas() == 40


async def test_a_loop_that_fails_for_an_unknown_reason_is_shown_and_goes_on() -> None:
    cluster = Cluster()
    coordinator = cluster.build()
    cluster.store.fail_next("due_sagas", ZeroDivisionError("a bug"))
    async with cluster.running(coordinator):
        await until(lambda: coordinator.supervisor.faults().get("deadlines") == "ZeroDivisionError")
        await until(lambda: "deadlines" not in coordinator.supervisor.faults())


async def test_a_drain_sends_what_was_committed_and_leaves_an_empty_outbox() -> None:
    cluster = Cluster()
    coordinator = cluster.build()
    cluster.place(*"12345")
    async with cluster.running(coordinator):
        await until(lambda: cluster.behind() == 0)
    assert len(cluster.bus.records("order.commands")) == 5
    assert (await cluster.store.figures())["outbox"] == 0
    assert cluster.store.data.replicas == {}


async def test_a_changed_graph_under_an_old_version_is_not_published() -> None:
    cluster = Cluster()
    await cluster.build().heartbeat.beat()
    registry = Registry([replace(FULFIL_ORDER.compile(), hash="another")])
    other = build(Settings(), cluster.store, cluster.bus.producer(), registry, Telemetry.silent())
    with pytest.raises(ConfigurationError, match="fulfil-order"):
        await other.heartbeat.beat()


async def _never(_max_records: int, _timeout: float) -> list[object]:
    await asyncio.Event().wait()
    return []
