"""The rows of the barrier, read and written. Every function is one statement of sql/barrier.sql, epoch.sql or working.sql.

A function that returns False changed nothing because somebody else was first: the caller rolls back and looks again.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import orjson

from saga.messages import Outcome
from saga.sdk.answer import Answer
from saga.sdk.barrier.queries import queries
from saga.sdk.barrier.transaction import LocalTransaction
from saga.sdk.incoming import Incoming, Kind
from saga.sdk.table import State

BARRIER = queries("barrier")
EPOCH = queries("epoch")
WORKING = queries("working")


@dataclass(frozen=True, slots=True)
class Glance:
    """What is known of a command's own id (`kind` is None if nothing), the newest epoch of its source, and the database's time. `claimed`:
    nobody had seen the do, and its row is up now."""

    now: datetime
    epoch: int
    kind: str | None
    answered: bool
    claimed: bool


@dataclass(frozen=True, slots=True)
class DoRow:
    """The row of a do, locked. `body` is its command, `reply_body` its remembered answer; empty where there is none."""

    kind: str
    state: State
    type: str
    body: str
    reply_type: str
    reply_body: str


@dataclass(frozen=True, slots=True)
class Work:
    """Claimed work: the newest repetition of its command, and how often it was begun."""

    command: Incoming
    tries: int


async def glance(db: LocalTransaction, command: Incoming, *, alone: bool, claim: bool) -> Glance:
    """Hold the epoch of the source (exclusively if `alone`), then read, and with `claim` put up the row of a do that nobody has seen, for
    which it waits for a rival. Two statements: the second must see what the lock waited for."""
    await db.execute(EPOCH["take" if alone else "hold"], command.source)
    if claim:
        row = await db.fetchrow(BARRIER["claim_do"], command.id, command.source, command.type)
    else:
        row = await db.fetchrow(BARRIER["glance"], command.id, command.source)
    assert row is not None
    return Glance(row["now"], row["epoch"] or 0, row["kind"], bool(row["answered"]), row["claimed"])


async def raise_epoch(db: LocalTransaction, command: Incoming) -> None:
    """The command's epoch is the newest of its source from now on."""
    await db.execute(EPOCH["raise"], command.source, command.epoch)


async def repeat(db: LocalTransaction, command_id: str, now: datetime) -> Answer | None:
    """The remembered answer, counted as repeated; None if there is none after all."""
    row = await db.fetchrow(BARRIER["repeat"], command_id, now)
    if row is None:
        return None
    return Answer(row["answer_id"], row["answer_type"], Outcome(row["answer_outcome"]), row["answer_body"], row["answered_at"])


async def lock_do(db: LocalTransaction, do_id: str) -> DoRow | None:
    """The row of a do, kept from everybody else until the end of the transaction."""
    row = await db.fetchrow(BARRIER["lock_do"], do_id)
    if row is None:
        return None
    state = State(row["state"]) if row["kind"] == Kind.DO else State.UNKNOWN
    return DoRow(row["kind"], state, row["type"], row["body"] or "", row["answer_type"] or "", row["answer_body"] or "")


def settled(command: Incoming, answer: Answer) -> tuple[object, ...]:
    """A do with its state and its first answer, as `settle_do` and the outbox write it."""
    state = State.SUCCEEDED if answer.outcome is Outcome.SUCCEEDED else State.REFUSED
    return command.id, state, command.type, (command.value or b"{}").decode(), *_columns(answer)


async def settle_do(db: LocalTransaction, command: Incoming, answer: Answer) -> bool:
    """Remember the first answer of a do and its state."""
    return await db.fetchval(BARRIER["settle_do"], *settled(command, answer)) is not None


async def bury(db: LocalTransaction, do_id: str, refusal: Answer) -> bool:
    """A tombstone for a do that has not come."""
    return await db.fetchval(BARRIER["bury"], do_id, *_columns(refusal)) is not None


async def mark_undone(db: LocalTransaction, do_id: str, refusal: Answer) -> bool:
    """The do's effect is gone; its answer is a refusal from now on."""
    return await db.fetchval(BARRIER["mark_undone"], do_id, *_columns(refusal)) is not None


