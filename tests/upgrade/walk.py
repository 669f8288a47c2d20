"""Stories of a shape by chance: participants that keep to the table of wire.md, a network that loses, repeats and reorders, and people.

Unlike tests/explore, which sees every order of events with an abstract clock, a walk has one order and a clock that moves: what it
writes down is a stream as it could stand in the database.
"""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from saga.core.effects import command_of
from saga.core.inputs import AnswerByHand, Cancel, Doubt, Fence, Input, Pause, ReplyInput, Resume, RetryByHand, Skip, Start, Tick
from saga.core.state import State, next_due
from saga.definition.graph import Definition
from saga.messages import FAILED_TYPE, IN_PROGRESS_TYPE, NOTHING_TO_UNDO_TYPE, REFUSED_TYPE, UNDONE_TYPE, Outcome
from tests.unit.core_model import SUCCEEDED, Asked, Book, choices, finish, forget, handle
from tests.upgrade.history import History, Step, take

BEGAN = datetime(2026, 1, 1, 12, tzinfo=UTC)
TYPES = {
    Outcome.FAILED: FAILED_TYPE,
    Outcome.IN_PROGRESS: IN_PROGRESS_TYPE,
    Outcome.NOTHING_TO_UNDO: NOTHING_TO_UNDO_TYPE,
    Outcome.REFUSED: REFUSED_TYPE,
}
LOOKS = 60
DONE = '{"note":"done"}'


class Walk:
    """One saga on its way. `trouble` is the share of moves in which something goes wrong or a person acts."""

    def __init__(self, definition: Definition, seed: int, trouble: float) -> None:
        self._definition = definition
        self._chance = random.Random(seed)
        self._trouble = trouble
        self._now = BEGAN
        self._state = State()
        self._steps: list[Step] = []
        self._asked: list[Asked] = []
        self._said: list[tuple[Asked, Outcome]] = []
        self._books: dict[str, Book] = {}
        self._key = f"{definition.name}-{seed}"
        self._requests = 0

    def story(self, longest: int) -> History:
        """Walk until the end of the saga and a little further, or so many decisions."""
        body = f'{{"gift":{str(self._chance.random() < 0.5).lower()},"order_id":"{self._key}"}}'.encode()
        self._hear(Start(tenant="default", key=self._key, partition_key=self._key, input_id="start", body=body, body_hash="0" * 64))
        after_the_end = 0
        while len(self._steps) < longest and after_the_end < 3:
            after_the_end += bool(self._state.ended)
            for _ in range(LOOKS):
                before = len(self._steps)
                self._move()
                if len(self._steps) > before:
                    break
            else:
                break
        return History(self._key, tuple(self._steps))

    def _move(self) -> None:
        self._now += timedelta(milliseconds=self._chance.randrange(1, 2_000))
        moves = [self._deliver] * 3 * bool(self._asked) + [self._answer] * 4 * bool(self._said) + [self._wait]
        if self._chance.random() < self._trouble:
            moves = [self._act, self._act, self._lose, self._forget, self._finish, self._say_progress, self._wait]
        self._chance.choice(moves)()

    def _hear(self, given: Input) -> None:
        step, after = take(self._definition, self._state, given, self._now)
        self._steps.append(step)
        for event in step.facts():
            command = command_of(after, event)
            if command is not None:
                self._asked.append(Asked(command.command_id, command.undoes, command.type == "saga.fence.v1", command.attempt))
        self._state = after

    def _deliver(self) -> None:
        asked = self._chance.choice(self._asked)
        if self._chance.random() > self._trouble / 2:
            self._asked.remove(asked)
        do = asked.undoes or asked.command_id
        book = self._books.get(do, Book())
        hopeful = choices(book, asked)
        choice = hopeful[0] if self._chance.random() > self._trouble else self._chance.choice(hopeful)
        self._books[do], outcome = handle(book, asked, choice)
        self._said.append((asked, outcome))

    def _answer(self) -> None:
        asked, outcome = said = self._chance.choice(self._said)
        if self._chance.random() > self._trouble / 2:
            self._said.remove(said)
        undo = bool(asked.undoes)
        good = outcome is Outcome.SUCCEEDED
        kind = TYPES[outcome] if not good else UNDONE_TYPE if undo else self._definition_reply(asked.command_id)
        body = DONE.encode() if good and not undo else b"{}"
        self._hear(ReplyInput(asked.command_id, "works", kind, outcome, asked.attempt, body, f"{asked.command_id}-{outcome}"))

    def _definition_reply(self, command_id: str) -> str:
        step = self._state.commands[command_id].of.step
        return self._definition.steps[step].command.success_types()[0].message_type

    def _finish(self) -> None:
        working = [do for do, book in self._books.items() if book.status == "working"]
        if working:
            do = self._chance.choice(working)
            self._books[do], outcome = finish(self._books[do], succeed=self._chance.random() < 0.7)
            self._said.append((Asked(do, "", False, 1), outcome))

    def _wait(self) -> None:
        due = next_due(self._state)
        if due is None and self._chance.random() < 0.9:
            return
        if due is not None and self._chance.random() < 0.9:
            self._now = max(self._now, due)
        if self._chance.random() < self._trouble / 3:
            self._now += timedelta(minutes=self._chance.choice((4, 9, 13, 16)))  # a person is asked after a quarter of an hour
        self._hear(Tick())

    def _lose(self) -> None:
        self._asked.clear()
        self._said.clear()

    def _forget(self) -> None:
        """What a participant must not do: what comes of it is in the corpus too."""
        self._books = {do: forget(book) for do, book in self._books.items()}

    def _say_progress(self) -> None:
        if self._asked:
            self._said.append((self._chance.choice(self._asked), Outcome.IN_PROGRESS))

    def _act(self) -> None:
        self._requests += 1
        hand: dict[str, Any] = {"actor": "ada", "reason": "because", "input_id": f"request-{self._requests}"}
        step = self._chance.choice(list(self._definition.steps))
        acts: list[Input] = [Cancel(**hand), Pause(**hand), *[Resume(**hand)] * 3]
        acts += [kind(step=step, **hand) for kind in (RetryByHand, RetryByHand, Skip, Doubt, Fence)]
        if any(book.status == SUCCEEDED for book in self._books.values()):
            acts.append(AnswerByHand(step=step, evidence="seen", body=DONE, **hand))
        self._hear(self._chance.choice(acts))
