"""What the event streams must say: I1, I2, I5, I7, I8, I18, and the order of undoing of I6. Read from the tables, beside the coordinator.

The rules look at the events alone. Only I8 and I18 ask the fold, for they are about the fold.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

from saga.core import events as e
from saga.core.evolve import evolve
from saga.core.project import row_of
from saga.core.state import State
from saga.core.upcast import decode

RESTING = ("completed", "compensated", "cancelled", "parked", "paused")
_PAGE = """select saga_id, version, data from saga.saga_event where saga_id in (
    select saga_id from saga.saga_event where version = 1 and saga_id > $1 order by saga_id limit 500) order by saga_id, version"""
_ROWS = "select * from saga.saga where saga_id = any($1::uuid[])"


@dataclass
class Sagas:
    """What the other checks need of the streams.

    `issued` by command id: body, participant, saga key; `answered` by command id: outcomes. `dos` by saga key: step → command id of its do;
    `undone` holds dos whose undo found an effect and took it back. `moments`: when each event happened, and its saga's partition key.
    """

    keys: dict[str, list[UUID]] = field(default_factory=dict)
    status: dict[str, str] = field(default_factory=dict)
    issued: dict[str, tuple[bytes, str, str]] = field(default_factory=dict)
    answered: dict[str, set[str]] = field(default_factory=dict)
    dos: dict[str, dict[str, str]] = field(default_factory=dict)
    undone: set[str] = field(default_factory=set)
    turned: set[str] = field(default_factory=set)
    by_hand: set[str] = field(default_factory=set)
    moments: list[tuple[float, str]] = field(default_factory=list)
    told: dict[str, set[int]] = field(default_factory=dict)
    events: int = 0


Story = tuple[str, str]
Stream = Sequence[tuple[int, e.Event]]


async def read_sagas(dsn: str) -> tuple[Sagas, list[Story]]:
    """All streams, and what is wrong with them as (invariant, story)."""
    found, stories = Sagas(), list[Story]()
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        after = UUID(int=0)
        while rows := await connection.fetch(_PAGE, after):
            streams: dict[UUID, list[tuple[int, e.Event]]] = {}
            for row in rows:
                streams.setdefault(row["saga_id"], []).append((row["version"], decode(row["data"])))
            stored = {row["saga_id"]: row for row in await connection.fetch(_ROWS, list(streams))}
            for saga_id, stream in streams.items():
                stories += check_stream(saga_id, stream, stored.get(saga_id), found)
            after = max(streams)
    finally:
        await connection.close()
    return found, stories


def check_stream(saga_id: UUID, stream: Stream, row: Mapping[str, Any] | None, found: Sagas) -> list[Story]:
    """One saga's rules; what others need of it goes to `found`."""
    stories: list[Story] = []
    versions = [version for version, _ in stream]
    if versions != list(range(1, len(versions) + 1)):
        return [("I1", f"versions of saga {saga_id} are {versions}")]
    events = [event for _, event in stream]
    start = events[0]
    if not isinstance(start, e.SagaStarted):
        return [("I1", f"saga {saga_id} begins with {type(start).__name__}")]
    state, told = State(), set[int]()
    for event in events:
        state = evolve(state, event)
        if state.life.version == state.version:
            told.add(state.version)
    rebuilt = row_of(saga_id, state)
    _gather(saga_id, start, events, found)
    found.status[start.key], found.told[str(saga_id)] = rebuilt.status, told
    if rebuilt.status not in RESTING:
        stories.append(("I2", f"saga {saga_id} ({start.key}) is {rebuilt.status} at rest: {rebuilt.waits_for}, due {rebuilt.due_at}"))
    if any(isinstance(event, e.Ended) for event in events[:-1]) and goes_on_after_end(events):
        stories.append(("I2", f"saga {saga_id} goes on after its end"))
    stories += [("I5", f"saga {saga_id} ({start.key}): {what}") for what in out_of_order(events)]
    stories += [("I7", f"saga {saga_id} ({start.key}): {what}") for what in undone_after_pivot(events)]
    stories += [("I6", f"saga {saga_id} ({start.key}): {what}") for what in undone_out_of_order(events)]
    stories += [("I8", f"saga {saga_id} ({start.key}): {what}") for what in _differs(rebuilt, row)]
    return stories


