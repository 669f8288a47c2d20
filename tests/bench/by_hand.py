"""The same participant by hand, with the same guarantees: `python -m tests.bench.by_hand DSN BOOTSTRAP`.

One transaction a command: the epoch is looked at, the command's id is put up before the effect, the answer is remembered beside it. What
is answered again is the remembered answer. Offsets are committed when the broker has the answers, so no outbox is needed: after a crash
the commands come again, and so do the answers. It knows no undo, no tombstone and no fence, and it shows nothing of itself.
"""

import asyncio
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import asyncpg
import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import OffsetAndMetadata

SIDE_BY_SIDE = 4
AT_ONCE = 200
ECHOED = ("ce_attempt", "ce_epoch", "ce_sagaid", "ce_tenant", "ce_definition", "ce_step")
TABLES = """
create schema if not exists hand;
create table if not exists hand.charge (command_id text primary key, order_id text not null, minor bigint not null);
create table if not exists hand.answered (command_id text primary key, answer bytea);
create table if not exists hand.epoch (source text primary key, epoch integer not null);
insert into hand.epoch values ('/saga', 1) on conflict do nothing;
"""
_EPOCH = "select epoch from hand.epoch, pg_advisory_xact_lock_shared(hashtext(source)) where source = $1"
_PUT_UP = "insert into hand.answered (command_id) values ($1) on conflict do nothing returning true"
_ANSWERED = "select answer from hand.answered where command_id = $1 for update"
_REMEMBER = "update hand.answered set answer = $2 where command_id = $1"
_CHARGE = "insert into hand.charge values ($1, $2, $3)"


async def main(dsn: str, bootstrap: str) -> None:
    """Take commands for ever."""
    async with asyncpg.create_pool(dsn, min_size=SIDE_BY_SIDE, max_size=SIDE_BY_SIDE) as pool:
        await pool.execute(TABLES)
        consumer = AIOKafkaConsumer(
            "payment.commands",
            bootstrap_servers=bootstrap,
            group_id="by-hand",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
        await producer.start()
        await consumer.start()
        room = asyncio.Semaphore(SIDE_BY_SIDE)
        while True:
            batches = await consumer.getmany(timeout_ms=500, max_records=AT_ONCE)
            records = sorted((record for batch in batches.values() for record in batch), key=lambda record: record.key)
            lanes = [list(lane) for _, lane in groupby(records, key=lambda record: record.key)]
            answers = await asyncio.gather(*(_lane(pool, room, lane) for lane in lanes))
            sent = [await producer.send("payment.events", *answer) for lane in answers for answer in lane]
            await asyncio.gather(*sent)
            if batches:
                await consumer.commit({place: OffsetAndMetadata(batch[-1].offset + 1, "") for place, batch in batches.items()})


async def _lane(pool: asyncpg.Pool, room: asyncio.Semaphore, records: list[Any]) -> list[tuple[Any, ...]]:
    """What is said to the records of one key, in their order: value, key, partition, timestamp, headers."""
    said = []
    async with room, pool.acquire() as db:
        for record in records:
            headers = {name: value.decode() for name, value in record.headers}
            async with db.transaction():
                answer = await _answer(db, headers, record.value)
            if answer is not None:
                said.append((answer, record.key, None, None, _headers(headers)))
    return said


async def _answer(db: asyncpg.Connection, headers: Mapping[str, str], value: bytes) -> bytes | None:
    command_id = headers["ce_idempotencykey"]
    if int(headers["ce_epoch"]) < await db.fetchval(_EPOCH, headers["ce_source"]):
        return None
    if not await db.fetchval(_PUT_UP, command_id):
        return await db.fetchval(_ANSWERED, command_id)
    command = orjson.loads(value)
    await db.execute(_CHARGE, command_id, str(command["order_id"]), int(command["amount_minor"]))
    answer = orjson.dumps({"payment_id": command_id})
    await db.execute(_REMEMBER, command_id, answer)
    return answer


def _headers(headers: Mapping[str, str]) -> list[tuple[str, bytes]]:
    command_id = headers["ce_idempotencykey"]
    said = {
        "ce_specversion": "1.0",
        "ce_id": f"{command_id}-answer",
        "ce_type": "com.example.payment.Charged.v1",
        "ce_source": "/payment",
        "ce_time": datetime.now(UTC).isoformat(),
        "ce_causationid": command_id,
        "ce_outcome": "succeeded",
        "content-type": "application/json",
        **{name: headers[name] for name in ECHOED},
    }
    return [(name, value.encode()) for name, value in said.items()]


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
