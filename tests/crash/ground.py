"""What a lane stands on: databases and topics of its own, and what can be seen there. Nothing here speaks to a process of ours."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any
from uuid import uuid4

import asyncpg
import orjson
from confluent_kafka import Producer

from saga.embedded.postgres import EmbeddedPostgres
from saga.transport.topics import create_topics
from tests.crash.evidence import PARTITIONS, Record, Story, Topics, story_of
from tests.crash.judge import Evidence, all_read, unaccounted_commands, unaccounted_replies, unsent_commands
from tests.crash.outcome import Outcome
from tests.crash.shapes import STARTS, Shape

TEMPLATE = "migrated"
QUIET_WITHIN = 60.0
LOOK_EVERY = 0.5
GROUPS = {"coordinator": "events", "participant": "commands"}
UNDOS: Sequence[str] = ("release", "refund", "unwrap", "spill")
WAITING = {
    "outbox": "select count(*) from saga.outbox",
    "held": "select count(*) from saga.held_record",
    "dead": "select count(*) from saga.dead_letter",
    "idle transactions": "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in transaction%' "
    "and state_change < clock_timestamp() - interval '1 second'",
    "connections": "select count(*) from pg_stat_activity where datname = current_database()",
}
WAITING_THERE = {
    "participant's outbox": "select count(*) from outbox",
    "working": "select count(*) from working",
    "set_aside": "select count(*) from set_aside",
}
CHANGED = "select coalesce(sum(case when what = any($1) then 1 else -1 end), 0) from effect"


class Ground:
    """The databases and topics of one lane."""

    here: Any  # the coordinator's database
    there: Any  # the participant's
    topics: Topics
    dsns: dict[str, str]

    def __init__(self, name: str, postgres: EmbeddedPostgres, bootstrap: str) -> None:
        self.name = name
        self.bootstrap = bootstrap
        self._postgres = postgres
        self._numbers = itertools.count()
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0, "log_level": 0})

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Ground"]:
        """Make them; only the clients are closed at the end, the servers are thrown away."""
        self.dsns = {
            "coordinator_dsn": await self._postgres.create_database(f"{self.name}-c", TEMPLATE),
            "participant_dsn": await self._postgres.create_database(f"{self.name}-p"),
        }
        await create_topics(self.bootstrap, [f"{self.name}.{what}" for what in ("commands", "events", "lifecycle")], PARTITIONS)
        self.topics = Topics(self.bootstrap, self.name)
        path = {"search_path": self.name}
        self.here = await asyncpg.create_pool(self.dsns["coordinator_dsn"], min_size=1, max_size=3)
        self.there = await asyncpg.create_pool(self.dsns["participant_dsn"], min_size=1, max_size=3, server_settings=path)
        try:
            yield self
        finally:
            await self.here.close()
            await self.there.close()
            await self.topics.close()

    def key(self, shape: Shape) -> str:
        """A business key that no other saga of the lane has."""
        return f"{shape.name}-{next(self._numbers)}"

    async def place(self, shape: Shape, key: str) -> None:
        """The start event as another service's client sends it, and a copy, as its retry would."""
        await asyncio.to_thread(self._produce, f"com.example.{self.name}.{STARTS[shape.definition]}.v1", body_of(shape, key), key)

    async def quiet(self, shape: Shape, key: str, outcome: Outcome | None = None, *, until_broken: bool = False) -> None:
        """Until the saga is where it has to be, nothing waits anywhere and both groups have committed everything. Meanwhile `outcome` hears
        of what must hold at every instant; `until_broken`: or until it has heard of a fault. Raises TimeoutError."""
        looked = monotonic()
        async with asyncio.timeout(QUIET_WITHIN):
            while not await self._is_quiet(shape, key):
                if until_broken and outcome is not None and outcome.faults:
                    return
                if outcome is not None and not outcome.faults and monotonic() - looked > LOOK_EVERY:
                    await self.look(shape, key, outcome)
                    looked = monotonic()
                await asyncio.sleep(0.05)

    async def look(self, shape: Shape, key: str, outcome: Outcome) -> None:
        """What holds at every instant: what a group has committed is in its database (I11; offsets are read first), and a command that is
        awaited is on its topic or in the outbox (I4; the topic is read last)."""
        below = {group: await self.topics.committed(group, f"{self.name}.{topic}") for group, topic in GROUPS.items()}
        await self.topics.read()
        asked, told = (self._below(below[group], key) for group in ("participant", "coordinator"))
        barrier, story = await self._barrier(), await self.story(shape, key)
        records = await self.topics.read()
        outcome.check("I11", [*unaccounted_commands(asked, barrier, shape), *unaccounted_replies(story, told)])
        started = any(record.headers["ce_type"].endswith(f".{STARTS[shape.definition]}.v1") for record in told)
        outcome.check("I11", ["the start is below the offset and there is no saga"] if started and story.saga_id is None else [])
        outcome.check("I4", unsent_commands(story.events, story.pointers, records))

    async def story(self, shape: Shape, key: str) -> Story:
        """One saga as both sides have it."""
        return await story_of(self.here, self.there, shape.definition, key)

    async def evidence(self, shape: Shape, key: str) -> Evidence:
        """What the judge reads."""
        waiting = {name: int(await self.here.fetchval(query)) for name, query in WAITING.items()}
        waiting |= {name: int(await self.there.fetchval(query)) for name, query in WAITING_THERE.items()}
        pieces, changed = await self.there.fetchval("select pieces from stock"), await self.there.fetchval(CHANGED, UNDOS)
        story, records, barrier = await self.story(shape, key), await self.topics.read(), await self._barrier()
        return Evidence(shape, key, story, records, barrier, await self._offsets(), waiting, int(pieces), int(changed))

    async def lose_rows(self) -> None:
        """The projection is gone, as after a mistake with a new column."""
        await self.here.execute("delete from saga.saga")

    async def unrest(self, key: str) -> str:
        """Why it is not quiet, in short."""
        row = await self.here.fetchrow("select status, version, waits_for, due_at from saga.saga where key = $1", key)
        return str(dict(row)) if row else "it has no row"

    async def _is_quiet(self, shape: Shape, key: str) -> bool:
        status = await self.here.fetchval("select status from saga.saga where key = $1 and definition = $2", key, shape.definition)
        if status != shape.end or await self.here.fetchval(WAITING["outbox"]):
            return False
        for table in ("participant's outbox", "working"):
            if await self.there.fetchval(WAITING_THERE[table]):
                return False
        return all_read(await self._offsets())

    async def _offsets(self) -> dict[str, tuple[dict[tuple[str, int], int], dict[tuple[str, int], int]]]:
        ends, found = await self.topics.ends(), {}
        for group, topic in GROUPS.items():
            committed = await self.topics.committed(group, f"{self.name}.{topic}")
            found[group] = (committed, {place: end for place, end in ends.items() if place in committed})
        return found

    async def _barrier(self) -> dict[str, Any]:
        if await self.there.fetchval("select to_regclass('barrier')") is None:  # the first participant of the lane died before it made it
            return {}
        return {row["command_id"]: row for row in await self.there.fetch("select * from barrier")}

    def _below(self, committed: dict[tuple[str, int], int], key: str) -> list[Record]:
        mine = (one for one in self.topics.records if one.key == key.encode())
        return [one for one in mine if one.offset < committed.get((one.topic, one.partition), 0)]

    def _produce(self, kind: str, body: dict[str, str], key: str) -> None:
        headers = {
            "ce_specversion": "1.0",
            "ce_id": str(uuid4()),
            "ce_source": "/clients",
            "ce_type": kind,
            "content-type": "application/json",
        }
        failed: list[object] = []

        def delivered(error: object, _message: object) -> None:
            if error:
                failed.append(error)

        for _ in range(2):
            self._producer.produce(f"{self.name}.events", orjson.dumps(body), key, headers=headers, on_delivery=delivered)
        if self._producer.flush(10) or failed:
            raise RuntimeError(f"the start was not acknowledged: {failed}")


def body_of(shape: Shape, key: str) -> dict[str, str]:
    """The start event's body."""
    return {"key": key, "mood": shape.mood, **({"wants": shape.wants} if shape.definition == "order" else {})}
