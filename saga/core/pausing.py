"""Pause and resume (design 4.8): the saga's clock stands still. What comes is recorded and decided, nothing is sent, no deadline fires.

Why a clock and not a list of postponed deadlines: whatever is decided during the pause reckons its due time from the moment of the pause
(`Draft.clock`), so that one shift by the span of the pause puts every deadline right, whenever it was set.
"""

from saga.core import events as e
from saga.core.compensation import resend_undo
from saga.core.draft import Draft
from saga.core.forward import by_hand, is_forgotten, resend
from saga.core.inputs import DEFINITION_PAUSE, Ignored, Pause, Resume
from saga.core.state import Sending, Step, StepId
from saga.errors import ActRefused


def pause(draft: Draft, given: Pause) -> None:
    """Stop a saga that has not ended."""
    if draft.state.ended:
        raise ActRefused("ended", f"the saga is {draft.state.ended}")
    if draft.state.paused is not None:
        draft.ignore(Ignored.ALREADY_SO, "the saga is paused already")
        return
    draft.emit(e.SagaPaused(at=draft.now, **by_hand(given)))


def resume(draft: Draft, given: Resume) -> None:
    """Go on. What participants may have forgotten meanwhile is sent again only on a person's explicit word, and then at once."""
    if draft.state.ended:
        raise ActRefused("ended", f"the saga is {draft.state.ended}")
    paused = draft.state.paused
    if paused is None or (given.with_definition and not paused.input_id.startswith(DEFINITION_PAUSE)):
        draft.ignore(Ignored.ALREADY_SO, "the saga is not paused" if paused is None else "the saga was paused by itself")
        return
    forgotten = [step.id for step in draft.state.steps.values() if _is_forgotten(draft, step, given)]
    if forgotten and not given.even_if_forgotten:
        names = ", ".join(of.step for of in forgotten)
        raise ActRefused("forgotten", f"participants may no longer remember {names}: say explicitly that it may be sent again")
    draft.emit(e.SagaResumed(at=draft.now, **by_hand(given)))
    for of in forgotten:
        _send_again(draft, of, given)


def _send_again(draft: Draft, of: StepId, given: Resume) -> None:
    step = draft.state.steps[of]
    if step.awaits_undo:
        resend_undo(draft, step, given)
    if step.awaits_do and draft.state.turned_back is None:
        resend(draft, step, given)


def _is_forgotten(draft: Draft, step: Step, given: Resume) -> bool:
    awaited: list[Sending | None] = []
    if step.awaits_undo:
        awaited.append(step.undo_sending)
    if step.awaits_do and draft.state.turned_back is None:
        awaited.append(step.sending)
    return any(sending is not None and is_forgotten(sending, draft.now, given.remembered) for sending in awaited)
