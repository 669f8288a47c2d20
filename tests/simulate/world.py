"""One seed: orders come, everything goes wrong, then all is healed and must come to rest; then the verdict."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from saga.errors import SagaError
from saga.ports.messaging import OutboundRecord
from saga.runtime.operations import ActRequest, DefinitionAct
from saga.testing.bus import MemoryBus
from saga.testing.store import MemoryStore
from tests.simulate.checks import RESTING, violations
from tests.simulate.cluster import Replica, task_of_owner
from tests.simulate.nemesis import Nemesis, drawn
from tests.simulate.participants import NAMES, Participants
from tests.simulate.virtual import VirtualLoop, seeded

BEGINNING = datetime(2030, 1, 1, tzinfo=UTC)
ORDERS = 150
TROUBLE = 150.0
REST_WITHIN = 6 * 3600.0
STEPS = ("accept_order", "authorize_payment", "reserve_stock", "capture_payment", "ship", "confirm_order")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a seed showed. `trace` is a hash over all that was stored and sent: one seed, one trace."""

    seed: int
    sagas: int
    trace: str
    fired: Counter[str]
    statuses: Counter[str]
    violations: tuple[str, ...]
    virtual_seconds: float


@dataclass
class World:
    """The parts of one simulated world."""

    nemesis: Nemesis
    bus: MemoryBus
    store: MemoryStore
    participants: Participants
    replicas: list[Replica] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)
    acts: int = 0

    @property
    def living(self) -> list[Replica]:
        """The replicas that have not crashed."""
        return [replica for replica in self.replicas if replica.alive]


def run(seed: int, orders: int = ORDERS) -> Verdict:
    """Simulate a seed to its verdict."""
    loop = VirtualLoop()
    loop.set_task_factory(task_of_owner)  # type: ignore[arg-type] - typeshed knows no options
    try:
        with seeded(seed, loop) as chance:
            return loop.run_until_complete(_simulate(seed, loop, Nemesis(chance, drawn(chance)), orders))
    finally:
        loop.run_until_complete(_end_all(loop))
        loop.close()


async def _simulate(seed: int, loop: VirtualLoop, nemesis: Nemesis, orders: int) -> Verdict:
    bus = MemoryBus(partitions=3, clock=loop.time)
    store = MemoryStore(clock=lambda: BEGINNING + timedelta(seconds=loop.time()))
    world = World(nemesis, bus, store, Participants(bus, nemesis, loop.call_later))
    bus.fault = nemesis.on_send
    store.hook = lambda point: _at_point(world, point)
    services = [asyncio.create_task(world.participants.serve(name)) for name in NAMES]
    for _ in range(nemesis.chance.choice((1, 2, 2, 3))):
        _replica(world)
    troubles = [asyncio.create_task(one) for one in (_place(world, orders), _faults(world), _people(world))]
    await asyncio.wait(troubles)
    for trouble in troubles:
        trouble.result()
    await _heal(world)
    rested = await _rest(world, loop)
    found = [*([] if rested else ["I2 it does not come to rest"]), *violations(store, world.participants, world.orders)]
    for service in services:
        service.cancel()
    statuses = Counter(row.status for row in store.data.rows.values())
    return Verdict(seed, len(world.orders), _trace(world), nemesis.fired, statuses, tuple(found), loop.time())


async def _at_point(world: World, point: str) -> None:
    if world.nemesis.strikes("slow database"):
        await asyncio.sleep(world.nemesis.chance.choice((0.0, 0.01, 0.5, 3.0)))
    world.nemesis.on_store(point)


def _replica(world: World) -> None:
    replica = Replica(world.bus, world.store)
    world.replicas.append(replica)
    replica.start()


async def _place(world: World, orders: int) -> None:
    """Orders over the first minute, some twice."""
    for number in range(orders):
        await asyncio.sleep(world.nemesis.chance.uniform(0, 2 * 60 / orders))
        order = f"order-{number}"
        world.orders.append(order)
        for _ in range(2 if world.nemesis.strikes("start again") else 1):
            world.bus.store(_placed(order))


