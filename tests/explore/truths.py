"""What must hold in every state of the world: of what really happened at the participants, and of what may still happen.

After a restore from a backup the promise is smaller (design 4.1): no effect happens twice, and the saga comes to an end. That the end is
balanced is promised only where the topics were drained first and nobody acted in between.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from saga.core.project import status_of
from saga.core.state import Do, State, Undo
from saga.definition.graph import Definition, StepKind
from tests.explore.rules import Broken
from tests.unit.core_model import SUCCEEDED, UNKNOWN, WORKING, Book

if TYPE_CHECKING:
    from tests.explore.world import Node, World

NO_BACKUP = -1
RESTORED = -2


class Truths:
    """The rules of one world. What depends on the fold and the books alone is judged once for each pair."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._definition = world.definition
        self._judged: set[tuple[int, int]] = set()
        self._good: dict[tuple[int, int], bool | None] = {}

    def check(self, node: "Node") -> None:
        """I3, I6 and I7 on what really happened, and no do in flight that could still happen once a saga is compensated."""
        key = node.saga, node.books
        exact = self._exact(node)
        if key not in self._judged or node.backup == RESTORED:
            self._check_effects(node, exact=exact)
            if node.backup != RESTORED:
                self._judged.add(key)
        state = self._world.folds[node.saga]
        if exact and state.ended and state.ended != "completed" and not self.is_balanced(node):
            raise Broken("I6", f"{state.ended}, and an effect stays or may still come")

    def is_good(self, node: "Node") -> bool:
        """Where a story may stop: parked, paused by a person, completed, or undone with nothing left over."""
        key = node.saga, node.books
        if key not in self._good:
            state = self._world.folds[node.saga]
            resting = status_of(state) in ("parked", "paused") or state.ended == "completed"
            self._good[key] = True if resting else None if state.ended else False
        good = self._good[key]
        return good if good is not None else self.is_balanced(node) or (node.backup == RESTORED and not self._exact(node))

    def is_balanced(self, node: "Node") -> bool:
        """Whether everything that happened was undone and no copy in flight can happen any more; what a person skipped is excepted."""
        world, state = self._world, self._world.folds[node.saga]
        for name, of in self._definition.steps.items():
            step = state.step(name)
            if step is None or step.sending is None or step.undo is Undo.SKIPPED:
                continue
            book = world.book_of(node.books, step.sending.command_id)
            if book.status == SUCCEEDED and of.undo is None and of.kind is StepKind.COMPENSATABLE:
                continue
            may_come = book.status in (UNKNOWN, WORKING) and node.net & world.asked_in.get(step.sending.command_id, 0)
            if book.done != book.undone or may_come:
                return False
        return True

    def check_effect(self, node: "Node", command_id: str, before: Book, after: Book) -> None:
        """I5 on what really happens: no do after the undo of what it depends on, and only after what it depends on."""
        if after.done == before.done or not self._exact(node):
            return
        name = self._world.refs[command_id].of.step
        for ancestor in _ancestors(self._definition, name):
            step, book = self._world.folds[node.saga].step(ancestor), self._book(node, ancestor)
            if book is not None and (book.undone or not book.done) and step is not None and step.do is not Do.SKIPPED:
                raise Broken("I5", f"the do of {name} happened although {ancestor} is {book.status}")

    def _exact(self, node: "Node") -> bool:
        budget = self._world.shape.budget
        return not budget.weak and (node.backup != RESTORED or budget.exact_restore)

    def _check_effects(self, node: "Node", *, exact: bool) -> None:
        shelf = self._world.shelf(node.books)
        if any(book.undone > book.done or book.done > 1 for book in shelf):
            raise Broken("I3", "an effect happened twice, or was undone without having happened")
        state = self._world.folds[node.saga]
        if state.ended == "completed" and (exact or node.backup != RESTORED):
            self._check_completed(node, state)
        pivot = self._book(node, self._definition.pivot) if self._definition.pivot else None
        if exact and pivot is not None and pivot.done and any(book.undone for book in shelf):
            raise Broken("I7", "the pivot happened, and something was undone")

    def _check_completed(self, node: "Node", state: State) -> None:
        for step in state.steps.values():
            if step.do is Do.SKIPPED:
                continue
            book = self._book(node, step.id.step)
            if step.do is not Do.SUCCEEDED or book is None or (book.done, book.undone) != (1, 0):
                raise Broken("I6", f"completed, and {step.id.step} is {step.do}, in truth {book}")

    def _book(self, node: "Node", name: str) -> Book | None:
        step = self._world.folds[node.saga].step(name)
        return None if step is None or step.sending is None else self._world.book_of(node.books, step.sending.command_id)


def _ancestors(definition: Definition, name: str) -> Iterable[str]:
    for before in definition.steps[name].after:
        yield before
        yield from _ancestors(definition, before)
