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
    budget = world.spend(node.budget, "hand")
    if budget < 0:
        return
    for label, slot, saga, sent, undo in _answers(world, node.saga):
        book = world.books[world.shelves[node.books][slot]]
        if book.status == SUCCEEDED:
            taken = world.book(replace(book, status=UNDONE, undone=1)) if undo else world.shelves[node.books][slot]
            yield label, node._replace(saga=saga, books=world.put(node.books, slot, taken), net=node.net | sent, budget=budget)


def _answers(world: "World", saga: int) -> tuple[tuple[str, int, int, int, bool], ...]:
    known = world.by_hand.get(saga)
    if known is None:
        found = []
        for of, step in world.folds[saga].steps.items():
            for undo in (False, True) if step.sending else ():
                label = f"answer by hand {'undo of ' if undo else ''}{of.step}"
                act = AnswerByHand(step=of.step, undo=undo, evidence="seen", body=DONE, **HAND)
                with rules.telling(label), suppress(ActRefused):
                    found.append((label, world.slots[step.sending.command_id], *world.decide(world.folds[saga], act), undo))
        known = world.by_hand[saga] = tuple(found)
    return known
