"""Going forward: issue what is ready, send again what was not answered, complete (design 4.4)."""

from datetime import datetime, timedelta
from typing import Any, Final

from saga.core import events as e
from saga.core.backoff import wait_before
from saga.core.building import BuildFault, ask_when, build_command
from saga.core.draft import Draft
from saga.core.identity import DO, command_id
from saga.core.inputs import Act
from saga.core.state import Do, Sending, Step, StepId
from saga.definition.graph import StepKind, StepNode

PARK_AFTER: Final = timedelta(minutes=15)
NO_ANSWER = "no-answer"
FORGOTTEN = "forgotten"

_MILLISECOND: Final = timedelta(milliseconds=1)
_SETTLED = (Do.SUCCEEDED, Do.SKIPPED)


def advance(draft: Draft) -> None:
    """Issue or skip every step whose dependencies are there, unless the saga is paused; complete when nothing is left."""
    for node in draft.definition.steps.values() if draft.state.paused is None else ():
        if draft.state.step(node.name) is None and all(_is_settled(draft, name) for name in node.after):
            offer(draft, node)
    if all(_is_settled(draft, name) for name in draft.definition.steps):
        draft.emit(e.SagaCompleted(at=draft.now, skipped=skipped_by_hand(draft)))


def offer(draft: Draft, node: StepNode, act: Act | None = None) -> None:
    """Ask `when`, then skip or issue the step."""
    wanted = ask_when(node, draft.definition, draft.state)
    if isinstance(wanted, BuildFault):
        _build_failed(draft, node, wanted, act)
    elif wanted:
        issue(draft, node, 0, act)
    else:
        draft.emit(e.StepSkipped(at=draft.now, step=node.name, kind=node.kind, after=node.after, cause="when", **by_hand(act)))


def issue(draft: Draft, node: StepNode, generation: int, act: Act | None = None) -> None:
    """Build and issue the command of a step; BuildFailed if the user's function cannot."""
    body = build_command(node, draft.definition, draft.state)
    if isinstance(body, BuildFault):
        _build_failed(draft, node, body, act)
        return
    retry = node.retry
    draft.emit(
        e.StepIssued(
            at=draft.now,
            step=node.name,
            generation=generation,
            command_id=command_id(draft.state.business, node.name, "", DO, generation),
            kind=node.kind,
            after=node.after,
            participant=node.command.participant,
            type=node.command.message_type,
            body=body,
            due_at=draft.now + node.deadline,
            answer_within_ms=milliseconds(node.deadline),
            attempts=retry.attempts if node.kind is StepKind.COMPENSATABLE else 0,
            first_ms=milliseconds(retry.first),
            cap_ms=milliseconds(retry.cap),
            **by_hand(act),
        )
    )


def end_attempt(draft: Draft, step: Step, code: str, *, detail: str = "", retry_after_ms: int = 0) -> bool:
    """An attempt of a do ended without an answer that lasts. False when its budget is spent and the step must turn the saga back."""
    sending = sent(step)
    if sending.attempts and sending.attempts_used >= sending.attempts:
        return False
    draft.emit(
        e.StepFailed(
            at=draft.now,
            **named(step, sending),
            attempt=sending.attempt,
            code=code,
            detail=detail,
            retry_at=retry_at(draft, sending, retry_after_ms),
            parked=not sending.attempts and is_overdue(sending, draft.clock),
        )
    )
    return True


def resend(draft: Draft, step: Step, act: Act | None = None) -> None:
    """Send the same command again."""
    sending = sent(step)
    due = draft.now + timedelta(milliseconds=sending.answer_within_ms)
    draft.emit(e.StepResent(at=draft.now, **named(step, sending), attempt=sending.attempt + 1, due_at=due, **by_hand(act)))


def retry_at(draft: Draft, sending: Sending, retry_after_ms: int = 0) -> datetime:
    """When the next attempt begins, on the saga's own clock."""
    wait = wait_before(sending.command_id, sending.attempts_used, sending.first_ms, sending.cap_ms, retry_after_ms)
    return draft.clock + wait


def is_overdue(sending: Sending, now: datetime) -> bool:
    """Sent for so long without an answer that the saga counts as parked."""
    return now - sending.budget_since >= PARK_AFTER


def is_forgotten(sending: Sending, now: datetime, remembered: timedelta) -> bool:
    """Last sent longer ago than participants remember: sending it again might do it again."""
    return now - sending.last_sent_at > remembered


def sent(step: Step) -> Sending:
    """The do's sending; a step that was issued always has one."""
    if step.sending is None:
        raise LookupError(f"{step.id.step} was never issued")
    return step.sending


def named(step: Step, sending: Sending) -> dict[str, Any]:
    """The fields that name a command in an event."""
    return {"step": step.id.step, "branch": step.id.branch, "generation": sending.generation, "command_id": sending.command_id}


def by_hand(act: Act | None) -> dict[str, Any]:
    """The fields that name the person who caused an event; none if nobody did."""
    return {} if act is None else {"actor": act.actor, "reason": act.reason, "input_id": act.input_id}


def milliseconds(span: timedelta) -> int:
    """A span in whole milliseconds."""
    return span // _MILLISECOND


def skipped_by_hand(draft: Draft) -> tuple[str, ...]:
    """What a person answered for, for the end event."""
    steps = draft.state.steps.values()
    return tuple(
        [step.id.step for step in steps if step.skipped_by_hand]
        + [f"undo of {step.id.step}" for step in steps if step.undo is not None and step.undo.value == "undo skipped"]
    )


def _is_settled(draft: Draft, name: str) -> bool:
    step = draft.state.steps.get(StepId(name))
    return step is not None and step.do in _SETTLED


def _build_failed(draft: Draft, node: StepNode, fault: BuildFault, act: Act | None) -> None:
    draft.emit(
        e.BuildFailed(
            at=draft.now,
            step=node.name,
            function=fault.function,
            error_type=fault.error_type,
            place=fault.place,
            kind=node.kind,
            after=node.after,
            **by_hand(act),
        )
    )
