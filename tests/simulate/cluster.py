"""Replicas of the coordinator that start, drain, crash at any await without a word, and turn into zombies; the clients that they hold."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, Protocol

from opentelemetry.sdk.resources import Resource

from saga.bootstrap import Coordinator, build
from saga.config import Settings
from saga.definition.registry import Registry
from saga.observability import names
from saga.observability.metrics import Metrics
from saga.observability.names import Metric
from saga.observability.telemetry import Telemetry
from saga.observability.tracing import Tracing
from saga.ports.messaging import InboundRecord, OutboundRecord, Revoked, TopicPartition
from saga.runtime.supervisor import Pace
from saga.testing.bus import MemoryBus, MemoryConsumer, MemoryProducer
from saga.testing.store import MemoryStore
from tests.simulate.nemesis import Nemesis
from tests.simulate.shapes import DEFINITIONS

GROUP = "saga-coordinator"
PACE = Pace(
    batch_records=500,
    tick_every=5.0,
    relay_every=5.0,
    unsent_records=1000,
    stuck_after=30.0,
    drain_timeout=8.0,
    held_every=5.0,
    poll_for=10.0,
)
SETTINGS = Settings(claim_for=10.0, claim_backoff=15.0, heartbeat_every=5.0)
SESSION = 10.0
OWNER: ContextVar["Replica | None"] = ContextVar("OWNER", default=None)
Check = Callable[[Mapping[TopicPartition, int], Mapping[TopicPartition, int]], None]
COUNTED = (names.CONFLICTS, names.UNKNOWN_COMMITS, names.POINTERS_CLAIMED, names.FOLD_ERRORS, names.LOOP_ERRORS, names.WATCHDOG_RESTARTS)


def task_of_owner(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **options: Any) -> "asyncio.Task[Any]":
    """A task that belongs to the replica in whose context it is made, so that a crash can end all of them."""
    task = asyncio.Task(coroutine, loop=loop, **options)
    if (owner := OWNER.get()) is not None:
        owner.tasks.append(task)
    return task


class Quiet(Metrics):
    """No metrics but a few that say what the coordinator met: nobody looks at the others, and they cost a tenth of the time."""

    def __init__(self) -> None:
        self.met: Counter[str] = Counter()

    def count(self, metric: Metric, by: float = 1, **labels: str) -> None:
        """Keep what the report tells."""
        if metric in COUNTED:
            self.met[metric.name] += int(by)

    def observe(self, metric: Metric, value: float, **labels: str) -> None:
        """Nobody looks."""

    def set(self, metric: Metric, value: float, **labels: str) -> None:
        """Nobody looks."""

    def set_each(self, metric: Metric, label: str, values: Mapping[str, float]) -> None:
        """Nobody looks."""

    def stop(self) -> None:
        """Nothing to flush."""


class Log(MemoryBus):
    """The log, with consumers that a nemesis may strike and whose every commit of offsets is checked."""

    def __init__(self, partitions: int, clock: Callable[[], float], nemesis: Nemesis) -> None:
        super().__init__(partitions, clock=clock)
        self.nemesis = nemesis
        self.fault = nemesis.on_send
        self.check: Check = lambda _before, _offsets: None

    def member(self, group: str, topics: Collection[str], on_revoked: Revoked | None, owner: "Process") -> "Member":
        """A consumer of a replica."""
        return Member(self, self._group(group), (topics, on_revoked), owner)

    async def skip(self, group: str, topic: str) -> None:
        """Retention: what the group has not read of the topic is gone."""
        for partition, records in enumerate(self.log(topic)):
            self._group(group).committed[TopicPartition(topic, partition)] = len(records)
        await self._group(group).rebalance()

    async def rebalance(self, group: str) -> None:
        """Somebody joined and left: all is assigned anew."""
        await self._group(group).rebalance()


class Process(Protocol):
    """What holds a consumer: it may be stopped, and it may die."""

    alive: bool
    draining: bool

    async def awake(self) -> None:
        """Return when it is not stopped."""

    async def die_here(self) -> None:
        """Never return."""


class Member(MemoryConsumer):
    """The consumer of one replica: it stands still when its process does, and may die before it commits."""

    def __init__(self, log: Log, group: Any, read: tuple[Collection[str], Revoked | None], owner: Process) -> None:
        super().__init__(log, group, *read)
        self._log = log
        self._owner = owner

    async def poll(self, max_records: int, timeout: float) -> list[InboundRecord]:
        """As any consumer."""
        await self._owner.awake()
        return await super().poll(max_records, timeout)

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Check that what is said to be handled is; then commit."""
        await self._owner.awake()
        self._log.check(self.group.committed, offsets)
        if self._log.nemesis.strikes("crash before offsets"):
            await self._owner.die_here()
        if self._log.nemesis.strikes("rebalance"):
            await self._log.rebalance(GROUP)
        await super().commit(offsets)

    async def stop(self) -> None:
        """The dead do not leave their group."""
        if self._owner.alive or self._owner.draining:
            await super().stop()


