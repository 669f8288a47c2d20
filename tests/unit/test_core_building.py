"""Design 4.7: what user code may do wrong."""

from dataclasses import replace
from typing import Any

import pytest

from saga.core.project import waits_for
from saga.core.upcast import encode
from saga.testing.inputs import nothing_to_undo, refused, started, succeeded, tick, undone
from saga.testing.scenario import (
    BuildFailed,
    SagaStarted,
    StepIssued,
    StepRefused,
    StepSucceeded,
    TurnedBack,
    UndoIssued,
    UndoSucceeded,
    given,
)
from tests.unit.core_shapes import SIDE_BY_SIDE, WITH_PIVOT, Done, Placed, Unwork, Work, after_pivot, pivot, shape, step

BEGUN = started(Placed(order_id="secret-7"))
IN_DOUBT = (tick(), tick(), tick(), tick(), tick())


def raises(placed: Placed, **_: Any) -> None:
    raise ValueError(f"cannot do with {placed.order_id}")


def answers_none(placed: Placed, **_: Any) -> None:
    return None


def answers_another_command(placed: Placed, **_: Any) -> Unwork:
    return Unwork(order_id=placed.order_id, step="a")


def answers_too_much(placed: Placed, **_: Any) -> Work:
    return Work(order_id="x" * 600_000, step="a", notes=[])


@pytest.mark.parametrize(
    ("build", "error"),
    [(raises, "ValueError"), (answers_none, "TypeError"), (answers_another_command, "TypeError"), (answers_too_much, "ContractError")],
)
def test_a_builder_that_fails_parks_its_step_and_nothing_turns_back(build: Any, error: str) -> None:
    story = given(shape(step("a", build=build), step("b"))).when(BEGUN)
    story.then(SagaStarted, BuildFailed("a", function="a", error_type=error, undo=False), StepIssued("b"))
    assert story.status == "parked"


def test_the_place_is_a_line_of_the_user_function_and_no_value_leaks() -> None:  # A12
    story = given(shape(step("a", build=raises))).when(BEGUN)
    event = story.decided.events[-1]
    line = raises.__code__.co_firstlineno + 1
    assert event.place == f"test_core_building.py:{line}"
    assert b"secret-7" not in encode(event)


def test_a_builder_that_is_an_object_is_guarded_as_well() -> None:
    class Grumbler:
        def __call__(self, placed: Placed) -> Work:
            raise KeyError(placed.order_id)

    story = given(shape(step("a", build=Grumbler()))).when(BEGUN)
    story.then(SagaStarted, BuildFailed("a", error_type="KeyError"))


def test_other_branches_settle_while_a_failed_build_waits() -> None:
    bad = shape(step("a", build=raises), step("b"), step("c", takes=("b",)), step("d", takes=("a", "c")))
    story = given(bad, BEGUN).when(succeeded("b")).then(StepSucceeded("b"), StepIssued("c"))
    story = story.when(succeeded("c")).then(StepSucceeded("c"))
    assert story.status == "parked"


def test_a_refusal_elsewhere_turns_back_as_usual_and_the_failed_build_is_left_out() -> None:  # A11
    bad = shape(step("a"), step("b", build=raises), step("c"))
    story = given(bad, BEGUN, succeeded("a")).when(refused("c")).then(StepRefused("c"), TurnedBack, UndoIssued("a"))
    assert story.status == "compensating"
    assert story.when(undone("a")).status == "compensated"


@pytest.mark.parametrize("when", [raises, answers_none, lambda placed: len(placed.order_id)])
def test_a_when_that_raises_or_is_no_bool_is_a_failed_build(when: Any) -> None:
    given(shape(step("a", when=when))).when(BEGUN).then(SagaStarted, BuildFailed("a", function="a.when"))


def test_an_undo_that_cannot_be_built_is_found_before_the_do_is_sent() -> None:
    def needs_a_reply(placed: Placed, command: Work, reply: Done | None) -> Unwork:
        return Unwork(order_id=placed.order_id, step=command.step, note=reply.note)  # type: ignore[union-attr]

    story = given(shape(step("a", undo=needs_a_reply))).when(BEGUN)
    story.then(SagaStarted, BuildFailed("a", function="undo_a", error_type="AttributeError", undo=False))
    assert story.sent == ()


def test_an_undo_that_fails_later_is_an_undo_parked_and_holds_back_its_ancestors() -> None:
    def grumbles(placed: Placed, command: Work, reply: Done | None) -> Unwork:
        return Unwork(order_id=placed.order_id, step=command.step, note=reply and reply.lost)  # type: ignore[attr-defined]

    later = step("b", takes=("a",), undo=grumbles)
    story = given(shape(step("a"), later, step("c", takes=("b",))), BEGUN, succeeded("a"), succeeded("b"))
    story = story.when(refused("c")).then(StepRefused("c"), TurnedBack, BuildFailed("b", function="undo_b", undo=True))
    assert story.status == "parked"
    assert waits_for(story.state).startswith("a person: the undo of b is parked (undo_b: AttributeError at ")


def test_an_undo_of_a_second_generation_that_cannot_be_built_is_parked() -> None:
    def grumbles(placed: Placed, command: Work, reply: Done | None) -> Unwork:
        return raises(placed) if reply else Unwork(order_id=placed.order_id, step="b")  # type: ignore[return-value]

    bad = shape(step("a"), step("b", takes=("a",), undo=grumbles))
    story = given(bad, BEGUN, succeeded("a"), *IN_DOUBT, nothing_to_undo("b")).when(succeeded("b"))
    story.then(StepSucceeded("b", late=True), BuildFailed("b", undo=True, generation=1))
    assert story.when(undone("a")).then(UndoSucceeded("a")).status == "parked"
    story.when(nothing_to_undo("b", generation=0)).then_nothing()


def test_a_failed_build_after_the_pivot_parks_and_the_saga_goes_on_elsewhere() -> None:
    bad = shape(pivot("p"), after_pivot("r", takes=("p",), build=raises), after_pivot("s", takes=("p",)))
    story = given(bad, BEGUN).when(succeeded("p")).then(StepSucceeded("p"), BuildFailed("r"), StepIssued("s"))
    assert story.status == "parked"
    assert story.state.steps["r", ""].kind == "retriable"


def test_replaying_a_saga_never_calls_a_builder() -> None:
    story = given(WITH_PIVOT, BEGUN, succeeded("a"), succeeded("p"), succeeded("r"))
    broken = shape(*(replace(node, build=replace(node.build, function=raises)) for node in WITH_PIVOT.steps.values()))
    assert replace(story, definition=broken).state == story.state


def test_a_builder_sees_the_replies_of_both_sides() -> None:
    joined = shape(*SIDE_BY_SIDE.steps.values(), step("c", takes=("a", "b")))
    story = given(joined, BEGUN, succeeded("b", Done(note="two"))).when(succeeded("a", Done(note="one")))
    assert b'"notes":["one","two"]' in story.sent[0].body


def test_a_builder_that_answers_in_two_ways_is_found_by_the_scenario_kit() -> None:
    seen: list[int] = []

    def counts(placed: Placed) -> Work:
        seen.append(1)
        return Work(order_id=placed.order_id, step=str(len(seen)), notes=[])

    with pytest.raises(AssertionError, match="not pure"):
        given(shape(step("a", build=counts)), BEGUN)
