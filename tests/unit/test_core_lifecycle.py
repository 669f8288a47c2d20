"""A saga's life: which events change it, how the changes hang together, and what is told of them."""

from dataclasses import replace
from itertools import pairwise

import pytest

from saga.core import events as e
from saga.core.evolve import evolve, fold
from saga.core.lifecycle import WHATS, LifeToSend, Telling, life_of
from saga.core.project import status_of, waits_for
from saga.core.state import State
from saga.definition.graph import Definition
from saga.testing.inputs import Said, cancel, pause, refused, resume, retry, skip, started, succeeded, tick, undone
from saga.testing.scenario import Story, given
from tests.unit.core_shapes import ONE, TWO, WITH_PIVOT, Placed, shape, step

BEGUN = started(Placed())
LIFE = Telling()
BAD = shape(step("a", build=lambda placed: None))  # noqa: ARG005


def told(story: Story, telling: Telling = LIFE) -> list[LifeToSend]:
    state, found = State(), []
    for number, event in enumerate(story.events, 1):
        state = evolve(state, event)
        if telling.tells(state, event):
            found.append(life_of(state, event, story.events[:number], waits_for(story.state)))
    return found


LIVES: list[tuple[Definition, tuple[Said, ...], list[str]]] = [
    (ONE, (succeeded("a"),), ["started running", "ended completed"]),
    (TWO, (succeeded("a"), refused("b"), undone("a")), ["started running", "turned-back compensating", "ended compensated"]),
    (TWO, (cancel(), succeeded("a"), undone("a")), ["started running", "turned-back compensating", "ended cancelled"]),
    (ONE, (pause(), resume(), succeeded("a")), ["started running", "paused paused", "resumed running", "ended completed"]),
    (
        TWO,
        (succeeded("a"), refused("b"), refused("a", undo=True), skip("a")),
        ["started running", "turned-back compensating", "parked parked", "unparked compensating", "ended compensated"],
    ),
    (
        WITH_PIVOT,
        (succeeded("a"), tick(after="16m"), succeeded("p"), refused("r"), retry("r"), succeeded("r")),
        ["started running", "parked parked", "unparked running", "parked parked", "unparked running", "ended completed"],
    ),
    (BAD, (cancel(),), ["started running", "parked parked", "turned-back compensating", "ended cancelled"]),
    (
        TWO,
        (succeeded("a"), tick(), tick(), tick(), tick(), tick(), undone("b"), undone("a"), succeeded("b")),
        ["started running", "turned-back compensating", "ended compensated"],
    ),
]


@pytest.mark.parametrize(("definition", "history", "life"), LIVES)
def test_a_life_is_told_by_its_changes(definition: Definition, history: tuple[Said, ...], life: list[str]) -> None:
    assert [f"{one.what} {one.status}" for one in told(given(definition, BEGUN, *history))] == life


@pytest.mark.parametrize(("definition", "history", "life"), LIVES)
def test_each_change_names_the_one_before_it_and_the_status_holds_until_the_next(
    definition: Definition, history: tuple[Said, ...], life: list[str]
) -> None:  # I18
    story = given(definition, BEGUN, *history)
    changes = told(story)
    assert changes[0].previous == 0
    assert all(later.previous == earlier.version for earlier, later in pairwise(changes))
    for number in range(1, len(story.events) + 1):
        state = fold(story.events[:number])
        assert status_of(state) == state.life.status == [one.status for one in changes if one.version <= number][-1]


def test_a_change_while_the_saga_is_paused_is_told_when_it_is_resumed() -> None:
    story = given(TWO, BEGUN, succeeded("a"), pause(), refused("b"))
    assert [one.status for one in told(story)] == ["running", "paused", "paused"]
    assert [one.what for one in told(story.when(resume()))][-1] == "resumed"
    assert told(story.when(resume()))[-1].status == "compensating"


def test_with_steps_every_event_is_told_and_names_the_change_before_it() -> None:
    story = given(TWO, BEGUN, succeeded("a"), refused("b"))
    every = told(story, Telling(steps=True))
    assert [one.version for one in every] == list(range(1, len(story.events) + 1))
    assert [(one.what, one.previous) for one in every[1:4]] == [("step-issued", 1), ("step-succeeded", 1), ("step-issued", 1)]
    assert [one for one in every if one.what in WHATS] == told(story)
    assert told(story, Telling(life=False, steps=True)) == []


def test_a_change_says_what_led_to_it_and_what_the_decision_waits_for() -> None:
    story = given(TWO, BEGUN, succeeded("a"), refused("b"))
    first, turned = told(story)
    assert (first.causation, first.event, first.key) == ("/tests 1042", "SagaStarted", "1042")
    refusal = next(event for event in story.events if isinstance(event, e.StepRefused))
    assert (turned.causation, turned.cause, turned.step) == (refusal.message_id, "refused", "b")
    assert turned.waits_for.startswith("the undo of a from works")


def test_what_a_deadline_led_to_has_no_causation() -> None:
    story = given(TWO, BEGUN, *[tick()] * 5)
    assert (told(story)[-1].what, told(story)[-1].causation) == ("turned-back", "")


def test_a_change_carries_the_trace_of_its_start_and_no_cause_where_there_is_none() -> None:
    begun = replace(given(ONE, BEGUN).events[0], traceparent="00-1-2-01", tracestate="v=1")
    life = life_of(fold([begun]), begun, [begun], "")
    assert (life.traceparent, life.tracestate, life.cause) == ("00-1-2-01", "v=1", "")
