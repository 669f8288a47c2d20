"""A recorded history: what one saga heard, what was decided, and what was to be seen of it after each decision.

One file a shape and release, JSON lines. The first line names the definition; each further line is one saga from its start:
`{"key": ..., "steps": [{"kind", "given", "now", "events", "ignored" or "refused", "seen"}]}`. Events are as they are stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from pydantic import TypeAdapter

from saga.core import inputs as i
from saga.core.decide import decide
from saga.core.effects import command_of
from saga.core.events import Event
from saga.core.evolve import fold
from saga.core.inputs import Input
from saga.core.project import row_of
from saga.core.state import State
from saga.core.upcast import decode, encode
from saga.definition.graph import Definition
from saga.definition.words import Saga
from saga.errors import ActRefused

KINDS: dict[str, TypeAdapter[Any]] = {
    kind.__name__: TypeAdapter(kind)
    for kind in (*(i.Start, i.ReplyInput, i.Tick, i.Cancel, i.RetryByHand, i.Skip, i.Pause, i.Resume, i.Doubt, i.AnswerByHand, i.Fence),)
}
_ID = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Step:
    """One decision. `events` as stored; `said` is why there are none; `seen` is what lists and the wire show afterwards."""

    kind: str
    given: dict[str, Any]
    now: datetime
    events: tuple[bytes, ...]
    said: str
    seen: dict[str, Any]

    @property
    def input(self) -> Input:
        """What was heard."""
        found: Input = KINDS[self.kind].validate_python(self.given, strict=False)
        return found

    def facts(self) -> list[Event]:
        """The events, read as today."""
        return [decode(event) for event in self.events]


@dataclass(frozen=True, slots=True)
class History:
    """One saga, from its start as far as it was recorded."""

    key: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A file: histories of one definition, which stands in `module` as it was when they were recorded."""

    shape: str
    module: str
    definition: str
    histories: tuple[History, ...] = field(default=())

    def compiled(self) -> Definition:
        """The definition. Raises LookupError when the module does not hold it."""
        for value in vars(import_module(self.module)).values():
            if isinstance(value, Saga) and (found := value.compile()).name == self.definition:
                return found
        raise LookupError(f"{self.module} holds no saga {self.definition}")


def take(definition: Definition, state: State, given: Input, now: datetime) -> tuple[Step, State]:
    """Decide, and write down what came of it; the fold afterwards."""
    said, events = "", tuple[Event, ...]()
    try:
        decision = decide(definition, state, given, now)
        events, said = decision.events, decision.ignored.value if decision.ignored else ""
    except ActRefused as error:
        said = f"refused: {error.code}"
    after = fold(events, state)
    return Step(type(given).__name__, shown(given), now, tuple(encode(one) for one in events), said, seen(after, events)), after


def shown(given: Input) -> dict[str, Any]:
    """An input as JSON can hold it."""
    found: dict[str, Any] = KINDS[type(given).__name__].dump_python(given, mode="json")
    return found


def seen(state: State, events: Sequence[Event]) -> dict[str, Any]:
    """What others see: the row without its times of day, the next due time, and which commands go out."""
    if state.started is None:
        return {}
    row = row_of(_ID, state)
    sent = [command_of(state, event) for event in events]
    return {
        "version": row.version,
        "status": row.status,
        "due_at": row.due_at and row.due_at.isoformat(),
        "parked": list(row.parked_steps),
        "sent": [[one.participant, one.command_id, one.type, one.undoes, one.attempt, one.body.decode()] for one in sent if one],
    }


def write(path: Path, recorded: Recorded) -> None:
    """Write the file. Raises FileExistsError: a recorded history is never written again."""
    lines: list[dict[str, Any]] = [{"shape": recorded.shape, "module": recorded.module, "definition": recorded.definition}]
    lines += [{"key": one.key, "steps": [line_of(step) for step in one.steps]} for one in recorded.histories]
    with path.open("xb") as file:
        file.write(b"".join(orjson.dumps(line, option=orjson.OPT_SORT_KEYS) + b"\n" for line in lines))


def read(path: Path) -> Recorded:
    """The histories of a file."""
    head, *lines = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    histories = tuple(History(line["key"], tuple(map(step_of, line["steps"]))) for line in lines)
    return Recorded(head["shape"], head["module"], head["definition"], histories)


def line_of(step: Step) -> dict[str, Any]:
    """A step as JSON can hold it. The codec byte of an event is its first character."""
    return {
        "kind": step.kind,
        "given": step.given,
        "now": step.now.isoformat(),
        "events": [event.decode() for event in step.events],
        "said": step.said,
        "seen": step.seen,
    }


def step_of(line: dict[str, Any]) -> Step:
    """The step of such a line."""
    now, events = datetime.fromisoformat(line["now"]), tuple(event.encode() for event in line["events"])
    return Step(line["kind"], line["given"], now, events, line["said"], line["seen"])
