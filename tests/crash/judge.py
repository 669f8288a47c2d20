"""The invariants, from evidence alone. Each rule yields (invariant, fault) where it does not hold; a rule that yields nothing held.

I9 is judged by the lane, which sees what a rebuild adds to the topics; I21 by the report.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from saga.core import events as e
from saga.core.evolve import fold
from saga.core.project import row_of
from saga.core.state import Do, State, Undo
from tests.crash.evidence import Record, Story
from tests.crash.shapes import STOCK, Shape

UNDO_OF = {"release": "hold", "refund": "charge", "unwrap": "wrap", "spill": "brew"}
TOLD = (e.SagaStarted, e.TurnedBack, e.UndoParked, e.SagaCompleted, e.SagaCompensated, e.SagaCancelled)
FAILS = {"cancelled": "charge", "retriable": "ship"}  # what is answered `failed`, by shape
LASTING = ("succeeded", "refused", "nothing-to-undo")
CONNECTIONS = 40
Fault = tuple[str, str]
Offsets = Mapping[str, tuple[Mapping[tuple[str, int], int], Mapping[tuple[str, int], int]]]


@dataclass
class Evidence:
    """One case at quiescence. `offsets`: per group, committed and end by partition; `tables`: what waits, by table."""

    shape: Shape
    key: str
    story: Story
    records: list[Record]
    barrier: Mapping[str, Mapping[str, Any]]
    offsets: Offsets
    waiting: Mapping[str, int] = field(default_factory=dict)
    pieces: int = STOCK
    changed: int = 0  # pieces by all effects of the lane

    @property
    def is_quiet(self) -> bool:
        """Whether it was one moment's rest: no record that a group has not read, nothing that is about to be sent."""
        return all_read(self.offsets) and not any(self.waiting.get(table) for table in ("outbox", "participant's outbox", "working"))

    @property
    def state(self) -> State:
        """The fold."""
        return fold(self.story.events)

    def of(self, topic: str) -> list[Record]:
        """The records of this saga on a topic."""
        ident = str(self.story.saga_id)
        return [one for one in self.records if one.topic.endswith(topic) and one.headers.get("ce_sagaid") == ident]


def all_read(offsets: Offsets) -> bool:
    """Whether no group has a record before it that it has not committed."""
    return all(committed == ends for committed, ends in offsets.values())


def judge(evidence: Evidence) -> Iterator[tuple[str, list[str]]]:
    """Each invariant that was checked, with its faults."""
    found: dict[str, list[str]] = {name: [] for name, _ in RULES}
    if evidence.story.saga_id is None:
        yield "I13", [f"the start of {evidence.key} was acknowledged and there is no saga"]
        return
    for name, rule in RULES:
        found[name].extend(rule(evidence))
    yield from found.items()


def _contiguous(evidence: Evidence) -> Iterator[str]:
    if evidence.story.versions != list(range(1, len(evidence.story.versions) + 1)):
        yield f"its versions are {evidence.story.versions}"


def _ended(evidence: Evidence) -> Iterator[str]:
    status = evidence.story.row["status"] if evidence.story.row else "without a row"
    if status != evidence.shape.end:
        yield f"it is {status} and not {evidence.shape.end}: {_names(evidence)}"


def _once(evidence: Evidence) -> Iterator[str]:
    times = Counter((row["what"], row["do_id"]) for row in evidence.story.effects)
    whats = Counter(row["what"] for row in evidence.story.effects)
    yield from (f"{what} happened {count} times" for (what, _), count in times.items() if count > 1)
    yield from (f"{what} happened under {count} ids" for what, count in whats.items() if count > 1)


def _sent(evidence: Evidence) -> Iterator[str]:
    issued = {event.command_id: event for event in evidence.story.events if isinstance(event, e.StepIssued | e.UndoIssued)}
    sent: dict[str, list[Record]] = {command_id: [] for command_id in issued}
    for record in evidence.of(".commands"):
        if record.headers["ce_id"] not in issued:
            yield f"a command was sent that no event issued: {record.headers['ce_type']}"
            continue
        sent[record.headers["ce_id"]].append(record)
    for command_id, records in sent.items():
        if not records:
            yield f"{_what(issued[command_id])} was issued and never sent"
        if any(orjson.loads(record.value) != orjson.loads(issued[command_id].body) for record in records):
            yield f"{_what(issued[command_id])} was sent with another body"


def _answers_sent(evidence: Evidence) -> Iterator[str]:
    """What a participant has committed reaches its topic: remembered answers and domain events."""
    said = {record.headers.get("ce_causationid") for record in evidence.records if record.topic.endswith(".events")}
    mute = {event.command_id for event in evidence.story.events if isinstance(event, e.StepIssued) and event.step == "charge"}
    mute = mute if evidence.shape.name == "doubt" else set()
    for command_id in evidence.state.commands:
        row = evidence.barrier.get(command_id)
        if row and row["answer_id"] and command_id not in said | mute:
            yield f"the answer to {row['type']} was committed and never sent"
    happened = [orjson.loads(one.value)["command_id"] for one in evidence.records if ".Happened." in one.headers.get("ce_type", "")]
    for effect in evidence.story.effects:
        if effect["command_id"] not in happened:
            yield f"the domain event of {effect['what']} was committed and never sent"


