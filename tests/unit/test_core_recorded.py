"""What events and refusals say for those who read them later: who acted, on which command, why, and in which epoch."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from saga.core import events as e
from saga.core.decide import decide
from saga.core.evolve import evolve
from saga.core.inputs import RetryByHand, Start
from saga.core.project import row_of, waits_for
from saga.core.starting import MAX_KEY, read_key
from saga.core.state import State
from saga.errors import ActRefused, ContractError
from saga.messages import Outcome
from saga.testing.inputs import answer, cancel, fence, refused, retry, skip, started, succeeded
from saga.testing.scenario import NOON, SagaCompleted, StepIssued, StepSkipped, given
from tests.explore.timeless import reply_of
from tests.unit.core_shapes import ONE, TWO, WITH_PIVOT, Placed, Work, after_pivot, pivot, shape

BEGUN = started(Placed())
AT_LAST = shape(pivot("p"), after_pivot("r", takes=("p",)))
STUCK = (BEGUN, succeeded("p"), refused("r"))
BY_ADA = {"actor": "ada", "reason": "because"}


def test_a_skip_by_hand_names_the_person_and_the_command() -> None:  # I17, A13
    story = given(AT_LAST, *STUCK)
    command = story.state.step("r").sending.command_id
    story.when(skip("r", **BY_ADA)).then(StepSkipped("r", command_id=command, cause="operator", **BY_ADA), SagaCompleted)


def test_a_retry_of_a_refused_step_names_the_person() -> None:  # I17
    given(AT_LAST, *STUCK).when(retry("r", **BY_ADA)).then(StepIssued("r", generation=1, **BY_ADA))


def test_a_build_that_fails_again_and_again_takes_a_new_generation_each_time() -> None:  # design 4.8
    state = given(AT_LAST, *STUCK).state
    unbuilt = {
        **AT_LAST.steps,
        "r": after_pivot("r", takes=("p",), build=lambda placed, **_: Work(order_id=placed.nothing, step="r", notes=[])),
    }
    by_hand = RetryByHand(step="r", input_id="x", **BY_ADA)
    (parked,) = decide(replace(AT_LAST, steps=unbuilt), state, by_hand, NOON).events
    assert isinstance(parked, e.BuildFailed)
    story = given(AT_LAST, *STUCK)
    built = decide(AT_LAST, evolve(state, parked), replace(by_hand, input_id="y"), NOON).events
    assert [(event.generation, event.command_id) for event in built] == [(1, story.when(retry("r")).state.step("r").sending.command_id)]


def test_a_failure_keeps_what_the_participant_said_of_it() -> None:
    state = given(ONE, BEGUN).state
    sending = state.step("a").sending
    said = reply_of(state.commands[sending.command_id], sending.command_id, Outcome.FAILED, 1)
    (failed_then,) = decide(ONE, state, replace(said, body=b'{"code": "busy", "detail": "try later"}'), NOON).events
    assert isinstance(failed_then, e.StepFailed)
    assert (failed_then.code, failed_then.detail) == ("busy", "try later")


@pytest.mark.parametrize(
    ("history", "act", "names"),
    [
        ((BEGUN,), skip("a"), "a is issued"),
        ((BEGUN,), fence("a"), "a is not the pivot"),
        ((BEGUN, succeeded("a")), answer("a", undo=True), "the undo of a is not issued"),
        ((BEGUN, succeeded("a"), succeeded("p"), refused("r")), fence("r"), "r is not the pivot"),
    ],
)
def test_a_refusal_says_in_a_sentence_how_the_step_stands(history: Any, act: Any, names: str) -> None:
    refusal = given(WITH_PIVOT, *history).when(act).refused
    assert isinstance(refusal, ActRefused)
    assert names in refusal.detail


def test_a_saga_keeps_the_epoch_that_it_began_in() -> None:  # design 4.1
    start = Start(tenant="t", key="1", partition_key="1", input_id="i", body=Placed().body(), body_hash="h", epoch=7)
    begun = decide(ONE, State(), start, NOON).events[0]
    assert isinstance(begun, e.SagaStarted)
    assert begun.epoch == 7


def test_a_row_is_that_of_its_saga_and_says_where_it_turned_back_if_anywhere() -> None:
    refused_at_b = given(TWO, BEGUN, succeeded("a"), refused("b"))
    assert row_of(UUID(int=7), refused_at_b.state).saga_id == UUID(int=7)
    assert waits_for(refused_at_b.state).endswith("(turned back: refused at b)")
    assert waits_for(given(TWO, BEGUN, cancel()).state).endswith("(turned back: cancelled)")


@pytest.mark.parametrize(
    ("key", "body", "code"),
    [
        (lambda placed: placed.order_id, b'{"order_id": 7, "gift": []}', "invalid-body"),
        (lambda _: "", b"{}", "bad-key"),
        (lambda _: "x" * (MAX_KEY + 1), b"{}", "bad-key"),
        (lambda _: "a\x00b", b"{}", "bad-key"),
        (lambda placed: placed.nothing, b"{}", "bad-key"),
        (lambda _: 7, b"{}", "bad-key"),
    ],
)
def test_a_start_without_a_usable_key_says_what_is_wrong(key: Any, body: bytes, code: str) -> None:  # S9
    with pytest.raises(ContractError) as refusal:
        read_key(replace(ONE, key=key), body)
    assert refusal.value.code == code


def test_a_key_may_have_one_letter_or_as_many_as_are_allowed() -> None:
    assert read_key(replace(ONE, key=lambda _: "x"), b"{}") == "x"
    assert len(read_key(replace(ONE, key=lambda _: "x" * MAX_KEY), b"{}")) == MAX_KEY
