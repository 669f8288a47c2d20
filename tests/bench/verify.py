"""What must be true of a run before its figures count: every order ended as it should, each effect happened once, nothing is left over."""

import asyncio
from collections import Counter

import asyncpg

from saga.core import events as e
from saga.core.upcast import decode
from tests.bench.stage import Stage
from tests.bench.world import REPLIES, UNDOS

LEFT_WITHIN = 15.0
SAMPLE = 50
HAPPY = (e.SagaStarted, *(e.StepIssued, e.StepSucceeded) * 4, e.SagaCompleted)
FAILING = (
    *(e.SagaStarted, *(e.StepIssued, e.StepSucceeded) * 2, e.StepIssued, e.StepRefused, e.TurnedBack),
    *((e.UndoIssued, e.UndoSucceeded) * 2),
    e.SagaCompensated,
)
_LEFT = "select (select count(*) from saga.outbox), (select count(*) from saga.held_record), (select count(*) from saga.dead_letter)"


async def faults_of(stage: Stage) -> list[str]:
    """What is wrong with a run that is over; empty if nothing is."""
    wanted, faults = stage.wanted, list[str]()
    end = "compensated" if wanted.failing else "completed"
    if stage.said["ends"] != {end: wanted.orders}:
        faults.append(f"of {wanted.orders} orders the customers heard {stage.said['ends']}")
    effects = dict.fromkeys(REPLIES, wanted.orders)
    if wanted.failing:
        dos = list(REPLIES)
        effects = dict.fromkeys(dos[:2], wanted.orders) | dict.fromkeys(list(UNDOS)[:2], wanted.orders)
    found = {kind: count for kind, count in stage.said["effects"].items() if count}
    if found != effects:
        faults.append(f"the participants had these effects: {found}")
    connection = await asyncpg.connect(stage.dsn, timeout=10)
    try:
        rows = {row["status"]: row["count"] for row in await connection.fetch("select status, count(*) from saga.saga group by status")}
        if rows != {end: wanted.orders}:
            faults.append(f"the rows of sagas say {rows}")
        faults += await _streams(connection, FAILING if wanted.failing else HAPPY)
        faults += await _left(connection)
    finally:
        await connection.close()
    return faults


async def _streams(connection: asyncpg.Connection, expected: tuple[type[e.Event], ...]) -> list[str]:
    """All streams by their length, some by their events."""
    lengths = await connection.fetch(
        "select count, count(*) as sagas from (select count(*) from saga.saga_event group by saga_id) as one group by 1"
    )
    faults = [f"{row['sagas']} sagas have {row['count']} events" for row in lengths if row["count"] != len(expected)]
    for row in await connection.fetch("select saga_id from saga.saga order by saga_id limit $1", SAMPLE):
        stream = await connection.fetch("select data from saga.saga_event where saga_id = $1 order by version", row["saga_id"])
        kinds = [type(decode(one["data"])) for one in stream]
        if Counter(kinds) != Counter(expected) or kinds[0] is not expected[0] or kinds[-1] is not expected[-1]:
            faults.append(f"saga {row['saga_id']} went like this: {[kind.__name__ for kind in kinds]}")
    return faults


async def _left(connection: asyncpg.Connection) -> list[str]:
    """The outbox empties itself soon; nothing else may be there at all."""
    async with asyncio.timeout(LEFT_WITHIN):
        while True:
            outbox, held, dead = await connection.fetchrow(_LEFT)
            if not outbox:
                return [f"{held} held records, {dead} dead letters"] if held or dead else []
            await asyncio.sleep(0.2)
