"""A replica of a World that reads what a test has written down, and how fast its loops turn there."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from saga.bootstrap import Coordinator
from saga.errors import Unavailable
from saga.observability.telemetry import Telemetry
from saga.ports.messaging import Revoked, TopicPartition
from saga.runtime.supervisor import Pace
from tests.flow.fake_consumer import ScriptedConsumer
from tests.flow.world import World

PACE = Pace(
    batch_records=10,
    tick_every=0.02,
    relay_every=0.02,
    unsent_records=100,
    stuck_after=5.0,
    drain_timeout=2.0,
    held_every=0.05,
    poll_for=0.05,
)
PLACE = TopicPartition("order.events", 0)


async def until(true: Callable[[], bool], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - the condition is somebody else's state
            await asyncio.sleep(0.005)


@dataclass
class Replica:
    """A replica of a World that reads from scripted consumers, one after another."""

    world: World = field(default_factory=World)
    consumers: Sequence[ScriptedConsumer] = ()
    made: int = 0

    def __post_init__(self) -> None:
        self.coordinator: Coordinator = self.world.replica()

    def faults(self) -> dict[str, str]:
        return dict(self.coordinator.supervisor.faults())

    def make(self, _topics: frozenset[str], revoked: Revoked) -> ScriptedConsumer:
        consumer = self.consumers[min(self.made, len(self.consumers) - 1)]
        consumer.revoked = revoked
        self.made += 1
        return consumer

    @asynccontextmanager
    async def running(self, pace: Pace = PACE) -> AsyncIterator[None]:
        task = asyncio.create_task(self.coordinator.supervisor.run(self.make, pace))
        try:
            yield
        finally:
            self.coordinator.supervisor.stop()
            async with asyncio.timeout(pace.drain_timeout + 1):
                await task

    def counted(self, line: str) -> bool:
        return line in self.coordinator.telemetry.metrics.page()[0].decode()


def loud() -> World:
    """A world whose log goes to stderr."""
    return World(telemetry=replace(Telemetry.silent(), quiet=False))


def away() -> Unavailable:
    return Unavailable("postgres", "it is away")
