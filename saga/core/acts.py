"""Operators' acts (design 4.8). Each either emits events, says that it is so already, or raises ActRefused with the reason."""

from collections.abc import Callable, Mapping
from typing import Any

from saga.core import events as e
from saga.core.answering import answer, doubt_now, fence
from saga.core.compensation import CANCELLED, issue_undo, resend_undo, turn_back
from saga.core.draft import Draft
from saga.core.forward import by_hand, is_forgotten, issue, offer, resend, sent
from saga.core.inputs import Act, AnswerByHand, Cancel, Doubt, Fence, Ignored, Pause, Resume, RetryByHand, Skip
from saga.core.pausing import pause, resume
from saga.core.state import Do, Sending, Step, Undo
from saga.definition.graph import StepKind, StepNode
from saga.errors import ActRefused


def act(draft: Draft, given: Act) -> None:
    """Do what a person asks. A repetition of the same request changes nothing and is no error."""
    if given.input_id in draft.state.inputs:
        draft.ignore(Ignored.DUPLICATE)
        return
    if given.expected_version is not None and given.expected_version != draft.state.version:
        raise ActRefused("version-changed", f"the saga is at version {draft.state.version}, not {given.expected_version}")
    if draft.state.paused is not None and isinstance(given, RetryByHand | Fence):
        raise ActRefused("paused", "the saga is paused and sends nothing: resume it first")
    kind = type(given)
    if kind in _ON_SAGA:
        _ON_SAGA[kind](draft, given)
    else:
        _ON_STEP[kind](draft, *_step_of(draft, given), given)


def _cancel(draft: Draft, given: Cancel) -> None:
    state = draft.state
    if state.ended:
        raise ActRefused("ended", f"the saga is {state.ended}")
    if state.turned_back is not None:
        draft.ignore(Ignored.ALREADY_SO, "the saga is turning back already")
        return
    pivot = state.step(draft.definition.pivot) if draft.definition.pivot else None
    if pivot is not None and pivot.do is not Do.BUILD_FAILED:
        passed = pivot.do is Do.SUCCEEDED
        raise ActRefused("pivot-passed" if passed else "pivot-in-flight", f"{pivot.id.step} is {pivot.do}: the saga can only go forward")
    turn_back(draft, CANCELLED, act=given)


def _retry(draft: Draft, node: StepNode, step: Step, given: RetryByHand) -> None:
    if draft.state.ended:
        raise ActRefused("ended", f"the saga is {draft.state.ended}")
    if draft.state.turned_back is not None:
        _retry_undo(draft, node, step, given)
    elif step.do is Do.BUILD_FAILED:
        _build_again(draft, node, step, given)
    elif step.awaits_do:
        _refuse_forgotten(sent(step), given, draft)
        resend(draft, step, given)
    elif step.do is Do.REFUSED and node.kind is StepKind.RETRIABLE:
        issue(draft, node, sent(step).generation + 1, given)
    else:
        raise ActRefused("nothing-to-retry", f"{given.step} is {step.do}")


def _build_again(draft: Draft, node: StepNode, step: Step, given: RetryByHand) -> None:
    if step.sending is None:
        offer(draft, node, given)
    else:
        issue(draft, node, step.sending.generation + 1, given)


def _retry_undo(draft: Draft, node: StepNode, step: Step, given: RetryByHand) -> None:
    if step.undo not in (Undo.ISSUED, Undo.RETRYING, Undo.PARKED):
        raise ActRefused("nothing-to-retry", f"the saga turned back, and the undo of {given.step} is {step.undo or 'not issued'}")
    if node.kind is StepKind.PIVOT:
        raise ActRefused("no-undo", f"{given.step} is the pivot and has no undo: it can only be skipped")
    if step.undo_open and step.undo_sending is not None:
        _refuse_forgotten(step.undo_sending, given, draft)
        resend_undo(draft, step, given)
    elif _pivot_happened(draft):
        raise ActRefused("pivot-happened", "the pivot happened after it was refused: answer for it or skip it before more is undone")
    else:
        issue_undo(draft, node, step, given)


def _pivot_happened(draft: Draft) -> bool:
    pivot = draft.state.step(draft.definition.pivot) if draft.definition.pivot else None
    return pivot is not None and pivot.happened and pivot.undo is Undo.PARKED


def _skip(draft: Draft, node: StepNode, step: Step, given: Skip) -> None:
    if step.undo is Undo.PARKED or (step.undo_unanswered and step.awaits_undo):
        _skip_undo(draft, step, given)
        return
    stuck = step.do in (Do.REFUSED, Do.BUILD_FAILED) or (step.unanswered and step.awaits_do)
    if draft.state.turned_back is not None or draft.state.ended or node.kind is not StepKind.RETRIABLE or not stuck:
        raise ActRefused("cannot-skip", f"{given.step} is {step.do}: only a parked undo, or a stuck step after the pivot, can be skipped")
    needed_by = draft.definition.required_by(given.step)
    if needed_by:
        raise ActRefused("reply-needed", f"{', '.join(needed_by)} cannot do without the reply of {given.step}")
    draft.emit(
        e.StepSkipped(
            at=draft.now,
            step=given.step,
            branch=given.branch,
            generation=step.sending.generation if step.sending else 0,
            command_id=step.sending.command_id if step.sending else "",
            cause="operator",
            kind=node.kind,
            after=node.after,
            **by_hand(given),
        )
    )


def _skip_undo(draft: Draft, step: Step, given: Skip) -> None:
    sending = step.undo_sending
    draft.emit(
        e.UndoSkipped(
            at=draft.now,
            step=step.id.step,
            branch=step.id.branch,
            generation=sending.generation if sending else 0,
            command_id=sending.command_id if sending else "",
            **by_hand(given),
        )
    )


def _step_of(draft: Draft, given: Any) -> tuple[StepNode, Step]:
    name, branch = given.step, given.branch
    node = draft.definition.steps.get(name)
    if node is None:
        raise ActRefused("unknown-step", f"the definition has no step {name[:80]!r}")
    step = draft.state.step(name, branch)
    if step is None:
        raise ActRefused("not-issued", f"{name} has not been issued")
    return node, step


def _refuse_forgotten(sending: Sending, given: RetryByHand, draft: Draft) -> None:
    if is_forgotten(sending, draft.now, given.remembered) and not given.even_if_forgotten:
        raise ActRefused("forgotten", "participants may no longer remember this command: say explicitly that it may be sent again")


_ON_SAGA: Mapping[type[Act], Callable[[Draft, Any], None]] = {Cancel: _cancel, Pause: pause, Resume: resume}

_ON_STEP: Mapping[type[Act], Callable[[Draft, StepNode, Step, Any], None]] = {
    RetryByHand: _retry,
    Skip: _skip,
    Doubt: doubt_now,
    AnswerByHand: answer,
    Fence: fence,
}
