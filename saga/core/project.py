"""What people and sweeps see of a saga: its row, its status, and in short what it waits for. Reads the fold, never a definition."""

from datetime import datetime
from uuid import UUID

from saga.core.state import Do, Sending, State, Step, Undo, needs_person, next_due
from saga.core.state import status_of as status_of
from saga.values import value


@value
class SagaRow:
    """The row of a saga for lists, search and due time: a projection of its events, written whole.

    `due_at` is the next due time of the whole fold, None if nothing is due; `ended` tells an end from a wait without due.
    `waits_for` is one short sentence for people; `parked_steps` names the steps that need a person.
    """

    saga_id: UUID
    version: int
    tenant: str
    definition: str
    definition_version: int
    key: str
    status: str
    ended: bool
    due_at: datetime | None
    started_at: datetime
    last_progress: datetime
    ended_at: datetime | None
    waits_for: str
    parked_steps: tuple[str, ...]


def row_of(saga_id: UUID, state: State) -> SagaRow:
    """The row of a saga as of this fold."""
    start = state.start
    return SagaRow(
        saga_id=saga_id,
        version=state.version,
        tenant=start.tenant,
        definition=start.definition,
        definition_version=start.definition_version,
        key=start.key,
        status=status_of(state),
        ended=bool(state.ended),
        due_at=next_due(state),
        started_at=start.at,
        last_progress=state.last_progress or start.at,
        ended_at=state.ended_at,
        waits_for=waits_for(state),
        parked_steps=tuple(step.id.step for step in state.steps.values() if needs_person(state, step)),
    )


def waits_for(state: State) -> str:
    """What the saga waits for, and why it goes where it goes, as short as a list has room. Times are left to the due columns;
    `explain` says it all."""
    if state.ended:
        return ""
    waits = [text for step in state.steps.values() if (text := _waits(state, step))]
    because = f" (turned back: {state.turned_back.cause}{_at(state.turned_back.step)})" if state.turned_back else ""
    paused = f"a person who resumes it: {state.paused.actor} paused it ({state.paused.reason}); then " if state.paused else ""
    return paused + "; ".join(waits or ["nothing"]) + because


def _at(step: str) -> str:
    return f" at {step}" if step else ""


def _waits(state: State, step: Step) -> str:
    name = step.id.step
    if step.undo is Undo.PARKED:
        return f"a person: the undo of {name} is parked ({step.undo_detail})"
    do = _awaited(f"the answer to {name}", step.sending, retrying=step.do is Do.RETRYING, person=step.unanswered) if step.awaits_do else ""
    if step.awaits_undo:
        word = "fence" if step.fence else "undo"
        undo = _awaited(f"the {word} of {name}", step.undo_sending, retrying=step.undo is Undo.RETRYING, person=step.undo_unanswered)
        return f"{do}; {undo}" if do else undo
    if do:
        return do
    if needs_person(state, step):
        return f"a person: {name} is {step.do} ({step.detail})"
    return ""


def _awaited(what: str, sending: Sending | None, *, retrying: bool, person: bool) -> str:
    if sending is None:
        return what
    when = "sent again after a pause" if retrying else f"attempt {sending.attempt}"
    return f"{'a person, and ' if person else ''}{what} from {sending.participant} ({when})"


def step_status(state: State, step: Step) -> str:
    """The word of design 4.3 for one step. What failed to build was never issued: it is pending, or skipped once the saga turned back."""
    if step.undo is Undo.FENCED or (step.fence and step.awaits_do):
        return step.do.value
    if step.undo is not None:
        return _UNDO_WORDS[step.undo]
    if step.do is Do.BUILD_FAILED:
        return "pending" if state.turned_back is None else Do.SKIPPED.value
    return step.do.value


_UNDO_WORDS = {
    Undo.ISSUED: "undoing",
    Undo.RETRYING: "undoing",
    Undo.UNDONE: "undone",
    Undo.NOTHING: "undone",
    Undo.PARKED: "undo parked",
    Undo.SKIPPED: "skipped",
}