def goes_on_after_end(events: Sequence[e.Event]) -> bool:
    """I2: an end is absorbing, but for a late success that reopens it."""
    ended = False
    for event in events:
        if ended and not isinstance(event, e.StepSucceeded | e.SagaReopened | e.ReplyIgnored):
            return True
        ended = isinstance(event, e.Ended) or (ended and not isinstance(event, e.SagaReopened))
    return False


def out_of_order(events: Sequence[e.Event]) -> Iterator[str]:
    """I5."""
    settled: set[str] = set()
    turned = False
    for event in events:
        match event:
            case e.StepSucceeded() | e.StepSkipped():
                settled.add(event.step)
            case e.TurnedBack():
                turned = True
            case e.StepIssued() if turned or not settled.issuperset(event.after):
                yield f"{event.step} is issued {'after turning back' if turned else f'before {set(event.after) - settled} succeeded'}"
            case e.StepResent() if turned:
                yield f"{event.step} is sent again after turning back"
            case e.UndoIssued() if not turned and not event.actor:
                yield f"the undo of {event.step} is issued before turning back"
            case _:
                pass


def undone_after_pivot(events: Sequence[e.Event]) -> Iterator[str]:
    """I7."""
    pivots = {event.step for event in events if isinstance(event, e.StepIssued) and event.kind == "pivot"}
    passed = False
    for event in events:
        if isinstance(event, e.StepSucceeded) and event.step in pivots and not event.late:
            passed = True
        if isinstance(event, e.UndoIssued) and event.kind == "undo" and passed:
            yield f"the undo of {event.step} is issued after the pivot succeeded"


def undone_out_of_order(events: Sequence[e.Event]) -> Iterator[str]:
    """I6, the order: the undo of what depends on a step is settled before the first undo of that step is issued."""
    after = {event.step: event.after for event in events if isinstance(event, e.StepIssued)}
    late = {event.step for event in events if isinstance(event, e.StepSucceeded) and event.late}
    first = {event.step: place for place, event in reversed(list(enumerate(events))) if isinstance(event, e.UndoIssued)}
    settled = {
        event.step: place
        for place, event in reversed(list(enumerate(events)))
        if isinstance(event, e.UndoSucceeded | e.UndoSkipped | e.UndoRefused)
    }
    for step, before in after.items():
        for earlier in before:
            if step in first and earlier in first and step not in late and settled.get(step, len(events)) > first[earlier]:
                yield f"the undo of {earlier} is issued before that of {step} is settled"


def _gather(saga_id: UUID, start: e.SagaStarted, events: Sequence[e.Event], found: Sagas) -> None:
    key = start.key
    found.keys.setdefault(key, []).append(saga_id)
    found.events += len(events)
    undoes = {event.command_id: event.undoes for event in events if isinstance(event, e.UndoIssued)}
    for event in events:
        found.moments.append((event.at.timestamp(), start.partition_key))
        if actor := getattr(event, "actor", ""):
            found.by_hand.add(f"{actor} {getattr(event, 'input_id', '')}")
        match event:
            case e.StepIssued():
                found.issued[event.command_id] = (event.body, event.participant, key)
                found.dos.setdefault(key, {})[event.step] = event.command_id
            case e.UndoIssued():
                found.issued[event.command_id] = (event.body, event.participant, key)
            case e.StepSucceeded():
                found.answered.setdefault(event.command_id, set()).add("succeeded")
            case e.StepRefused() | e.UndoRefused():
                found.answered.setdefault(event.command_id, set()).add("refused")
            case e.UndoSucceeded():
                found.undone.update({do for undo, do in undoes.items() if event.effect and undo == event.command_id})
                found.answered.setdefault(event.command_id, set()).add("succeeded" if event.effect else "nothing-to-undo")
            case e.ReplyIgnored():
                found.answered.setdefault(event.command_id, set()).add(event.outcome)
            case e.TurnedBack():
                found.turned.add(key)
            case _:
                pass


def _differs(rebuilt: Any, row: Mapping[str, Any] | None) -> Iterator[str]:
    if row is None:
        yield "it has no row"
        return
    for name in ("version", "status", "ended", "ended_at", "waits_for", "key", "started_at", "last_progress"):
        if getattr(rebuilt, name) != row[name]:
            yield f"{name} of its row is {row[name]}, of its events {getattr(rebuilt, name)}"
    if rebuilt.due_at is not None and (row["due_at"] is None or row["due_at"] > rebuilt.due_at):
        yield f"its row is due {row['due_at']}, its events {rebuilt.due_at}"
