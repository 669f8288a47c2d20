"""Faults of the machine and of the group: a full disk, a clock that jumps, members that come and go."""

import asyncio
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic

import httpx2
from confluent_kafka import Consumer

from tests.chaos.cluster import COORDINATORS, EVENTS
from tests.chaos.faults import FAULTS, Struck, fault

_NO_ROOM = "No space left on device"
MEMBER_WAITS, MEMBER_STAYS = 12.0, 2.0
JUMP_SEEN_WITHIN = 15.0


@fault("disk", 1)
async def disk(struck: Struck) -> int:
    """The primary's disk is full for a while (hazard P13): its data is on a file system of its own, which is made as small
    as what is on it. The server may stop; then it is started again once there is room."""
    pair = struck.cluster.pair
    before = pair.words().count(_NO_ROOM)
    pair.disk.fill()
    await asyncio.sleep(struck.chance.uniform(3, 8))
    refused = pair.words().count(_NO_ROOM) - before
    pair.disk.clear()
    await pair.rouse()
    await pair.in_sync()
    return int(refused > 0)


@fault("clock", 2)
async def clock(struck: Struck) -> int:
    """The wall clock of a coordinator jumps an hour forth or back, and later back (hazard K15). The monotonic clock goes on: Linux never
    moves that."""
    name = struck.chance.choice(COORDINATORS)
    file = struck.cluster.clock(name)
    file.write_text(struck.chance.choice(("+3600\n", "-3600\n")))
    until, lasts = monotonic() + JUMP_SEEN_WITHIN, struck.chance.uniform(3, 6)
    while not (jumped := abs(await _seconds_off(struck, name)) > 1_800) and monotonic() < until:  # noqa: ASYNC110 - another process's clock
        await asyncio.sleep(0.3)
    await asyncio.sleep(lasts)
    file.write_text("+0\n")
    return int(jumped)


@fault("rebalance", 2)
async def rebalance(struck: Struck) -> int:
    """A member that reads nothing joins the coordinators' group and leaves it, every few seconds (hazard K3)."""
    joined = 0
    for _ in range(struck.chance.randint(2, 4)):
        joined += await asyncio.to_thread(_join, struck.cluster.brokers.direct)
        await asyncio.sleep(struck.chance.uniform(0.5, 2))
    return int(joined > 0)


def _join(bootstrap: str) -> int:
    """How many partitions it was given. It commits nothing."""
    given: list[object] = []
    member = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "saga-coordinator",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "partition.assignment.strategy": "range",
            "session.timeout.ms": 6_000,
            "log_level": 0,
        }
    )
    member.subscribe(list(EVENTS), on_assign=lambda _, partitions: given.extend(partitions))
    until = monotonic() + MEMBER_WAITS
    while monotonic() < until and not given:
        member.poll(0.1)
    until = monotonic() + MEMBER_STAYS
    while monotonic() < until:
        member.poll(0.1)
    member.close()
    return len(given)


async def _seconds_off(struck: Struck, name: str) -> float:
    """How far the coordinator's clock is off, by its own word: the Date of an answer."""
    async with httpx2.AsyncClient(timeout=3, trust_env=False) as client:
        try:
            answer = await client.get(f"{struck.cluster.urls[name]}/livez")
            return (parsedate_to_datetime(answer.headers["date"]) - datetime.now(UTC)).total_seconds()
        except (httpx2.HTTPError, KeyError, ValueError):
            return 0.0


NEMESIS = FAULTS
"""All plug-ins, those of faults.py among them: whoever imports this has them all."""