def _placed(order: str) -> OutboundRecord:
    said = {
        "ce_specversion": "1.0",
        "ce_id": f"placed-{order}",
        "ce_type": "com.example.order.OrderPlaced.v1",
        "ce_source": "/order",
        "content-type": "application/json",
    }
    headers = tuple((name, value.encode()) for name, value in said.items())
    return OutboundRecord("order.events", order.encode(), orjson.dumps({"order_id": order, "lines": 2}), headers)


async def _faults(world: World) -> None:
    """What strikes whole processes and servers, once a second."""
    nemesis = world.nemesis
    for _ in range(int(TROUBLE)):
        await asyncio.sleep(1.0)
        if nemesis.strikes("crash"):
            await nemesis.chance.choice(world.living).crash()
            _replica(world)
        if nemesis.strikes("zombie"):
            await nemesis.chance.choice(world.living).forget()
        if nemesis.strikes("rewind"):
            await world.bus.rewind("saga-coordinator")
        if nemesis.strikes("failover"):
            world.store.fail_over()
        if nemesis.strikes("partitions grow"):
            topic = nemesis.chance.choice([f"{name}.{kind}" for name in NAMES for kind in ("commands", "events")])
            await world.bus.grow(topic, len(world.bus.log(topic)) + 1)
        if nemesis.strikes("kafka down"):
            world.bus.down = True
            await asyncio.sleep(nemesis.chance.uniform(1, 40))
            world.bus.down = False
        if nemesis.strikes("database down"):
            rate = dict(nemesis.rates)
            nemesis.rates = {**rate, "database gone": 1.0}
            await asyncio.sleep(nemesis.chance.uniform(1, 40))
            nemesis.rates = rate


async def _people(world: World) -> None:
    """Operators, who act on any saga at any time."""
    chance = world.nemesis.chance
    while asyncio.get_running_loop().time() < TROUBLE:
        await asyncio.sleep(chance.uniform(0, 2))
        sagas = sorted(world.store.data.rows)
        for verb in ("cancel", "pause", "retry", "skip", "doubt", "fence"):
            if sagas and world.nemesis.strikes(verb):
                await _act(world, verb, chance.choice(sagas))
        if world.nemesis.strikes("definition paused"):
            await _definition(world, "pause_definition")
            await asyncio.sleep(chance.uniform(0, 20))
            await _definition(world, "resume_definition")


async def _act(world: World, verb: str, saga_id: Any) -> None:
    world.acts += 1
    step = world.nemesis.chance.choice(STEPS) if verb not in ("cancel", "pause", "resume") else ""
    act = ActRequest(saga_id, "ada", "because", f"act-{world.acts}", step)
    desk = world.nemesis.chance.choice(world.living).coordinator.desk
    await _perhaps(getattr(desk, verb)("default", act))


async def _definition(world: World, verb: str) -> None:
    world.acts += 1
    desk = world.nemesis.chance.choice(world.living).coordinator.desk
    await _perhaps(getattr(desk, verb)("default", DefinitionAct("fulfil-order", "ada", "because", f"act-{world.acts}")))


async def _perhaps(call: Awaitable[object]) -> bool:
    with suppress(SagaError, LookupError):
        await call
        return True
    return False


async def _heal(world: World) -> None:
    """No more faults; what is still on its way arrives; what people paused they resume."""
    world.nemesis.heal()
    world.bus.down = False
    world.bus.release()
    await asyncio.sleep(60)
    while not await _resumed(world):
        await asyncio.sleep(5)


async def _resumed(world: World) -> bool:
    await _definition(world, "resume_definition")
    for row in list(world.store.data.rows.values()):
        if row.status == "paused":
            await _act(world, "resume", row.saga_id)
    return not world.store.data.paused and all(row.status != "paused" for row in world.store.data.rows.values())


async def _rest(world: World, loop: VirtualLoop) -> bool:
    """Whether all comes to rest: the same look twice, minutes apart."""
    until, seen = loop.time() + REST_WITHIN, b""
    while loop.time() < until:
        await asyncio.sleep(400)
        rows = world.store.data.rows.values()
        look = orjson.dumps([len(stream) for stream in world.store.data.events.values()])
        if look == seen and not world.store.data.outbox and len(rows) >= len(world.orders) and all(row.status in RESTING for row in rows):
            return True
        seen = look
    return False


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