def _order(evidence: Evidence) -> Iterator[str]:
    done, turned = set[str](), False
    for event in evidence.story.events:
        turned = turned or isinstance(event, e.TurnedBack)
        if isinstance(event, e.StepSucceeded | e.StepSkipped):
            done.add(event.step)
        if isinstance(event, e.StepIssued) and (turned or not done >= set(event.after)):
            yield f"{event.step} was issued {'after the saga had turned back' if turned else 'before what it depends on'}"
        if isinstance(event, e.UndoIssued) and not turned:
            yield f"the undo of {event.step} was issued in a saga that had not turned back"


def _balanced(evidence: Evidence) -> Iterator[str]:
    what = [row["what"] for row in evidence.story.effects]
    undone = {UNDO_OF[name] for name in what if name in UNDO_OF}
    dos = {name for name in what if name not in UNDO_OF}
    if dos - undone != evidence.shape.stands:
        yield f"what stands is {sorted(dos - undone)} and not {sorted(evidence.shape.stands)}"
    if undone - dos:
        yield f"undone without having happened: {sorted(undone - dos)}"
    if {"refund", "release"} <= set(what) and what.index("release") < what.index("refund"):
        yield "hold was undone before charge, which depends on it"
    if evidence.shape.end in ("compensated", "cancelled"):
        for event in evidence.story.events:
            if isinstance(event, e.UndoIssued) and event.step not in dos:
                state = evidence.barrier.get(event.undoes, {}).get("state")
                if state not in ("tombstone", "refused"):
                    yield f"{event.step} never happened and may still happen: {state}"


def _no_undo_after_pivot(evidence: Evidence) -> Iterator[str]:
    pivot = False
    for event in evidence.story.events:
        pivot = pivot or (isinstance(event, e.StepSucceeded) and event.step == "capture")
        if pivot and isinstance(event, e.UndoIssued):
            yield f"the undo of {event.step} was issued after the pivot"


def _row(evidence: Evidence) -> Iterator[str]:
    row, wanted = evidence.story.row, row_of(evidence.story.saga_id, evidence.state)  # type: ignore[arg-type]
    if row is None:
        yield "it has no row"
        return
    for name in ("version", "status", "ended", "key", "started_at", "ended_at", "waits_for", "last_progress"):
        if row[name] != getattr(wanted, name):
            yield f"{name} of its row is {row[name]}, its events say {getattr(wanted, name)}"
    if wanted.due_at is not None and (row["due_at"] is None or row["due_at"] > wanted.due_at):
        yield f"its row is due at {row['due_at']}, its events say {wanted.due_at}"
    if wanted.ended and row["due_at"] is not None:
        yield "it has ended and is due"


def _accounted(evidence: Evidence) -> Iterator[str]:
    for group, (committed, ends) in evidence.offsets.items():
        for place, end in ends.items():
            if committed.get(place, 0) != end:
                beyond = [one for one in evidence.records if (one.topic, one.partition) == place and one.offset >= committed.get(place, 0)]
                told = ", ".join(
                    f"{one.key.decode()} {one.headers['ce_type'].split('.')[-2]} {one.headers.get('ce_attempt', '')}" for one in beyond
                )
                yield f"{group} has committed {committed.get(place, 0)} of {place}, which ends at {end}: {told}"
    yield from unaccounted_replies(evidence.story, evidence.of(".events"))
    yield from unaccounted_commands(evidence.of(".commands"), evidence.barrier, evidence.shape)
    yield from (f"{count} rows of {table}" for table, count in evidence.waiting.items() if count and table in ("dead", "held", "set_aside"))


def unsent_commands(events: Sequence[e.Event], waiting: Collection[int], records: Collection[Record]) -> Iterator[str]:
    """Awaited commands that are neither on their topic nor in the outbox: nobody would send them any more. `waiting` are the versions
    that have a pointer, seen in one moment with the events; the topic was read later."""
    sent = {(record.headers["ce_id"], record.headers["ce_attempt"]) for record in records if record.topic.endswith(".commands")}
    state = fold(events)
    for step in state.steps.values():
        for awaited, sending in ((step.do is Do.ISSUED, step.sending), (step.undo is Undo.ISSUED, step.undo_sending)):
            if not awaited or sending is None or (sending.command_id, str(sending.attempt)) in sent:
                continue
            version = max(number for number, event in enumerate(events, 1) if _sends(event) and event.command_id == sending.command_id)
            if version not in waiting:
                yield f"attempt {sending.attempt} of {step.id.step} is awaited, was not sent, and nothing will send it"


