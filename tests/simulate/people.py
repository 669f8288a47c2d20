"""What people do in a simulated world: orders, some twice; any act on any saga at any time; answers by hand that are true."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import TYPE_CHECKING

from saga.core.project import SagaRow
from saga.errors import SagaError
from saga.ports.messaging import OutboundRecord
from saga.runtime.operations import ActRequest, DefinitionAct, HandAnswer
from tests.simulate.participants import Effect, Of
from tests.simulate.shapes import DEFINITIONS, TENANTS

if TYPE_CHECKING:
    from tests.simulate.world import World

WHOLE = ("cancel", "pause", "resume")
ON_STEPS = ("retry", "skip", "doubt", "fence", "answer")
EVERY = 0.5
TO_THE_LIVING = 0.9


async def place(world: "World", orders: int, span: float) -> None:
    """Orders in bursts, so that batches are as big as under load; some twice, the second time later."""
    chance = world.nemesis.chance
    burst = chance.choice((10, 25, 50))
    for number in range(orders):
        if number % burst == 0:
            await asyncio.sleep(chance.uniform(0, 2 * span * burst / orders))
        tenant, order = TENANTS[number % len(TENANTS)], f"order-{number // len(TENANTS)}"
        record = _placed(order, tenant, gift=chance.random() < 0.5)
        world.orders.append((tenant, order))
        world.bus.store(record)
        if world.nemesis.strikes("start again"):
            asyncio.get_running_loop().call_later(chance.uniform(0, 60), world.bus.store, record)


def _placed(order: str, tenant: str, *, gift: bool) -> OutboundRecord:
    headers = (
        ("ce_specversion", b"1.0"),
        ("ce_id", f"placed-{tenant}-{order}".encode()),
        ("ce_type", b"com.example.order.OrderPlaced.v1"),
        ("ce_source", b"/order"),
        ("ce_tenant", tenant.encode()),
        ("content-type", b"application/json"),
    )
    body = b'{"order_id":"%s","lines":2,"gift":%s}' % (order.encode(), b"true" if gift else b"false")
    return OutboundRecord("order.events", order.encode(), body, headers)


async def act_at_random(world: "World", until: float) -> None:
    """Operators, until that time."""
    chance, loop = world.nemesis.chance, asyncio.get_running_loop()
    while loop.time() < until:
        await asyncio.sleep(chance.uniform(0, 2 * EVERY))
        for verb in (*WHOLE, *ON_STEPS):
            if world.store.data.rows and world.nemesis.strikes(verb):
                await act(world, verb, _some_saga(world))
        if world.nemesis.strikes("definition paused"):
            of = chance.choice(TENANTS), chance.choice(list(DEFINITIONS))
            await on_definition(world, "pause_definition", *of)
            await asyncio.sleep(chance.uniform(0, 20))
            await on_definition(world, "resume_definition", *of)


def _some_saga(world: "World") -> SagaRow:
    """Mostly one that has not ended: of a world's sagas few are alive at a time, and an act on any other is refused."""
    rows = list(world.store.data.rows.values())
    living = [row for row in rows if not row.ended] if world.nemesis.chance.random() < TO_THE_LIVING else []
    return world.nemesis.chance.choice(living or rows)


async def act(world: "World", verb: str, row: SagaRow) -> None:
    """One act on one saga, at any living replica; whoever looks at a row sees no older one than before (I14)."""
    if world.versions.get(row.saga_id, 0) > row.version:
        world.judge.say("I14", f"{row.saga_id} was at version {world.versions[row.saga_id]}, now at {row.version}")
    world.versions[row.saga_id] = row.version
    world.judge.held(("I14",))
    world.acts += 1
    chance = world.nemesis.chance
    step = "" if verb in WHOLE else chance.choice(list(row.parked_steps or DEFINITIONS[row.definition].steps))
    answer = None
    if verb == "answer" and (answer := _truth(world, row, step)) is None:
        return
    request = ActRequest(row.saga_id, "ada", "because", f"act-{world.acts}", step, answer=answer)
    if world.living and await _perhaps(getattr(chance.choice(world.living).coordinator.desk, verb)(row.tenant, request)):
        world.accepted.append(request.input_id)


def _truth(world: "World", row: SagaRow, step: str) -> HandAnswer | None:
    """A person looks into the participant's books, and says what stands there."""
    effects = world.participants.ledger.get(Of(row.tenant, row.definition, row.key), ())
    if Effect(step, "undo") in effects:
        return HandAnswer("the ledger", undo=True)
    return HandAnswer("the ledger", reply=world.reply_of(row.definition, step)) if Effect(step, "do") in effects else None


async def on_definition(world: "World", verb: str, tenant: str, definition: str) -> None:
    """Pause or resume all sagas of a definition."""
    world.acts += 1
    if world.living:
        desk = world.nemesis.chance.choice(world.living).coordinator.desk
        await _perhaps(getattr(desk, verb)(tenant, DefinitionAct(definition, "ada", "because", f"act-{world.acts}")))


async def resume_all(world: "World") -> bool:
    """What people paused they resume; whether nothing is paused any more."""
    for tenant, definition in list(world.store.data.paused):
        await on_definition(world, "resume_definition", tenant, definition)
    for row in _paused(world):
        await act(world, "resume", row)
    return not world.store.data.paused and not _paused(world)


def _paused(world: "World") -> list[SagaRow]:
    return [row for row in world.store.data.rows.values() if row.status == "paused"]


async def _perhaps(call: Awaitable[object]) -> bool:
    with suppress(SagaError, LookupError):
        await call
        return True
    return False
