"""The judgement of a run in which two releases took turns: participants' tables, topics read by another library, streams by SQL.

Nothing here asks a coordinator. The events are read as the JSON that they are, not by the code that wrote them.
"""

import asyncio
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from time import monotonic
from typing import Any

import asyncpg
from confluent_kafka import Consumer, TopicPartition

from services.demo.store import PARTICIPANTS
from tests.proof.report import Report
from tests.upgrade.town import Town

WITHIN = 30.0
AT_REST = 150.0  # seconds, in which every pointer is claimed once, whoever left it
_EVENTS = "select saga_id::text, version, data from saga.saga_event order by saga_id, version"
_OPEN = "select count(*) from saga.saga where not ended"
_POINTERS = "select count(*) from saga.outbox"


async def check(report: Report, town: Town, unfinished: int) -> None:
    """All of it, once every order has had time to end."""
    figures = await town.application.figures(town.place, ())
    placed = {order.order_id for order in town.application.orders[: town.placed]}
    waiting = [order for order in figures.unfinished if order in placed]
    _judge(report, "I2", town.placed, unfinished or waiting, f"{unfinished} orders did not end: {waiting[:5]}")
    _judge(report, "I3", town.placed, figures.duplicate_effects, f"{figures.duplicate_effects} effects happened twice or for nothing")
    _judge(report, "I12", town.placed, figures.stock_missing, f"{figures.stock_missing} pieces are missing")
    owed = figures.money_expected_minor - figures.money_captured_minor
    _judge(report, "I12", town.placed, owed, f"{owed} of {figures.money_expected_minor} are missing from the money taken")
    connection = await asyncpg.connect(town.place.coordinator_dsn, timeout=10)
    try:
        left = await _left(connection)
        streams = _streams(await connection.fetch(_EVENTS))
    finally:
        await connection.close()
    _judge(report, "I19", 1, any(left), f"{left[1]} pointers are left in the outbox of {left[0]} open sagas after {AT_REST:.0f} s")
    report.count("sagas", len(streams))
    for saga, events in streams.items():
        versions = [version for version, _ in events]
        _judge(report, "I1", 1, versions != list(range(1, len(events) + 1)), f"saga {saga} has the versions {versions}")
    _commands(report, streams, commands_of(town.place.bootstrap))


async def _left(connection: asyncpg.Connection) -> tuple[int, int]:
    """Open sagas and pointers once nothing moves any more. Why they are waited for: customers' orders end before the last of a saga's own
    news is sent, and a pointer goes with the sweep after that."""
    until = monotonic() + AT_REST
    while any(left := (await connection.fetchval(_OPEN), await connection.fetchval(_POINTERS))) and monotonic() < until:  # noqa: ASYNC110 - tables have no event to wait for
        await asyncio.sleep(0.2)
    return left


def _commands(report: Report, streams: Mapping[str, list[tuple[int, dict[str, object]]]], sent: Mapping[str, set[str]]) -> None:
    """I4: what was issued was sent, always with the same content, and nothing was sent that was not issued."""
    issued = {
        str(event["command_id"]) for events in streams.values() for _, event in events if event["event"] in ("StepIssued", "UndoIssued")
    }
    for one in issued:
        _judge(report, "I4", 1, one not in sent, f"command {one} was issued and never sent")
    for one, contents in sent.items():
        _judge(report, "I4", 1, one not in issued, f"command {one} was sent and never issued")
        _judge(report, "I4", 1, len(contents) != 1, f"command {one} was sent with {len(contents)} contents")
    report.count("commands", len(sent))


def commands_of(bootstrap: str) -> dict[str, set[str]]:
    """Command id → hashes of what was sent under it, from the beginning of every commands topic."""
    found: dict[str, set[str]] = defaultdict(set)
    for key, kind, body in _records(bootstrap):
        found[key].add(hashlib.sha256(kind + body).hexdigest())
    return found


def _records(bootstrap: str) -> Iterator[tuple[str, bytes, bytes]]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "checker", "enable.auto.commit": False})
    try:
        for name in PARTICIPANTS:
            topic = f"{name}.commands"
            for partition in consumer.list_topics(topic, timeout=WITHIN).topics[topic].partitions:
                low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=WITHIN)
                if low == high:
                    continue
                consumer.assign([TopicPartition(topic, partition, low)])
                position = low
                while position < high:
                    record = consumer.poll(WITHIN)
                    assert record is not None, f"{topic}[{partition}] ends at {position}, not at {high}"
                    assert record.error() is None, record.error()
                    headers: dict[str, Any] = dict(record.headers() or ())
                    position += 1
                    yield headers["ce_idempotencykey"].decode(), headers["ce_type"], record.value() or b""
    finally:
        consumer.close()


def _streams(rows: list[asyncpg.Record]) -> dict[str, list[tuple[int, dict[str, object]]]]:
    found: dict[str, list[tuple[int, dict[str, object]]]] = defaultdict(list)
    for row in rows:
        found[row["saga_id"]].append((row["version"], json.loads(bytes(row["data"])[1:])))
    return found


def _judge(report: Report, invariant: str, times: int, wrong: object, story: str) -> None:
    if wrong:
        report.broke(invariant, story)
    else:
        report.held(invariant, times)
