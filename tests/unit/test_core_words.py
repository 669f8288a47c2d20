"""What a person reads when an act is refused or changes nothing, and what a dead letter says of a reply that nobody can use."""

import pytest

from saga.definition.graph import Definition
from saga.testing.inputs import (
    Said,
    answer,
    cancel,
    doubt,
    failed,
    fence,
    nothing_to_undo,
    pause,
    refused,
    reply_to,
    resume,
    retry,
    skip,
    started,
    succeeded,
    tick,
    undone,
)
from saga.testing.scenario import Story, given
from tests.unit.core_shapes import ONE, TWO, WITH_PIVOT, Done, Placed, after_pivot, pivot, shape, step

BEGUN = started(Placed())
NEEDED = shape(step("a"), pivot("p", takes=("a",)), after_pivot("r", takes=("p",)), after_pivot("s", takes=("r",)))
OVER = (succeeded("a"),)
BACK = (succeeded("a"), refused("b"))
UNDO_PARKED = (*BACK, refused("a", undo=True))
PIVOT_OUT = (succeeded("a"),)
STUCK = (succeeded("a"), succeeded("p"), refused("r"))
AGAIN = "say explicitly that it may be sent again"

ACTS: list[tuple[Definition, tuple[Said, ...], Said, str]] = [
    (ONE, (), cancel(expected_version=7), "the saga is at version 2, not 7"),
    (ONE, (pause(),), retry("a"), "the saga is paused and sends nothing: resume it first"),
    (ONE, OVER, cancel(), "the saga is completed"),
    (TWO, BACK, cancel(), "the saga is turning back already"),
    (WITH_PIVOT, PIVOT_OUT, cancel(), "p is issued: the saga can only go forward"),
    (ONE, OVER, retry("a"), "the saga is completed"),
    (TWO, (succeeded("a"),), retry("a"), "a is succeeded"),
    (TWO, BACK, retry("b"), "the saga turned back, and the undo of b is not issued"),
    (TWO, (*UNDO_PARKED, skip("a")), retry("a"), "the saga is compensated"),
    (ONE, (), retry("z" * 100), f"the definition has no step {'z' * 80!r}"),
    (TWO, (), retry("b"), "b has not been issued"),
    (TWO, (), skip("a"), "a is issued: only a parked undo, or a stuck step after the pivot, can be skipped"),
    (NEEDED, STUCK, skip("r"), "s cannot do without the reply of r"),
    (ONE, (tick(), tick(after="31d")), retry("a"), f"participants may no longer remember this command: {AGAIN}"),
    (ONE, (pause(), tick(after="31d")), resume(), f"participants may no longer remember a: {AGAIN}"),
    (ONE, OVER, pause(), "the saga is completed"),
    (ONE, OVER, resume(), "the saga is completed"),
    (ONE, (pause(),), pause(input_id="another"), "the saga is paused already"),
    (ONE, (), resume(), "the saga is not paused"),
    (ONE, (pause(),), resume(with_definition=True), "the saga was paused by itself"),
    (ONE, OVER, doubt("a"), "the saga is completed"),
    (WITH_PIVOT, PIVOT_OUT, doubt("p"), "p is not before the pivot: it cannot be undone, so it cannot be doubted"),
    (TWO, (succeeded("a"),), doubt("a"), "a is succeeded"),
    (WITH_PIVOT, (), fence("a"), "a is not the pivot: only a pivot is fenced by hand"),
    (WITH_PIVOT, (*PIVOT_OUT, succeeded("p")), fence("p"), "p is succeeded"),
    (WITH_PIVOT, (*PIVOT_OUT, fence("p")), fence("p", input_id="another"), "the fence has been sent and is not answered yet"),
    (
        WITH_PIVOT,
        (*PIVOT_OUT, failed("p"), fence("p"), refused("p", undo=True, code="done")),
        fence("p"),
        "the fence learned that p is done: its first answer is being fetched",
    ),
    (ONE, OVER, answer("a", Done()), "the saga is completed"),
    (TWO, BACK, answer("a", undo=True), "the undo of a is undoing: only a parked undo is answered by hand"),
    (TWO, (succeeded("a"),), answer("a", undo=True), "the undo of a is not issued: only a parked undo is answered by hand"),
    (
        TWO,
        (succeeded("a"), *[tick()] * 5, refused("b", undo=True)),
        answer("b", undo=True),
        "nobody knows whether b happened: retry its undo, or skip it and answer for it",
    ),
    (TWO, (), answer("a", Done()), "a is issued: only a pivot that is awaited, or a stuck step after it, is answered by hand"),
    (WITH_PIVOT, PIVOT_OUT, answer("p", Placed()), "it is not a reply of Work that says success, or its body is not valid"),
    (WITH_PIVOT, PIVOT_OUT, answer("p", body="{"), "the body of the reply: "),
]


def told(story: Story) -> str:
    return story.refused.detail if story.refused else story.decided.detail


@pytest.mark.parametrize(("definition", "history", "said", "words"), ACTS)
def test_an_act_that_does_nothing_says_why(definition: Definition, history: tuple[Said, ...], said: Said, words: str) -> None:
    story = given(definition, BEGUN, *history).when(said)
    assert not story.decided.events
    assert told(story).startswith(words) if words.endswith(": ") else told(story) == words


def command_of(story: Story, name: str) -> str:
    sending = story.state.steps[name, ""].sending
    assert sending is not None
    return sending.command_id


@pytest.mark.parametrize(
    ("participant", "message_type", "body", "words"),
    [
        ("elsewhere", Done.message_type, b"{}", "the reply came from a participant that was not asked"),
        ("works", "saga.undone.v1", b"{}", "the command has no such reply, or its outcome does not fit its type"),
        ("works", Done.message_type, b'{"note":7}', "the body is not what the reply's type says"),
    ],
)
def test_a_reply_that_cannot_be_used_says_why(participant: str, message_type: str, body: bytes, words: str) -> None:
    story = given(ONE, BEGUN)
    assert told(story.when(reply_to(command_of(story, "a"), participant, message_type, body=body))) == words


def test_a_reply_to_a_command_of_another_saga_says_so() -> None:
    words = "no command of this saga has the id that the reply names"
    assert told(given(ONE, BEGUN).when(reply_to("another", "works", Done.message_type))) == words


ABSORBED: list[tuple[Definition, tuple[Said, ...], Said, str]] = [
    (TWO, (*UNDO_PARKED, skip("a")), undone("a"), "a person answered for its effect"),
    (TWO, (*BACK, undone("a")), nothing_to_undo("a"), "another answer to an undo that was answered"),
    (WITH_PIVOT, (*STUCK, skip("r")), succeeded("r"), "succeeded after a person skipped it"),
    (TWO, (succeeded("a"),), refused("a"), "refused after it had succeeded"),
]


@pytest.mark.parametrize(("definition", "history", "said", "words"), ABSORBED)
def test_an_answer_that_comes_too_late_or_contradicts_says_how(
    definition: Definition, history: tuple[Said, ...], said: Said, words: str
) -> None:
    assert told(given(definition, BEGUN, *history).when(said)) == words
