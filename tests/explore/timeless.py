"""Folds without time: every moment is noon and every deadline far away, so that two histories which differ in nothing else are one state.

A deadline may then fire at any moment; `due` makes the fold in which one deadline, and no other, is due now.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from saga.core.inputs import ReplyInput
from saga.core.state import CommandRef, Sending, State, Step
from saga.messages import FAILED_TYPE, IN_PROGRESS_TYPE, NOTHING_TO_UNDO_TYPE, REFUSED_TYPE, UNDONE_TYPE, Outcome
from saga.testing.scenario import NOON
from tests.explore.people import DONE
from tests.unit.core_shapes import Done

FAR = NOON + timedelta(hours=1)
LONG_AGO = NOON - timedelta(minutes=16)
GENERAL = {Outcome.REFUSED: REFUSED_TYPE, Outcome.FAILED: FAILED_TYPE, Outcome.IN_PROGRESS: IN_PROGRESS_TYPE}
GENERAL_UNDO = {**GENERAL, Outcome.SUCCEEDED: UNDONE_TYPE, Outcome.NOTHING_TO_UNDO: NOTHING_TO_UNDO_TYPE}


def reply_of(ref: CommandRef, command_id: str, outcome: Outcome, attempt: int) -> ReplyInput:
    """The reply as a participant would write it."""
    done = not ref.undo and outcome is Outcome.SUCCEEDED
    return ReplyInput(
        command_id=command_id,
        participant="works",
        type=Done.message_type if done else GENERAL_UNDO[outcome],
        outcome=outcome,
        attempt=attempt,
        body=DONE.encode() if done else b"{}",
        message_id="m",
    )


def without_time(state: State, before: State) -> State:
    """The fold with every moment at noon and every deadline far away. What it shares with the fold `before` it is without time already,
    unless its deadline was made due."""
    if state is before:
        return state
    steps = {
        of: step if _is_timeless(step) and step is before.steps.get(of) else _step_without_time(step) for of, step in state.steps.items()
    }
    turned = state.turned_back and replace(state.turned_back, at=NOON, input_id="")
    paused = state.paused and replace(state.paused, at=NOON, input_id="")
    return replace(state, version=1, steps=steps, turned_back=turned, paused=paused, ended_at=None, last_progress=NOON, inputs=frozenset())


def due(state: State, last_attempt: int, *, people: bool) -> Iterator[tuple[str, State]]:
    """Each deadline as if it alone were due; where people act, an unbounded one also as if its quarter of an hour were over."""
    for of, step in state.steps.items():
        for word, name, sending in (("do", "sending", step.sending), ("undo", "undo_sending", step.undo_sending)):
            if sending is None or sending.due_at is None:
                continue
            for since in (NOON, LONG_AGO) if people and not sending.attempts else (NOON,):
                fires = replace(step, **{name: replace(_capped(sending, last_attempt), due_at=NOON, budget_since=since)})
                label = f"deadline of {word} {of.step}{' overdue' if since is LONG_AGO else ''}"
                yield label, replace(state, steps={**state.steps, of: fires})


def _capped(sending: Sending, last_attempt: int) -> Sending:
    """What is sent until it is answered would have endless attempts: from the last on, all bear its number."""
    past = not sending.attempts and sending.attempt > last_attempt
    return replace(sending, attempt=last_attempt, budget_from=1) if past else sending


def _is_timeless(step: Step) -> bool:
    return all(
        sending is None or (sending.due_at in (None, FAR) and sending.budget_since == NOON) for sending in (step.sending, step.undo_sending)
    )


def _step_without_time(step: Step) -> Step:
    return replace(step, sending=_timeless(step.sending), undo_sending=_timeless(step.undo_sending))


def _timeless(sending: Sending | None) -> Sending | None:
    return sending and replace(sending, issued_at=NOON, due_at=sending.due_at and FAR, budget_since=NOON, last_sent_at=NOON)
