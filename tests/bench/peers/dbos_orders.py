"""The same orders on DBOS: a workflow of four steps, each recorded, as many under way as asked, or so many a second once the first `warm`
have ended. Runs in the peers' own environment.

    python dbos_orders.py '{"dsn": "postgresql://...", "orders": 2000, "in_flight": 200, "rate": 0, "warm": 0}'

Its steps are local functions that answer at once: the best case for DBOS, for nothing crosses a network but its own checkpoints. What it
says on stdout are JSON lines, as the world of the coordinator's bench does.
"""

import asyncio
import json
import sys
from collections import Counter
from time import monotonic, time

from dbos import DBOS

SAY_EVERY = 0.5
effects: Counter[str] = Counter()
latencies: list[float] = []
ended = 0


@DBOS.step()
async def accept(order_id: str, customer: str) -> str:
    effects["accept"] += 1
    return f"a-{order_id}-{customer}"


@DBOS.step()
async def charge(order_ref: str, amount_minor: int) -> str:
    effects["charge"] += 1
    return f"p-{order_ref}-{amount_minor}"


@DBOS.step()
async def reserve(order_id: str, wants: str) -> str:
    effects["reserve"] += 1
    return f"r-{order_id}-{wants}"


@DBOS.step()
async def ship(order_id: str, reservation_id: str) -> str:
    effects["ship"] += 1
    return f"s-{order_id}-{reservation_id}"


@DBOS.workflow()
async def order(order_id: str, customer: str, wants: str, amount_minor: int) -> str:
    await charge(await accept(order_id, customer), amount_minor)
    return await ship(order_id, await reserve(order_id, wants))


async def one(number: int) -> None:
    """One order, from its start to its outcome."""
    global ended
    begun = monotonic()
    handle = await DBOS.start_workflow_async(order, f"o-{number}", f"c-{number % 9973}", "a teapot", 1000 + number % 997)
    await handle.get_result()
    ended += 1
    latencies.append(round(monotonic() - begun, 5))


async def so_many_at_once(numbers: range, in_flight: int) -> None:
    """A closed loop."""
    room = asyncio.Semaphore(in_flight)

    async def in_turn(number: int) -> None:
        async with room:
            await one(number)

    async with asyncio.TaskGroup() as group:
        for number in numbers:
            group.create_task(in_turn(number))


async def so_many_a_second(numbers: range, rate: float) -> None:
    """An open loop: an order comes whether or not those before it have ended."""
    begun = monotonic()
    async with asyncio.TaskGroup() as group:
        for place, number in enumerate(numbers):
            await asyncio.sleep(begun + place / rate - monotonic())
            group.create_task(one(number))


async def tell() -> None:
    """How far it is, twice a second."""
    while True:
        await asyncio.sleep(SAY_EVERY)
        say()


def say(**more: object) -> None:
    """One line."""
    told = list(latencies)
    latencies.clear()
    print(json.dumps({"at": time(), "ended": ended, "effects": effects, "latencies": told, **more}), flush=True)


async def main() -> None:
    """All orders."""
    asked = json.loads(sys.argv[1])
    DBOS(config={"name": "bench", "system_database_url": asked["dsn"], "run_admin_server": False, "log_level": "WARNING"})
    DBOS.launch()
    telling, alone = asyncio.create_task(tell()), asked["warm"] if asked["rate"] else asked["orders"]
    await so_many_at_once(range(alone), asked["in_flight"])
    if asked["rate"]:
        await so_many_a_second(range(alone, asked["orders"]), asked["rate"])
    telling.cancel()
    say(over=True)
    DBOS.destroy()


if __name__ == "__main__":
    asyncio.run(main())
