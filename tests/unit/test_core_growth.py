"""What a record costs grows with the steps of its saga, and not faster: counted in calls of functions, which are the same every time."""

import sys
from collections.abc import Callable
from types import FrameType

import pytest

from saga.core.decide import decide
from saga.definition.graph import Definition
from saga.testing.inputs import Said, refused, started, succeeded, undone
from saga.testing.scenario import Story, given
from tests.unit.core_shapes import Placed, shape, step

SHORT, LONG = 20, 80


def chain(length: int) -> Definition:
    """Each step depends on the one before."""
    return shape(*(step(f"s{number}", after=(f"s{number - 1}",) if number else ()) for number in range(length)))


def side_by_side(length: int) -> Definition:
    """No step depends on another."""
    return shape(*(step(f"s{number}") for number in range(length)))


def calls(act: Callable[[], object]) -> int:
    """Calls of functions in Python while it acts; a generator that goes on counts as one."""
    counted = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal counted
        counted += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        act()
    finally:
        sys.setprofile(before)
    return counted


def decision(story: Story, said: Said) -> int:
    """What it costs to decide on this, without the fold before it."""
    state = story.state
    heard = said.make(story.definition, state)
    return calls(lambda: decide(story.definition, state, heard, story.now))


def do_in_the_middle(definition: Definition) -> int:
    """What the success of the step in the middle costs."""
    middle = len(definition.steps) // 2
    story = given(definition, started(Placed()), *(succeeded(f"s{number}") for number in range(middle)))
    return decision(story, succeeded(f"s{middle}"))


def undo_in_the_middle(definition: Definition) -> int:
    """What the undo of the step in the middle costs, once those after it are undone."""
    last, middle = len(definition.steps) - 1, len(definition.steps) // 2
    done = (*(succeeded(f"s{number}") for number in range(last)), refused(f"s{last}"))
    story = given(definition, started(Placed()), *done, *(undone(f"s{number}") for number in range(last - 1, middle, -1)))
    return decision(story, undone(f"s{middle}"))


@pytest.mark.parametrize("cost", [do_in_the_middle, undo_in_the_middle])
@pytest.mark.parametrize("made", [chain, side_by_side])
def test_a_record_of_a_saga_with_four_times_the_steps_costs_no_more_than_four_times_as_much(
    made: Callable[[int], Definition], cost: Callable[[Definition], int]
) -> None:
    assert cost(made(LONG)) <= LONG / SHORT * cost(made(SHORT))
