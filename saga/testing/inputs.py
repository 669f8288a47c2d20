"""What can be said to a saga in a test: its start, replies, the passing of time, and what people do.

A reply finds in the fold the id of the command that it answers; `attempt` and `generation` are the current ones unless told.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from saga.body import body_hash, canonical, parse_body
from saga.core.inputs import AnswerByHand, Cancel, Doubt, Fence, Input, Pause, ReplyInput, Resume, RetryByHand, Skip, Start, Tick
from saga.core.state import Sending, State, StepId
from saga.definition.graph import Definition
from saga.definition.spans import HOW_TO_WRITE, read_span
from saga.messages import FAILED_TYPE, IN_PROGRESS_TYPE, NOTHING_TO_UNDO_TYPE, REFUSED_TYPE, UNDONE_TYPE, DomainEvent, Outcome, Reply


@dataclass(frozen=True, slots=True)
class Said:
    """An input in the making, and how long after the one before it comes; None waits for the next deadline."""

    make: Callable[[Definition, State], Input]
    after: timedelta | None = timedelta(0)


def started(event: DomainEvent) -> Said:
    """The start event comes."""

    def make(definition: Definition, _: State) -> Input:
        body = event.body()
        key = definition.key(event)
        digest = body_hash(parse_body(body)).hex()
        return Start(tenant="default", key=key, partition_key=key, input_id=f"/tests {key}", body=body, body_hash=digest)

    return Said(make)


def succeeded(step: str, reply: Reply | None = None, *, attempt: int | None = None, generation: int | None = None) -> Said:
    """The do happened. Without `reply` it is the command's first success type, if that needs no fields."""

    def answer(definition: Definition) -> tuple[str, bytes]:
        found = reply or definition.steps[step].command.success_types()[0]()
        return found.message_type, found.body()

    return _reply(_Asked(step, False, attempt, generation), Outcome.SUCCEEDED, answer)


def refused(step: str, reply: Reply | None = None, *, code: str = "no", undo: bool = False, generation: int | None = None) -> Said:
    """The do (or its undo) was refused: with the command's own refusal as `reply`, or in general with a code."""

    def answer(_: Definition) -> tuple[str, bytes]:
        return (reply.message_type, reply.body()) if reply is not None else (REFUSED_TYPE, canonical({"code": code}))

    return _reply(_Asked(step, undo, None, generation), Outcome.REFUSED, answer)


def failed(step: str, *, code: str = "down", undo: bool = False, attempt: int | None = None, retry_after: str = "0s") -> Said:
    """A fault that may pass ended an attempt."""
    return _reply(_Asked(step, undo, attempt, None), Outcome.FAILED, _general(FAILED_TYPE, code=code), retry_after)


def in_progress(step: str, *, undo: bool = False, attempt: int | None = None) -> Said:
    """The participant is still at work."""
    return _reply(_Asked(step, undo, attempt, None), Outcome.IN_PROGRESS, _general(IN_PROGRESS_TYPE))


def undone(step: str, *, generation: int | None = None) -> Said:
    """The undo found the effect and took it back."""
    return _reply(_Asked(step, True, None, generation), Outcome.SUCCEEDED, _general(UNDONE_TYPE))


def nothing_to_undo(step: str, *, generation: int | None = None) -> Said:
    """The undo found no effect."""
    return _reply(_Asked(step, True, None, generation), Outcome.NOTHING_TO_UNDO, _general(NOTHING_TO_UNDO_TYPE))


def tick(after: str | None = None) -> Said:
    """Time passes: so long, or until the next deadline."""
    return Said(lambda _, __: Tick(), None if after is None else _span(after))


def cancel(**options: Any) -> Said:
    """A person cancels. Options are fields of the act: actor, reason, input_id, expected_version."""
    return Said(lambda _, state: Cancel(**_by_hand(state, options)))


def retry(step: str, **options: Any) -> Said:
    """A person sends or builds it again; `even_if_forgotten=True` is the explicit word."""
    return Said(lambda _, state: RetryByHand(step=step, **_by_hand(state, options)))


def skip(step: str, **options: Any) -> Said:
    """A person goes on without it."""
    return Said(lambda _, state: Skip(step=step, **_by_hand(state, options)))


def pause(**options: Any) -> Said:
    """A person pauses it."""
    return Said(lambda _, state: Pause(**_by_hand(state, options)))


def resume(**options: Any) -> Said:
    """A person lets it go on; `even_if_forgotten=True` is the explicit word."""
    return Said(lambda _, state: Resume(**_by_hand(state, options)))


def doubt(step: str, **options: Any) -> Said:
    """A person does not wait any longer for a step before the pivot."""
    return Said(lambda _, state: Doubt(step=step, **_by_hand(state, options)))


def fence(step: str, **options: Any) -> Said:
    """A person asks that an unanswered pivot never happens."""
    return Said(lambda _, state: Fence(step=step, **_by_hand(state, options)))


def answer(step: str, reply: Reply | None = None, *, undo: bool = False, **options: Any) -> Said:
    """A person answers in the participant's place: with its reply for a do, without one for an undo."""
    told = {} if reply is None else {"type": reply.message_type, "body": reply.body().decode()}
    return Said(lambda _, state: AnswerByHand(step=step, undo=undo, **{"evidence": "seen", **told, **_by_hand(state, options)}))


def reply_to(command_id: str, participant: str, message_type: str, **fields: Any) -> Said:
    """Any reply whatever, for what no honest participant says."""
    known: dict[str, Any] = {"outcome": None, "attempt": 1, "body": b"{}", "message_id": f"/{participant} {message_type}"}
    return Said(lambda _, __: ReplyInput(command_id=command_id, participant=participant, type=message_type, **{**known, **fields}))


@dataclass(frozen=True, slots=True)
class _Asked:
    step: str
    undo: bool
    attempt: int | None
    generation: int | None


Answer = Callable[[Definition], tuple[str, bytes]]


def _reply(asked: _Asked, outcome: Outcome, answer: Answer, retry_after: str = "0s") -> Said:
    def make(definition: Definition, state: State) -> Input:
        sending = _sending(state, asked.step, undo=asked.undo)
        generation = sending.generation if asked.generation is None else asked.generation
        ref = (StepId(asked.step), asked.undo, generation)
        command_id = next(command_id for command_id, known in state.commands.items() if known == ref)
        message_type, body = answer(definition)
        return ReplyInput(
            command_id=command_id,
            participant=sending.participant,
            type=message_type,
            outcome=outcome,
            attempt=sending.attempt if asked.attempt is None else asked.attempt,
            body=body,
            message_id=f"/{sending.participant} {command_id}/{outcome}",
            retry_after_ms=_span(retry_after) // timedelta(milliseconds=1),
        )

    return Said(make)


def _sending(state: State, name: str, *, undo: bool) -> Sending:
    step = state.step(name)
    sending = None if step is None else step.undo_sending if undo else step.sending
    if sending is None:
        raise LookupError(f"{'the undo of ' if undo else ''}{name} was never issued, so nobody can answer it")
    return sending


def _general(message_type: str, **body: str) -> Answer:
    return lambda _: (message_type, canonical(body))


def _by_hand(state: State, options: Mapping[str, Any]) -> dict[str, Any]:
    return {"actor": "ada", "reason": "because", "input_id": f"act-{state.version}", **options}


def _span(written: str) -> timedelta:
    span = timedelta(0) if written == "0s" else read_span(written)
    if span is None:
        raise ValueError(f"{written!r}: {HOW_TO_WRITE}")
    return span
