"""One seed: orders come, everything goes wrong, then all is healed and must come to rest; then the verdict."""

import asyncio
import gc
import hashlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from saga.observability import names
from saga.testing.store import MemoryStore
from tests.simulate import people
from tests.simulate.checks import RESTING, Court, Judge
from tests.simulate.cluster import GROUP, OWNER, SESSION, Log, Replica, task_of_owner
from tests.simulate.nemesis import Nemesis, drawn
from tests.simulate.offsets import Offsets
from tests.simulate.participants import NAMES, Participants
from tests.simulate.shapes import BODIES, REPLIES
from tests.simulate.virtual import VirtualLoop, seeded

BEGINNING = datetime(2030, 1, 1, tzinfo=UTC)
ORDERS = 300
TROUBLE = 90.0
REST_WITHIN = 6 * 3600.0
LOOK_EVERY = 400
RESUMES = 100


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a seed showed. `trace` is a hash over all that was stored and sent: one seed, one trace. `enabled` are the faults that were
    drawn, `fired` how often each happened, `met` what the coordinator noticed of them."""

    seed: int
    sagas: int
    trace: str
    enabled: frozenset[str]
    fired: Counter[str]
    met: Counter[str]
    statuses: Counter[str]
    checked: Counter[str]
    broken: tuple[tuple[str, str], ...]
    virtual_seconds: float


@dataclass
class World:
    """The parts of one simulated world."""

    nemesis: Nemesis
    bus: Log
    store: MemoryStore
    participants: Participants
    judge: Judge = field(default_factory=Judge)
    replicas: list[Replica] = field(default_factory=list)
    orders: list[tuple[str, str]] = field(default_factory=list)
    versions: dict[UUID, int] = field(default_factory=dict)
    skew: float = 0.0
    transactions: int = 0
    acts: int = 0
    accepted: list[str] = field(default_factory=list)

    @property
    def living(self) -> list[Replica]:
        """The replicas that have not crashed."""
        return [replica for replica in self.replicas if replica.alive]

    def reply_of(self, definition: str, step: str) -> dict[str, Any]:
        """What a participant answers to a do."""
        body: dict[str, Any] = orjson.loads(BODIES[REPLIES[definition, step].__name__])
        return body


def run(seed: int, orders: int = ORDERS) -> Verdict:
    """Simulate a seed to its verdict."""
    loop = VirtualLoop()
    loop.set_task_factory(task_of_owner)  # type: ignore[arg-type] - typeshed knows no options
    gc.collect()
    gc.disable()
    try:
        with seeded(seed, loop) as chance:
            return loop.run_until_complete(_simulate(seed, loop, Nemesis(chance, drawn(chance)), orders))
    finally:
        loop.run_until_complete(_end_all(loop))
        loop.close()
        gc.enable()


async def _simulate(seed: int, loop: VirtualLoop, nemesis: Nemesis, orders: int) -> Verdict:
    world = _world(loop, nemesis)
    services = [asyncio.create_task(world.participants.serve(name)) for name in NAMES]
    for _ in range(nemesis.chance.choice((1, 1, 2, 2, 3))):
        start_replica(world)
    lives = (people.place(world, orders, TROUBLE * 0.6), _trouble(world), people.act_at_random(world, TROUBLE))
    async with asyncio.TaskGroup() as group:
        for life in lives:
            group.create_task(life)
    await _heal(world)
    if not await _rest(world, loop):
        world.judge.say("I2", "it does not come to rest")
    _judge(world)
    for service in services:
        service.cancel()
    await _stop(world)
    met: Counter[str] = sum((replica.metrics.met for replica in world.replicas), Counter())
    statuses = Counter(row.status for row in world.store.data.rows.values())
    judge = world.judge
    found = tuple(judge.broken)
    sagas = len(world.store.data.events)
    return Verdict(seed, sagas, _trace(world), frozenset(nemesis.rates), nemesis.fired, met, statuses, judge.checked, found, loop.time())


def _world(loop: VirtualLoop, nemesis: Nemesis) -> World:
    bus = Log(3, loop.time, nemesis)
    store = MemoryStore(clock=lambda: BEGINNING + timedelta(0, loop.time() + world.skew, world.transactions))
    world = World(nemesis, bus, store, Participants(bus, nemesis, loop.call_later))
    bus.check = Offsets(world.judge, bus, store).check
    strike(world)
    return world


def strike(world: World) -> None:
    """From now on the nemesis may strike at every point of the database."""
    world.store.hook = lambda point: _at_point(world, point)


async def _at_point(world: World, point: str) -> None:
    owner, nemesis = OWNER.get(), world.nemesis
    if point == "begin":
        world.transactions += 1  # a microsecond each: no two begin at the same moment
    if nemesis.healed:
        return
    if owner is not None:
        await owner.awake()
        if nemesis.strikes("zombie"):
            owner.freeze(nemesis.chance.uniform(2, 3 * SESSION))
            await owner.awake()
        if nemesis.strikes("crash at a point"):
            await owner.die_here()
    if nemesis.strikes("slow database"):
        await asyncio.sleep(nemesis.chance.choice((0.0, 0.01, 0.5, 3.0)))
    nemesis.on_store(point)


def start_replica(world: World) -> None:
    """One more process of the coordinator."""
    replica = Replica(world.bus, world.store)
    world.replicas.append(replica)
    replica.start()


async def _trouble(world: World) -> None:
    """What strikes whole processes and servers, once a second; who died is started again."""
    nemesis, chance = world.nemesis, world.nemesis.chance
    replicas = len(world.replicas)
    for _ in range(int(TROUBLE)):
        await asyncio.sleep(1.0)
        await _strike_processes(world)
        if nemesis.strikes("rewind"):
            await world.bus.rewind(GROUP)
        if nemesis.strikes("failover"):
            world.store.fail_over()
        if nemesis.strikes("clock jumps"):
            world.skew = chance.uniform(-300, 300)
        if nemesis.strikes("retention"):
            name = chance.choice(NAMES)
            await world.bus.skip(name, f"{name}.commands")
        if nemesis.strikes("partitions grow"):
            topic = chance.choice([f"{name}.{kind}" for name in NAMES for kind in ("commands", "events")])
            await world.bus.grow(topic, len(world.bus.log(topic)) + 1)
        if nemesis.strikes("kafka down"):
            world.bus.down = True
            await asyncio.sleep(chance.uniform(1, 40))
            world.bus.down = False
        if nemesis.strikes("database down"):
            nemesis.database_down = True
            await asyncio.sleep(chance.uniform(1, 40))
            nemesis.database_down = False
        while len(world.living) < replicas:
            start_replica(world)


async def _strike_processes(world: World) -> None:
    nemesis = world.nemesis
    if not world.living:
        return
    replica = nemesis.chance.choice(world.living)
    if nemesis.strikes("crash"):
        replica.kill()
    elif nemesis.strikes("drain"):
        replica.stop()
    elif nemesis.strikes("expelled"):
        await replica.forget()


async def _heal(world: World) -> None:
    """No more faults; what is still on its way arrives; what people paused they resume."""
    world.nemesis.heal()
    world.bus.down = False
    world.bus.release()
    if not world.living:
        start_replica(world)
    await asyncio.sleep(60)
    for replica in world.living[1:]:  # one is enough to come to rest, and three ask the database three times
        replica.stop()
    for _ in range(RESUMES):
        if await people.resume_all(world):
            return
        await asyncio.sleep(5)
    world.judge.say("I2", "what people paused cannot be resumed")


async def _rest(world: World, loop: VirtualLoop) -> bool:
    """Whether all comes to rest: the same look twice, minutes apart."""
    until, seen = loop.time() + REST_WITHIN, -1
    data = world.store.data
    while loop.time() < until:
        await asyncio.sleep(LOOK_EVERY)
        look = sum(len(stream) for stream in data.events.values())
        if look == seen and not data.outbox and all(row.status in RESTING for row in data.rows.values()):
            return True
        seen = look
    return False


async def _stop(world: World) -> None:
    """All replicas drain; a task that is left, or that raised, is a fault of the coordinator."""
    for replica in world.living:
        replica.stop()
    for replica in world.replicas:
        async with asyncio.timeout(60):
            await replica.ended()


def _judge(world: World) -> None:
    court = Court(world.judge, world.store, world.participants)
    court.sagas(world.orders)
    court.commands()
    court.told(record.value for record in world.bus.records("saga.lifecycle"))
    court.audited(world.accepted)
    court.nothing_waits()
    for replica in world.replicas:
        for name in (names.LOOP_ERRORS.name, names.FOLD_ERRORS.name):
            if replica.metrics.met[name]:
                world.judge.say("I19", f"a replica met what it does not know: {name}")


def _trace(world: World) -> str:
    digest = hashlib.sha256()
    for saga_id, stream in sorted(world.store.data.events.items()):
        digest.update(saga_id.bytes)
        for body in stream:
            digest.update(body)
    for name in NAMES:
        for record in world.bus.records(f"{name}.commands"):
            digest.update(record.value or b"")
    return digest.hexdigest()


async def _end_all(loop: VirtualLoop) -> None:
    tasks = [task for task in asyncio.all_tasks(loop) if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
