"""What people do in an explored world: any act at any time, and answers by hand that are true."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from saga.core.inputs import Act, AnswerByHand, Cancel, Doubt, Fence, Pause, Resume, RetryByHand, Skip
from saga.core.state import State
from saga.errors import ActRefused
from tests.explore import rules
from tests.unit.core_model import SUCCEEDED, UNDONE

if TYPE_CHECKING:
    from tests.explore.world import Node, World

DONE = '{"note":"done"}'
HAND = {"actor": "ada", "reason": "because", "input_id": "x"}


def acts(state: State) -> Iterator[tuple[str, Act, str]]:
    """What a person may ask in any state, and what it costs."""
    yield "cancel", Cancel(**HAND), "cancel"
    if state.paused is not None:
        yield "resume", Resume(**HAND), ""
    yield "pause", Pause(**HAND), "pause"
    for of in state.steps:
        for kind in (RetryByHand, Skip, Doubt, Fence):
            yield f"{kind.__name__.lower()} {of.step}", kind(step=of.step, **HAND), "hand"


def answers(world: "World", node: "Node") -> Iterator[tuple[str, "Node"]]:
    """A person says only what is so: that an effect is there, or that they took it back themselves."""
    if not node.budget.hand:
        return
    state, budget = world.folds[node.saga], replace(node.budget, hand=node.budget.hand - 1)
    for of, step in state.steps.items():
        slot = world.slots.get(step.sending.command_id) if step.sending else None
        book = world.books[node.books[slot]] if slot is not None else None
        if slot is None or book is None or book.status != SUCCEEDED:
            continue
        for undo in (False, True):
            label = f"answer by hand {'undo of ' if undo else ''}{of.step}"
            act = AnswerByHand(step=of.step, undo=undo, evidence="seen", body=DONE, **HAND)
            with rules.telling(label), suppress(ActRefused):
                saga, sent = world.decide(state, act)
                taken = world.book(replace(book, status=UNDONE, undone=1)) if undo else node.books[slot]
                books = (*node.books[:slot], taken, *node.books[slot + 1 :])
                yield label, node._replace(saga=saga, books=books, net=node.net | sent, budget=budget)
