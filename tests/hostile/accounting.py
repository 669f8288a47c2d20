"""Where did each record go? Counted from the topics (a second client library), the tables, and the counters of /metrics (I10).

    dead letter, held row    named by topic, partition and offset
    event                    names the message: (ce_source, ce_id); a transient failure by its command and attempt
    ignored                  has no row, only a counter by reason: as many records are left over as were counted, not one more or less

Why exactly as many: one record that is swallowed makes the sum wrong, however many were ignored for good reasons.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

from saga.core import events as e
from saga.core.upcast import decode
from tests.hostile.flood import Flood
from tests.hostile.participants import BUSY
from tests.proof.report import Report

_IGNORED = re.compile(r'saga_inputs_ignored_total\{.*reason="([^"]+)".*\}')
NOT_OF_RECORDS = ("nothing-due",)
Position = tuple[str, int, int]


@dataclass
class Found:
    """What the coordinator's tables and counters say."""

    rows: dict[Position, str] = field(default_factory=dict)
    names: set[tuple[UUID, tuple[str, ...]]] = field(default_factory=set)
    ignored: Counter[str] = field(default_factory=Counter)
    dead_reasons: Counter[str] = field(default_factory=Counter)


async def read_tables(dsn: str, metrics: Mapping[str, float]) -> Found:
    """All of it, after quiescence."""
    found = Found()
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            query = 'select topic, partition, "offset", reason from saga.dead_letter'
            async for row in connection.cursor(query, prefetch=5_000):
                found.rows[row[0], row[1], row[2]] = row[3]
                found.dead_reasons[row[3]] += 1
            for row in await connection.fetch('select topic, partition, "offset" from saga.held_record'):
                found.rows[row[0], row[1], row[2]] = "held"
            async for row in connection.cursor("select saga_id, data from saga.saga_event", prefetch=5_000):
                found.names.update((row[0], name) for name in _named_by(decode(row[1])))
    finally:
        await connection.close()
    for name, value in metrics.items():
        if (match := _IGNORED.fullmatch(name)) and match[1] not in NOT_OF_RECORDS:
            found.ignored[match[1]] += int(value)
    return found


def _named_by(event: e.Event) -> set[tuple[str, ...]]:
    if isinstance(event, e.SagaStarted):
        return {(event.input_id,)}
    if isinstance(event, e.StepFailed | e.UndoFailed):
        return {(event.command_id, str(event.attempt), "failed")}
    if isinstance(event, e.StepDoubted):  # what a transient failure does to a step of a saga that has turned back
        return {(event.command_id, "doubted", event.cause)}
    message_id = getattr(event, "message_id", "")
    return {(message_id,)} if message_id else set()


def account(flood: Flood, found: Found, report: Report) -> None:
    """Judge every record of the log."""
    left: Counter[str] = Counter()
    wanted: Counter[str] = Counter()
    waiting, anywhere = Counter(name for _, name in found.names), 0  # two sagas may be started by records of one name
    for (topic, partition), offset, message in flood.log():
        number = flood.kinds[topic, partition][offset]
        kind, fate = flood.names[number], flood.fates[number]
        reason = found.rows.get((topic, partition, offset))
        if reason is not None:
            _judge(report, kind, fate, reason, f"{topic}/{partition}/{offset}")
        elif named := next((name for name in _names_of(message) if waiting[name] > 0), None):
            waiting[named] -= 1
            _judge(report, kind, fate, "event", f"{topic}/{partition}/{offset}")
        else:
            left[kind] += 1
            wanted[fate] += 1
            anywhere += fate in ("*", "event")
    _same_sum(report, left, wanted, found.ignored, anywhere)


def _judge(report: Report, kind: str, fate: str, reason: str, where: str) -> None:
    if fate in ("*", reason) or reason == "held":
        report.held("I10")
    else:
        report.broke("I10", f"{kind} at {where} should end as {fate} and ended as {reason}")


def _same_sum(report: Report, left: Counter[str], wanted: Counter[str], ignored: Counter[str], anywhere: int) -> None:
    """What has no row must have been counted, by reason where that is known beforehand."""
    for fate, count in wanted.items():
        short = count - ignored[fate]
        if fate not in ("*", "event") and short > 0:
            report.broke("I10", f"{count} records should be ignored as {fate}, {ignored[fate]} were counted")
    if left.total() == ignored.total():
        report.held("I10", left.total())
    else:
        report.broke("I10", f"{left.total()} records left no row, {ignored.total()} were counted as ignored: {left} {ignored}")
    report.tell("ignored", ignored.total())
    report.tell("ignored_of_unknown_fate", anywhere)


def _names_of(message: Any) -> set[tuple[str, ...]]:
    """How an event would name it: as the headers of binary mode say."""
    headers = {name: text for name, text in reversed(message.headers() or ()) if text}
    said = {name: _text(headers.get(f"ce_{name}")) for name in ("source", "id", "causationid", "attempt", "outcome")}
    if said["outcome"] == "failed":
        return {(said["causationid"], said["attempt"], "failed"), (said["causationid"], "doubted", BUSY)}
    return {(f"{said['source']} {said['id']}",)}


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")
