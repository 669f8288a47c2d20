"""What passed over Kafka and what the clients were told, against the streams: I4, I10, I13, I14, I17, I18, I19, I20."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import asyncpg
from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka.admin import AdminClient

from saga.access.ledger import Ledger
from saga.config import Settings
from saga.store.postgres import PostgresStore
from services.demo.store import PARTICIPANTS
from tests.chaos.ledgers_check import Ledgers
from tests.chaos.load import Told
from tests.chaos.observer import Seen
from tests.chaos.streams_check import Sagas, Story

GROUP = "saga-coordinator"
_LASTING = ("succeeded", "refused", "nothing-to-undo")
_LEFT = """select (select count(*) from saga.outbox) as outbox, (select count(*) from saga.held_record) as held,
    (select count(*) from saga.saga where quarantined is not null) as quarantined"""


def commands_of(sagas: Sagas, seen: Seen, ledgers: Ledgers) -> Iterator[Story]:
    """I4: each issued command was sent as it was recorded, and nothing was sent that was not issued. A command that its saga had turned
    back from before it could be sent need not be; one on a topic that was deleted is known to its participant instead."""
    for command_id, (body, participant, key) in sagas.issued.items():
        sent = seen.commands.get(command_id)
        if sent is None:
            lost = f"{participant}.commands" in seen.lost_topics and command_id in ledgers.barriers
            if not lost and (command_id in sagas.answered or key not in sagas.turned):
                yield "I4", f"command {command_id} of {key} was never seen on {participant}.commands"
        elif sent != {hashlib.sha256(body).digest()}:
            yield "I4", f"command {command_id} of {key} was sent with another body than was recorded"
    for command_id in seen.commands.keys() - sagas.issued.keys():
        yield "I4", f"command {command_id} was sent and nobody issued it"


def replies_of(sagas: Sagas, seen: Seen, dead: Sequence[bytes]) -> Iterator[Story]:
    """I10: a lasting reply is in its saga's events, or told a settled command nothing new, or is a dead letter or held."""
    for command_id, outcome in seen.replies:
        if outcome not in _LASTING:
            continue
        known = sagas.answered.get(command_id, set())
        if command_id in sagas.undone:
            continue  # its undo has found the effect and taken it back: there is nothing more to learn from the do's answer
        if command_id in sagas.issued and (outcome in known or (known and outcome != "succeeded")):
            continue
        settled = command_id in sagas.issued and (sagas.issued[command_id][2] in sagas.turned or known)
        if outcome != "succeeded" and settled:
            continue
        if not any(command_id.encode() in letter for letter in dead):
            yield "I10", f"the reply {outcome} to {command_id} was read and left no trace"


def starts_of(sagas: Sagas, seen: Seen, told: Told, dead: Sequence[bytes]) -> Iterator[Story]:
    """I13: an acknowledged start exists for ever; one key never has two sagas. I10 for starts that came over Kafka."""
    for key in told.started:
        if key not in sagas.keys:
            yield "I13", f"the start of {key} was acknowledged at {told.started[key]} and there is no saga"
    for key in seen.starts - sagas.keys.keys():
        if not any(key.encode() in letter for letter in dead):
            yield "I10", f"the order {key} was read and left no trace"
    yield from (("I13", f"{key} has {len(found)} sagas") for key, found in sagas.keys.items() if len(found) > 1)


def told_of(sagas: Sagas, seen: Seen) -> Iterator[Story]:
    """I18: every change was told at least once, and nothing that is none."""
    for saga_id, versions in sagas.told.items():
        missing = versions - seen.told.get(saga_id, set())
        if missing:
            yield "I18", f"changes {sorted(missing)} of saga {saga_id} were never told"
        if extra := seen.told.get(saga_id, set()) - versions:
            yield "I18", f"versions {sorted(extra)} of saga {saga_id} were told and are no changes"


async def acts_of(settings: Settings, dsn: str, told: Told) -> tuple[int, list[Story]]:
    """I17: each act that was answered has exactly one row of audit, with actor and reason; the chain verifies."""
    stories: list[Story] = []
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        rows = await connection.fetch("select input_id, act, saga_id, actor, reason, outcome from saga.audit")
    finally:
        await connection.close()
    by_input: dict[str, list[asyncpg.Record]] = {}
    for row in rows:
        by_input.setdefault(row["input_id"], []).append(row)
    for key, (verb, saga_id, status) in told.acts.items():
        found = by_input.get(f"request:{verb}:{key}", [])
        good = [row for row in found if (row["act"], row["saga_id"]) == (verb, saga_id) and row["actor"] and row["reason"] == "chaos"]
        if status == 200 and len(good) != 1:
            stories.append(("I17", f"{verb} of {saga_id} was answered 200 and has {len(found)} rows of audit"))
        if status >= 400 and any(row["outcome"] == "done" for row in found):
            stories.append(("I17", f"{verb} of {saga_id} was answered {status} and is audited as done"))
    store = await PostgresStore.connect(settings)
    try:
        verdicts = await Ledger(store).verify()
    finally:
        await store.close()
    stories += [("I17", f"the chain of {verdict.head.tenant}: {fault}") for verdict in verdicts for fault in verdict.faults]
    return len(rows), stories


async def left_over(dsn: str, services_dsn: str) -> list[Story]:
    """I19: what waits to be sent at rest."""
    stories: list[Story] = []
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        left = dict(await connection.fetchrow(_LEFT))
    finally:
        await connection.close()
    stories += [("I19", f"{count} rows are left in {name}") for name, count in left.items() if count]
    connection = await asyncpg.connect(services_dsn, timeout=10)
    try:
        for service in PARTICIPANTS:
            for table in ("outbox", "working"):
                if count := await connection.fetchval(f'select count(*) from "{service}".{table}'):
                    stories.append(("I19", f"{count} rows are left in {service}.{table}"))
    finally:
        await connection.close()
    return stories


def lag_of(admin: AdminClient, ends: Mapping[tuple[str, int], int]) -> dict[tuple[str, int], int]:
    """Records that the coordinators have yet to commit, by partition of the topics of events (blocking)."""
    future = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(GROUP)])[GROUP]
    committed = {(one.topic, one.partition): one.offset for one in future.result(timeout=20).topic_partitions}
    places = [place for place in ends if place[0].endswith(".events")]
    lag = {place: ends[place] - max(0, committed.get(place, 0)) for place in places}
    return {place: behind for place, behind in lag.items() if behind > 0}


async def dead_letters(dsn: str) -> list[bytes]:
    """Headers, key and value of every dead letter and held record, to be searched."""
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        query = "select headers || coalesce(record_key, ''::bytea) || coalesce(value, ''::bytea) as all_of_it from saga."
        found = [row["all_of_it"] for table in ("dead_letter", "held_record") for row in await connection.fetch(query + table)]
        return [bytes(one) for one in found]
    finally:
        await connection.close()


def leaked(home: Path, secrets: Sequence[str]) -> Iterator[Story]:
    """I20: no secret in any log."""
    for log in sorted(home.glob("*.log")):
        text = log.read_bytes()
        yield from (("I20", f"{log.name} holds {secret!r}") for secret in secrets if secret.encode() in text)
