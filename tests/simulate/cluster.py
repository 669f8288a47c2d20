"""Replicas of the coordinator that start, drain, crash without a word, and turn into zombies."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

from saga.bootstrap import Coordinator, build
from saga.config import Settings
from saga.definition.registry import Registry
from saga.observability.telemetry import Telemetry
from saga.ports.messaging import Revoked
from saga.runtime.supervisor import Pace
from saga.testing.bus import MemoryBus, MemoryConsumer
from saga.testing.store import MemoryStore
from tests.unit.shop import FULFIL_ORDER

PACE = Pace(
    batch_records=50,
    tick_every=1.0,
    ticks_per_round=50,
    relay_every=3.0,
    unsent_records=200,
    stuck_after=30.0,
    drain_timeout=8.0,
    held_every=3.0,
    poll_for=10.0,
)
SETTINGS = Settings(claim_for=10.0, claim_backoff=15.0, heartbeat_every=5.0)
SESSION = 10.0
OWNER: ContextVar["Replica | None"] = ContextVar("OWNER", default=None)


def task_of_owner(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **options: Any) -> "asyncio.Task[Any]":
    """A task that belongs to the replica in whose context it is made, so that a crash can end all of them."""
    task = asyncio.Task(coroutine, loop=loop, **options)
    if (owner := OWNER.get()) is not None:
        owner.tasks.append(task)
    return task


class Replica:
    """One process of the coordinator."""

    def __init__(self, bus: MemoryBus, store: MemoryStore) -> None:
        registry = Registry([FULFIL_ORDER.compile()])
        self.coordinator: Coordinator = build(SETTINGS, store, bus.producer(), registry, Telemetry.silent())
        self.tasks: list[asyncio.Task[Any]] = []
        self.alive = True
        self._bus = bus
        self._consumers: list[MemoryConsumer] = []

    def start(self) -> None:
        """Run until drained or crashed."""
        before = OWNER.set(self)
        try:
            asyncio.get_running_loop().create_task(self.coordinator.supervisor.run(self._consumer, PACE))
        finally:
            OWNER.reset(before)

    async def drain(self) -> None:
        """SIGTERM: end in order."""
        self.alive = False
        self.coordinator.supervisor.stop()
        await self.tasks[0]

    async def crash(self) -> None:
        """SIGKILL: every task ends where it stands; the group learns of it when the session has run out."""
        self.alive = False
        for consumer in self._consumers:
            consumer.stop = _nothing  # type: ignore[method-assign] - the dead do not leave their group
        for task in self.tasks:
            task.cancel()
        for task in self.tasks:
            with suppress(asyncio.CancelledError, Exception):
                await task
        asyncio.get_running_loop().call_later(SESSION, self._expelled)

    async def forget(self) -> None:
        """The group takes this member for dead although it lives."""
        for consumer in self._consumers[-1:]:
            await self._bus.expel(consumer)

    def _expelled(self) -> None:
        for consumer in self._consumers:
            asyncio.get_running_loop().create_task(self._bus.expel(consumer))

    def _consumer(self, topics: frozenset[str], revoked: Revoked) -> MemoryConsumer:
        self._consumers.append(self._bus.consumer("saga-coordinator", topics, revoked))
        return self._consumers[-1]


async def _nothing() -> None:
    pass