def _sends(event: Any) -> bool:
    return isinstance(event, e.StepIssued | e.StepResent | e.UndoIssued | e.UndoResent)


def unaccounted_replies(story: Story, records: Collection[Record]) -> Iterator[str]:
    """Records of the events topic that no event of their saga knows of."""
    settled = {
        event.command_id
        for event in story.events
        if isinstance(event, e.StepSucceeded | e.StepRefused | e.UndoSucceeded | e.UndoRefused | e.ReplyIgnored | e.StepDoubted)
    }
    failed = {(event.command_id, event.attempt) for event in story.events if isinstance(event, e.StepFailed | e.UndoFailed)}
    for record in records:
        about, outcome = record.headers.get("ce_causationid", ""), record.headers.get("ce_outcome", "")
        known = about in settled or (outcome == "failed" and (about, int(record.headers["ce_attempt"])) in failed)
        if about and outcome in (*LASTING, "failed") and not known:
            yield f"{outcome} at {record.topic}[{record.partition}]@{record.offset} is below the offset and in no event"


def unaccounted_commands(records: Collection[Record], barrier: Mapping[str, Mapping[str, Any]], shape: Shape) -> Iterator[str]:
    """Records of the commands topic that the participant's tables do not know. What it only answered `failed` leaves no row."""
    for record in records:
        if record.headers["ce_id"] not in barrier and record.headers["ce_step"] != FAILS.get(shape.name):
            yield f"{record.headers['ce_type']} at [{record.partition}]@{record.offset} is below the offset and in no row of the barrier"


def _conserved(evidence: Evidence) -> Iterator[str]:
    if evidence.pieces != STOCK + evidence.changed:
        yield f"{evidence.pieces} pieces are left, the effects say {STOCK + evidence.changed}"


def _one_saga(evidence: Evidence) -> Iterator[str]:
    if evidence.story.keys != 1:
        yield f"{evidence.story.keys} sagas have the key {evidence.key}"


def _deadlines(evidence: Evidence) -> Iterator[str]:
    due: dict[str, Any] = {}
    attempt: dict[str, int] = {}
    for event in evidence.story.events:
        match event:
            case e.StepIssued() | e.UndoIssued() | e.StepResent() | e.UndoResent():
                resent = isinstance(event, e.StepResent | e.UndoResent)
                if event.attempt != attempt.get(event.command_id, 0) + 1:
                    yield f"attempt {event.attempt} of {event.step} follows attempt {attempt.get(event.command_id, 0)}"
                if resent and due.get(event.command_id) and event.at < due[event.command_id]:
                    yield f"{event.step} was sent again at {event.at}, due at {due[event.command_id]}"
                attempt[event.command_id], due[event.command_id] = event.attempt, event.due_at
            case e.StepProgressed() | e.UndoProgressed():
                due[event.command_id] = event.due_at
            case e.StepFailed() | e.UndoFailed():
                if event.code == "no-answer" and event.at < due[event.command_id]:
                    yield f"attempt {event.attempt} of {event.step} was given up at {event.at}, due at {due[event.command_id]}"
                due[event.command_id] = event.retry_at


def _told(evidence: Evidence) -> Iterator[str]:
    told = {record.headers["ce_id"] for record in evidence.of(".lifecycle")}
    for version, event in enumerate(evidence.story.events, 1):
        if isinstance(event, TOLD) and f"{evidence.story.saga_id}:{version}" not in told:
            yield f"{type(event).__name__} was never told on the lifecycle topic"


def _tidy(evidence: Evidence) -> Iterator[str]:
    for table, count in evidence.waiting.items():
        if table == "connections":
            if count > CONNECTIONS:
                yield f"{count} connections are open"
        elif count and table not in ("dead", "held", "set_aside"):
            yield f"{count} rows wait in {table}"


def _names(evidence: Evidence) -> str:
    return " ".join(type(event).__name__ + (f"({event.step})" if hasattr(event, "step") else "") for event in evidence.story.events)


def _what(event: e.StepIssued | e.UndoIssued) -> str:
    return f"{'the undo of ' if isinstance(event, e.UndoIssued) else ''}{event.step}"


RULES: tuple[tuple[str, Callable[[Evidence], Iterator[str]]], ...] = (
    ("I1", _contiguous),
    ("I2", _ended),
    ("I3", _once),
    ("I4", _sent),
    ("I4", _answers_sent),
    ("I5", _order),
    ("I6", _balanced),
    ("I7", _no_undo_after_pivot),
    ("I8", _row),
    ("I10", _accounted),
    ("I12", _conserved),
    ("I13", _one_saga),
    ("I15", _deadlines),
    ("I18", _told),
    ("I19", _tidy),
)