async def settle_undo(db: LocalTransaction, command: Incoming, answer: Answer) -> bool:
    """Remember the answer of an undo or a fence."""
    arguments = (command.id, command.do_id, command.kind, command.type, *_columns(answer))
    return await db.fetchval(BARRIER["settle_undo"], *arguments) is not None


async def begin_work(db: LocalTransaction, command: Incoming) -> bool:
    """The do is at work; what a restart and its answers need is stored."""
    if await db.fetchval(BARRIER["begin_work"], command.id, (command.value or b"{}").decode()) is None:
        return False
    await _put(db, command)
    return True


async def repeat_work(db: LocalTransaction, command: Incoming) -> None:
    """A do that is at work was delivered again: answers echo the newest repetition from now on."""
    await db.execute(BARRIER["count_repetition"], command.id, db.now)
    await _put(db, command)


async def wait_undo(db: LocalTransaction, command: Incoming) -> bool:
    """An undo or a fence waits for its do to end."""
    if await db.fetchval(BARRIER["wait_undo"], command.id, command.do_id, command.kind, command.type, db.now) is None:
        return False
    await _put(db, command)
    return True


async def take_off(db: LocalTransaction, command_id: str) -> Incoming | None:
    """Work is over or an undo need not wait any more: the newest repetition of the command."""
    stored = await db.fetchval(WORKING["take_off"], command_id)
    return None if stored is None else thaw(stored)


async def drop_waiting(db: LocalTransaction, command_id: str) -> None:
    """Forget an undo that waited, unanswered: it is of an older epoch by now."""
    await db.execute(BARRIER["drop_waiting"], command_id)
    await db.execute(WORKING["take_off"], command_id)


async def claim_work(db: LocalTransaction, limit: int, seconds: float) -> list[Work]:
    """Work that nobody is at and undos whose do has ended, ours for `seconds`."""
    found = await db.fetch(WORKING["claim"], limit, seconds)
    return [Work(thaw(row["command"]), row["tries"]) for row in found]


async def keep_claim(db: LocalTransaction, command_id: str, seconds: float) -> None:
    """Nobody else may take it up for `seconds`."""
    await db.execute(WORKING["keep_claim"], command_id, seconds)


async def due_progress(db: LocalTransaction, limit: int) -> list[Incoming]:
    """What in-progress is due for; the next one is due a third of its span later."""
    found = await db.fetch(WORKING["progress"], limit)
    db.now = await db.fetchval("select clock_timestamp()")
    return [thaw(row["command"]) for row in found]


async def forget(db: LocalTransaction, remembered: timedelta, can_be_undone: Collection[str]) -> None:
    """Forget what was last seen longer ago than `remembered`; what can be undone only after it was undone."""
    await db.execute("set local statement_timeout = '5min'")
    await db.execute(BARRIER["forget"], remembered, list(can_be_undone))


async def figures(db: LocalTransaction) -> Mapping[str, int]:
    """Counts: commands, repetitions of them, tombstones, work under way, records that wait to be sent, records set aside."""
    row = await db.fetchrow(BARRIER["figures"])
    assert row is not None
    return {name: int(value) for name, value in row.items()}


def freeze(command: Incoming) -> str:
    """A command as JSON text."""
    value = None if command.value is None else command.value.decode("utf-8", "replace")
    return orjson.dumps({**asdict(command), "key": command.key.hex(), "value": value}).decode()


def thaw(text: str) -> Incoming:
    """The command again."""
    stored = orjson.loads(text)
    value = None if stored["value"] is None else stored["value"].encode()
    return Incoming(**{**stored, "kind": Kind(stored["kind"]), "key": bytes.fromhex(stored["key"]), "value": value})


async def _put(db: LocalTransaction, command: Incoming) -> None:
    await db.execute(WORKING["put"], command.id, command.do_id, freeze(command), command.within_ms, db.now)


def _columns(answer: Answer) -> tuple[str, str, str, str, datetime]:
    return answer.id, answer.type, answer.outcome, answer.body, answer.time
