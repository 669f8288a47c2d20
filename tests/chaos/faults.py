"""The nemesis: each fault is a plug-in that strikes, waits, and leaves the cluster whole; it says how often it has really happened.

A strike returns 0 when there was nothing to hit; such a fault has not fired (I21).
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from signal import SIGCONT, SIGSTOP

from tests.chaos.cluster import COMMANDS, COORDINATORS, EVENTS, PARTITIONS, SERVICES, Cluster
from tests.chaos.observer import Observer


@dataclass(frozen=True)
class Struck:
    """What a fault may touch."""

    cluster: Cluster
    observer: Observer
    chance: random.Random


Strike = Callable[[Struck], Awaitable[int]]
FAULTS: dict[str, tuple[Strike, int]] = {}
"""By name: the strike, and its weight in the plan."""


def fault(name: str, weight: int) -> Callable[[Strike], Strike]:
    """Register a plug-in."""

    def register(strike: Strike) -> Strike:
        FAULTS[name] = (strike, weight)
        return strike

    return register


@fault("kill", 30)
async def kill(struck: Struck) -> int:
    """SIGKILL a coordinator; it comes back soon, or only when its session is over."""
    return await _kill_one(struck, COORDINATORS)


@fault("service", 6)
async def service(struck: Struck) -> int:
    """SIGKILL one instance of a service."""
    return await _kill_one(struck, SERVICES)


@fault("pause", 10)
async def pause(struck: Struck) -> int:
    """SIGSTOP a coordinator or a service, for less or for more than its session (hazard K4)."""
    name = struck.chance.choice((*COORDINATORS, *COORDINATORS, *SERVICES))
    if not struck.cluster.signal(name, SIGSTOP):
        return 0
    await asyncio.sleep(struck.chance.choice((1.0, 3.0, 9.0)))
    return int(struck.cluster.signal(name, SIGCONT))


@fault("broker", 5)
async def broker(struck: Struck) -> int:
    """SIGKILL the broker that leads a topic, and start it again once others lead."""
    brokers = struck.cluster.brokers
    number = await brokers.leader_of(struck.chance.choice((*COMMANDS, *EVENTS)))
    await brokers.kill(number)
    await asyncio.sleep(struck.chance.uniform(0, 6))
    await brokers.revive(number)
    await brokers.in_sync()
    return 1


@fault("postgres", 10)
async def postgres(struck: Struck) -> int:
    """SIGKILL the primary, and start it again over its data."""
    pair = struck.cluster.pair
    await pair.kill()
    await asyncio.sleep(struck.chance.uniform(0, 3))
    await pair.restart()
    await pair.in_sync()
    return 1


@fault("promote", 1)
async def promote(struck: Struck) -> int:
    """The primary's machine dies: connections to it are refused, or nobody answers at all. The standby is promoted, a new one is built.

    Half of the times the coordinators are restarted with a raised epoch, as the manual says; half of the times that is forgotten, which
    with a synchronous standby must do no harm.
    """
    cluster, dead = struck.cluster, struck.cluster.pair.primary
    silent = struck.chance.random() < 0.5
    links = [link for (_, number), link in cluster.links.items() if number == dead]
    await cluster.pair.kill()
    for link in links if silent else ():
        link.silence()
        link.reset()
    await cluster.pair.promote()
    await cluster.pair.rebuild()
    await asyncio.sleep(8.0 if silent else 1.0)
    for link in links:
        link.speak()
    if struck.chance.random() < 0.5:
        await cluster.raise_epoch()
    return 1


@fault("partition", 2)
async def partition(struck: Struck) -> int:
    """Nothing passes between a coordinator and Kafka, Postgres, or both, for a while."""
    links = struck.cluster.links_of(struck.chance.choice(COORDINATORS), struck.chance.choice(("kafka", "postgres", "both")))
    before = sum(link.touched for link in links)
    for link in links:
        link.silence()
    await asyncio.sleep(struck.chance.choice((3.0, 8.0, 15.0)))
    held = sum(link.touched for link in links) - before
    for link in links:
        link.speak()
        if struck.chance.random() < 0.5:
            link.reset()
    return int(held > 0)


@fault("delay", 2)
async def delay(struck: Struck) -> int:
    """Whatever passes to and from one client is late."""
    links = struck.cluster.links_of(struck.chance.choice((*COORDINATORS, "services")))
    before, late = sum(link.touched for link in links), struck.chance.uniform(0.05, 0.5)
    for link in links:
        link.delay = late
    await asyncio.sleep(struck.chance.uniform(3, 8))
    for link in links:
        link.delay = 0.0
    return int(sum(link.touched for link in links) > before)


@fault("reset", 4)
async def reset(struck: Struck) -> int:
    """Every connection of one client is reset, a few times."""
    links = struck.cluster.links_of(struck.chance.choice((*COORDINATORS, "services")), struck.chance.choice(("kafka", "postgres", "both")))
    cut = 0
    for _ in range(struck.chance.randint(1, 5)):
        cut += sum(link.reset() for link in links)
        await asyncio.sleep(struck.chance.uniform(0.05, 1))
    return int(cut > 0)


@fault("topic", 1)
async def topic(struck: Struck) -> int:
    """A topic of commands or replies is deleted and made again (hazard K8). Not the one of order events: a start that nobody has read
    yet is lost with it, which is not promised (design section 9)."""
    name = struck.chance.choice((*COMMANDS, *(one for one in EVENTS if not one.startswith("order."))))
    await struck.cluster.brokers.delete(name)
    await asyncio.sleep(struck.chance.uniform(0, 2))
    await struck.cluster.brokers.create({name: PARTITIONS})
    struck.observer.forget(name)
    return 1


@fault("grow", 1)
async def grow(struck: Struck) -> int:
    """A topic gets one more partition (hazard K9)."""
    await struck.cluster.brokers.grow(struck.chance.choice((*COMMANDS, *EVENTS)), 1)
    return 1


async def _kill_one(struck: Struck, names: tuple[str, ...]) -> int:
    name = struck.chance.choice(names)
    if not struck.cluster.children[name].alive:
        return 0
    await struck.cluster.kill(name)
    await asyncio.sleep(struck.chance.choice((0.1, 1.0, 1.0, 8.0)))
    await struck.cluster.revive(name)
    return 1