class Sender(MemoryProducer):
    """The producer of one replica: wedged for a while by a sequence error, or its process dies between the send and its answer."""

    def __init__(self, log: Log) -> None:
        super().__init__(log)
        self._log = log
        self._wedged_until = 0.0

    async def send(self, records: Sequence[OutboundRecord]) -> list[bool]:
        """As any producer; nothing is acknowledged while it is wedged (hazard K6)."""
        owner, nemesis = OWNER.get(), self._log.nemesis
        if owner is not None:
            await owner.awake()
        if nemesis.strikes("producer wedged"):
            self._wedged_until = self._log.clock() + nemesis.chance.uniform(1, 20)
        if not nemesis.healed and self._log.clock() < self._wedged_until:
            return [False] * len(records)
        acknowledged = await super().send(records)
        if owner is not None and nemesis.strikes("crash after sending"):
            await owner.die_here()
        return acknowledged


class Replica:
    """One process of the coordinator."""

    def __init__(self, log: Log, store: MemoryStore) -> None:
        self.metrics = Quiet()
        telemetry = Telemetry(self.metrics, Tracing(Resource.get_empty(), 0.0), quiet=True)
        self.coordinator: Coordinator = build(SETTINGS, store, Sender(log), Registry(DEFINITIONS.values()), telemetry)
        self.tasks: list[asyncio.Task[Any]] = []
        self.alive = True
        self.draining = False
        self.frozen_until = 0.0
        self._log = log
        self._consumers: list[Member] = []

    def start(self) -> None:
        """Run until drained or crashed."""
        before = OWNER.set(self)
        try:
            asyncio.get_running_loop().create_task(self.coordinator.supervisor.run(self._consumer, PACE))
        finally:
            OWNER.reset(before)

    async def awake(self) -> None:
        """Return when the process is not stopped (SIGSTOP): it then goes on with all that it knew."""
        if self.frozen_until > self._log.clock() and not self._log.nemesis.healed:
            await asyncio.sleep(self.frozen_until - self._log.clock())
            await self.awake()

    def freeze(self, seconds: float) -> None:
        """Stop the process; if for longer than its session, the group expels it meanwhile."""
        self.frozen_until = self._log.clock() + seconds
        if seconds > SESSION:
            self._later(SESSION, self._expelled)

    def stop(self) -> None:
        """SIGTERM: end in order."""
        self.alive, self.draining = False, True
        self.coordinator.supervisor.stop()

    def kill(self) -> None:
        """SIGKILL: every task ends where it stands; the group learns of it when the session has run out."""
        self.alive = self.draining = False
        for task in self.tasks:
            task.cancel()
        self._later(SESSION, self._expelled)

    async def die_here(self) -> None:
        """SIGKILL at this very await, which never returns."""
        self.kill()
        await asyncio.Event().wait()

    async def forget(self) -> None:
        """The group takes this member for dead although it lives."""
        for consumer in self._consumers[-1:]:
            await self._log.expel(consumer)

    def bury(self) -> None:
        """Forget what has ended."""
        self.tasks = [task for task in self.tasks if not task.done()]

    async def ended(self) -> None:
        """Return when every task has; a task that raised is a fault of the coordinator."""
        for task in list(self.tasks):
            with suppress(asyncio.CancelledError):
                await task

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later(seconds, call)

    def _expelled(self) -> None:
        for consumer in self._consumers:
            asyncio.get_running_loop().create_task(self._log.expel(consumer))

    def _consumer(self, topics: frozenset[str], revoked: Revoked) -> Member:
        self._consumers.append(self._log.member(GROUP, topics, revoked, self))
        return self._consumers[-1]
