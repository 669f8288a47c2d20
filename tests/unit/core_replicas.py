"""Two replicas over one stream, without a database: caches that grow stale, crashes between any two writes, and a network that duplicates,
reorders and drops. Participants answer by `core_model`. Every rule of the core that a history shows is checked as it happens.

One turn of a replica is: append at the version decided on, send, forget the record (its offset). A crash may fall after any of them.
"""

from dataclasses import dataclass
from datetime import datetime

from saga.core import events as e
from saga.core.decide import decide
from saga.core.effects import CommandToSend, command_of, sends
from saga.core.evolve import fold
from saga.core.inputs import Decision, Input, ReplyInput, Resume, Start, Tick
from saga.core.project import status_of
from saga.core.state import State, Undo, next_due
from saga.core.upcast import decode, encode
from saga.definition.graph import Definition
from saga.errors import ActRefused
from saga.messages import FAILED_TYPE, FENCE_TYPE, IN_PROGRESS_TYPE, NOTHING_TO_UNDO_TYPE, REFUSED_TYPE, UNDONE_TYPE, Outcome
from saga.testing.scenario import NOON
from tests.explore.rules import check_decision
from tests.unit.core_model import SUCCEEDED, Asked, Book, choices, finish, handle
from tests.unit.core_shapes import Done, Placed

APPENDED, SENT, NEVER = "appended", "sent", "never"
TYPES = {
    Outcome.REFUSED: REFUSED_TYPE,
    Outcome.FAILED: FAILED_TYPE,
    Outcome.IN_PROGRESS: IN_PROGRESS_TYPE,
    Outcome.NOTHING_TO_UNDO: NOTHING_TO_UNDO_TYPE,
    Outcome.SUCCEEDED: UNDONE_TYPE,
}


@dataclass(frozen=True, slots=True)
class Turn:
    """What was decided on which version, so that it can be decided again."""

    version: int
    given: Input
    now: datetime
    events: tuple[e.Event, ...]


