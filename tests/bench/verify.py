"""What must be true of a run before its figures count: every order ended as it should, each effect happened once, nothing is left over."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

import asyncpg

from saga.core import events as e
from saga.core.upcast import decode
from tests.bench.world import REPLIES, UNDOS

LEFT_WITHIN = 15.0
SAMPLE = 50
HAPPY = (e.SagaStarted, *(e.StepIssued, e.StepSucceeded) * 4, e.SagaCompleted)
FAILING = (
    *(e.SagaStarted, *(e.StepIssued, e.StepSucceeded) * 2, e.StepIssued, e.StepRefused, e.TurnedBack),
    *((e.UndoIssued, e.UndoSucceeded) * 2),
    e.SagaCompensated,
)
_PLAYED = "(select saga_id, status from saga.saga where key like 'o-%') as played"
_ENDS = f"select status, count(*) from {_PLAYED} group by status"
_LENGTH = f"select count(*) from {_PLAYED} join saga.saga_event using (saga_id) group by saga_id"
_LENGTHS = f"select count, count(*) as sagas from ({_LENGTH}) as one group by 1"
_IDS = f"select saga_id from {_PLAYED} order by saga_id limit $1"
_LEFT = "select (select count(*) from saga.outbox), (select count(*) from saga.held_record), (select count(*) from saga.dead_letter)"


async def faults_of(orders: int, said: Mapping[str, Any], dsn: str, *, failing: bool) -> list[str]:
    """What is wrong with a run that is over, by what the world said at the end and what stands in the database; empty if nothing is."""
    faults: list[str] = []
    end = "compensated" if failing else "completed"
    if said["ends"] != {end: orders}:
        faults.append(f"of {orders} orders the customers heard {said['ends']}")
    effects = dict.fromkeys(REPLIES, orders)
    if failing:
        dos = list(REPLIES)
        effects = dict.fromkeys(dos[:2], orders) | dict.fromkeys(list(UNDOS)[:2], orders)
    found = {kind: count for kind, count in said["effects"].items() if count}
    if found != effects:
        faults.append(f"the participants had these effects: {found}")
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        rows = {row["status"]: row["count"] for row in await connection.fetch(_ENDS)}
        if rows != {end: orders}:
            faults.append(f"the rows of sagas say {rows}")
        faults += await _streams(connection, FAILING if failing else HAPPY)
        faults += await _left(connection)
    finally:
        await connection.close()
    return faults


async def _streams(connection: asyncpg.Connection, expected: tuple[type[e.Event], ...]) -> list[str]:
    """All streams by their length, some by their events."""
    lengths = await connection.fetch(_LENGTHS)
    faults = [f"{row['sagas']} sagas have {row['count']} events" for row in lengths if row["count"] != len(expected)]
    for row in await connection.fetch(_IDS, SAMPLE):
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
