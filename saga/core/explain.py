"""One sentence for people: what the saga waits for, since when, what happens next and when; or how it ended.

Reads the fold and no clock: times are those of the events and deadlines, in UTC. While the saga is paused deadlines stand still, so none
is named. A step that needs a person comes with the acts that help (design 4.8).
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from saga.core.state import Do, Sending, State, Step, Undo, needs_person, status_of

_ENDS: Mapping[str, str] = {
    "completed": "every step is done",
    "compensated": "it failed, and what was done is undone",
    "cancelled": "it was cancelled{by}, and what was done is undone",
}
_ACTS: Mapping[str, str] = {"pivot": "fence {name} or answer for it", "retriable": "skip {name} or answer for it"}
_CAUSES: Mapping[str, str] = {"refused": "{step} was refused", "in-doubt": "{step} was not answered", "cancelled": "it was cancelled"}


def explain(state: State) -> str:
    """The sentence, for every status."""
    if state.ended:
        return _ended(state)
    status = status_of(state)
    because = f" because {_why_back(state)}" if state.turned_back else ""
    lead = {
        "running": "Running",
        "compensating": f"Undoing{because}",
        "parked": f"Parked{because and f' while undoing{because}'}",
        "paused": _paused(state),
    }[status]
    waits = [text for step in state.steps.values() for text in _waits(state, step)]
    return f"{lead}: {'; '.join(waits) or 'nothing is awaited'}."


def moment(at: datetime) -> str:
    """A time as people read it, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _ended(state: State) -> str:
    when = moment(state.ended_at) if state.ended_at else "an unknown time"
    because = f", because {_why_back(state)}" if state.turned_back and state.ended != "cancelled" else ""
    by = _by(state.turned_back.actor, state.turned_back.reason) if state.turned_back and state.ended == "cancelled" else ""
    skipped = [step.id.step for step in state.steps.values() if step.skipped_by_hand or step.undo is Undo.SKIPPED]
    left = f"; a person answers for {', '.join(skipped)}" if skipped else ""
    return f"{state.ended.capitalize()} at {when}{because}: {_ENDS[state.ended].format(by=by)}{left}."


def _why_back(state: State) -> str:
    turned = state.turned_back
    if turned is None:
        return ""
    text = _CAUSES.get(turned.cause, turned.cause).format(step=turned.step)
    return f"{text} at {moment(turned.at)}{_by(turned.actor, turned.reason)}"


def _by(actor: str, reason: str) -> str:
    return (f" by {actor}" + (f" ({reason})" if reason else "")) if actor else ""


def _paused(state: State) -> str:
    pause = state.paused
    if pause is None:
        return "Paused"
    return f"Paused at {moment(pause.at)}{_by(pause.actor, pause.reason)}, and nothing is sent until it is resumed"


def _waits(state: State, step: Step) -> Iterable[str]:
    """What this step keeps the saga waiting for; a do and its fence may both be awaited."""
    name = step.id.step
    if step.undo is Undo.PARKED:
        yield f"a person must retry or skip the undo of {name}, or answer for it ({step.undo_detail})"
        return
    if step.awaits_do and step.sending is not None:
        yield _person(state, step, _awaited(state, name, step.sending, retrying=step.do is Do.RETRYING, why=step.detail, turned=True))
    elif needs_person(state, step) and not step.awaits_undo:
        yield _stuck(step)
    if step.awaits_undo and step.undo_sending is not None:
        what = f"the {'fence' if step.fence else 'undo'} of {name}"
        text = _awaited(state, what, step.undo_sending, retrying=step.undo is Undo.RETRYING, why=step.undo_detail)
        yield f"a person may skip {what} or answer for it, while {text}" if step.undo_unanswered else text


def _person(state: State, step: Step, text: str) -> str:
    if not (step.unanswered and needs_person(state, step)):
        return text
    acts = ("answer for {name}" if step.awaits_undo else _ACTS.get(step.kind, "put it in doubt")).format(name=step.id.step)
    if step.sending and step.sending.due_at:
        return f"a person may {acts}, while {text}"
    return f"a person must retry {step.id.step} or {acts}: {text}"


def _stuck(step: Step) -> str:
    name = step.id.step
    if step.do is Do.BUILD_FAILED:
        give_up = "skip it" if step.kind == "retriable" else "cancel the saga"
        return f"a person must retry {name} once its code is mended, or {give_up} ({step.detail})"
    return f"a person must retry or skip {name}, which is {step.do} ({step.detail})"


def _awaited(state: State, what: str, sending: Sending, *, retrying: bool, why: str, turned: bool = False) -> str:
    """`turned`: it is a do, of which no further attempt is made once the saga has turned back."""
    since = f"since {moment(sending.issued_at)}"
    if retrying:
        count = f"attempt {sending.attempt + 1}{_of(sending)}"
        again = f"is sent again {_when('at', state, sending)} as {count} to" if sending.due_at else "is no more sent by itself to"
        return f"{what} {again} {sending.participant}, which has not answered {since} ({why})"
    text = f"{sending.participant} has been asked for {what} {since} (attempt {sending.attempt}{_of(sending)})"
    return f"{text}; without an answer {_when('by', state, sending)} {_next(state, sending, do=turned)}"


def _next(state: State, sending: Sending, *, do: bool) -> str:
    if do and state.turned_back is not None:
        return "it counts as in doubt and is undone"
    if sending.attempts and sending.attempts_used >= sending.attempts:
        return "the saga turns back and is undone"
    return "it is asked again after a pause"


def _when(word: str, state: State, sending: Sending) -> str:
    if state.paused is not None or sending.due_at is None:
        return "in time"
    return f"{word} {moment(sending.due_at)}"


def _of(sending: Sending) -> str:
    return f" of {sending.budget_from + sending.attempts - 1}" if sending.attempts else ""