class Replicas:
    """The world of one saga."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.now = NOON
        self.stream: list[bytes] = []
        self.pointers: set[int] = set()
        self.commands: list[CommandToSend] = []
        self.replies: list[ReplyInput] = []
        self.books: dict[str, Book] = {}
        self.caches: list[State | None] = [None, None]
        self.turns: list[Turn] = []
        self.bodies: dict[str, tuple[str, bytes, str]] = {}
        self.fired: set[tuple[str, str, int, str]] = set()
        self.stale = 0
        start = Start(tenant="t", key="1042", partition_key="1042", input_id="i", body=Placed().body(), body_hash="h")
        self.hear(0, start, NEVER)

    @property
    def state(self) -> State:
        """The truth: the fold of the stream."""
        return fold(decode(data) for data in self.stream)

    def hear(self, replica: int, given: Input, crash: str) -> bool:
        """One turn of a replica; whether its record is done with."""
        state = self.caches[replica] or self.state
        decision = self._decide(state, given)
        if state.version != len(self.stream):  # the append fails by its version, or the empty decision by the check
            self.stale += 1
            state = self.state
            decision = self._decide(state, given)
        self._append(state, given, decision)
        if crash == APPENDED:
            self.caches[replica] = None
            return False
        self.caches[replica] = fold(decision.events, state)
        self._send(range(state.version + 1, len(self.stream) + 1), keep=crash == SENT)
        if crash == SENT:
            self.caches[replica] = None
        return crash == NEVER

    def sweep(self) -> None:
        """Somebody claims the pointers that a crash left behind."""
        self._send(sorted(self.pointers), keep=False)

    def deliver(self, command: CommandToSend, choice: int) -> None:
        """A participant handles a command and answers."""
        asked = Asked(command.command_id, command.undoes, command.type == FENCE_TYPE, command.attempt)
        do = command.undoes or command.command_id
        book = self.books.get(do, Book())
        possible = choices(book, asked)
        self.books[do], outcome = handle(book, asked, possible[choice % len(possible)])
        self._answer(command, outcome)

    def finish_work(self, *, succeed: bool) -> None:
        """Every do that is being worked on ends, and its answer comes unasked."""
        for do, book in self.books.items():
            if book.status == "working":
                self.books[do], outcome = finish(book, succeed=succeed)
                self._answer(next(command for command in self.commands_ever() if command.command_id == do), outcome)

    def commands_ever(self) -> list[CommandToSend]:
        """What the stream has sent, as it was first recorded."""
        events = [decode(data) for data in self.stream]
        found = [command_of(fold(events[: at + 1]), event) for at, event in enumerate(events) if sends(event)]
        return [command for command in found if command is not None]

    def check(self) -> None:
        """What holds at every moment."""
        state = self.state
        assert state.version == len(self.stream)  # I1
        assert state.life.status == status_of(state)  # I18: what was told last is what is so
        for cached in self.caches:
            assert cached is None or cached.version != state.version or cached == state  # I8
        for book in self.books.values():
            assert book.undone <= book.done <= 1  # I3

    def check_again(self) -> None:
        """I8: every decision ever taken is taken again on the prefix that it was taken on."""
        events = [decode(data) for data in self.stream]
        for turn in self.turns:
            assert decide(self.definition, fold(events[: turn.version]), turn.given, turn.now).events == turn.events

    def heal(self) -> None:
        """The network is kind from now on, and a pause is over: everything is swept, delivered, answered, and time passes, until nothing
        moves any more."""
        if self.state.paused is not None:
            self.hear(0, Resume(actor="eve", reason="over", input_id="act-resume"), NEVER)
        for _ in range(60):
            self.sweep()
            self.finish_work(succeed=True)
            for command in self._take(self.commands):
                self.deliver(command, 0)
            for reply in self._take(self.replies):
                self.hear(0, reply, NEVER)
            due = next_due(self.state)
            if not self.commands and not self.pointers and due is None:
                return
            if due is not None:
                self.now = max(self.now, due)
                self.hear(0, Tick(), NEVER)
        raise AssertionError("the saga does not come to rest")

    def check_end(self) -> None:
        """I6: the books of the participants are what the end says, but for what a person answered for."""
        state = self.state
        for step in state.steps.values():
            book = self.books.get(step.sending.command_id, Book()) if step.sending else Book()
            if step.undo in (Undo.SKIPPED, Undo.PARKED) or step.skipped_by_hand or not state.ended:
                continue
            if state.ended == "completed":
                assert (book.done, book.undone) == ((1, 0) if step.happened else (0, 0)), step
            elif self.definition.steps[step.id.step].undo is not None or book.status != SUCCEEDED:
                assert book.done == book.undone, step

    def _take(self, things: list) -> list:  # type: ignore[type-arg]
        taken = list(things)
        things.clear()
        return taken

    def _decide(self, state: State, given: Input) -> Decision:
        try:
            return decide(self.definition, state, given, self.now)
        except ActRefused as refused:
            return Decision((), None, refused.code)

    def _append(self, state: State, given: Input, decision: Decision) -> None:
        check_decision(self.definition, state, given, decision)
        self._check_deadlines(state, given, decision)
        self.turns.append(Turn(state.version, given, self.now, decision.events)) if decision.events else None
        for event in decision.events:
            self.stream.append(encode(event))
            if sends(event):
                self.pointers.add(len(self.stream))

    def _send(self, versions: object, *, keep: bool) -> None:
        state = self.state
        for version in [version for version in versions if version in self.pointers]:  # type: ignore[attr-defined]
            command = command_of(state, decode(self.stream[version - 1]))
            if command is not None:
                self._put(command)
            if not keep:
                self.pointers.discard(version)

    def _put(self, command: CommandToSend) -> None:
        known = self.bodies.setdefault(command.command_id, (command.type, command.body, command.undoes))
        assert known == (command.type, command.body, command.undoes)  # I4
        self.commands.append(command)

    def _answer(self, command: CommandToSend, outcome: Outcome) -> None:
        done = not command.undoes and outcome is Outcome.SUCCEEDED
        self.replies.append(
            ReplyInput(
                command_id=command.command_id,
                participant="works",
                type=Done.message_type if done else TYPES[outcome],
                outcome=outcome,
                attempt=command.attempt,
                body=Done().body() if done else b"{}",
                message_id=f"/works {command.command_id}/{outcome}",
            )
        )

    def _check_deadlines(self, state: State, given: Input, decision: Decision) -> None:
        """I15: a deadline fires once, and never before it is due."""
        if not isinstance(given, Tick):
            return
        due = {
            sending.command_id
            for step in state.steps.values()
            for sending in (step.sending, step.undo_sending)
            if sending is not None and sending.due_at is not None and sending.due_at <= self.now
        }
        for event in decision.events:
            if isinstance(event, e.StepFailed | e.StepResent | e.UndoFailed | e.UndoResent):
                fired = (type(event).__name__, event.command_id, event.attempt, getattr(event, "code", ""))
                assert event.command_id in due
                assert fired not in self.fired
                self.fired.add(fired)
