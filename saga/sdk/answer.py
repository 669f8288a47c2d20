"""Answers, and the record that an answer becomes for the command that is answered now (wire.md sections 2 and 3).

An answer is what is remembered: its id, type, body, outcome and time are the same for every repetition. What is echoed (attempt,
epoch, saga id, tenant, key, trace) comes from the command at hand.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from saga.body import canonical
from saga.messages import (
    FAILED_TYPE,
    IN_PROGRESS_TYPE,
    NOTHING_TO_UNDO_TYPE,
    REFUSED_TYPE,
    UNDONE_TYPE,
    Command,
    DomainEvent,
    Outcome,
    Reply,
)
from saga.ports.messaging import OutboundRecord
from saga.sdk.handler import Fault, Refusal
from saga.sdk.incoming import Incoming
from saga.wire import rfc3339

MAX_RETRY_AFTER_MS = 3_600_000
MAX_DETAIL = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command is answered with. `body` is JSON text, `retry_after_ms` only with failed."""

    id: str
    type: str
    outcome: Outcome
    body: str
    time: datetime
    retry_after_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """W3C trace context of the span that answers; empty without one."""

    traceparent: str = ""
    tracestate: str = ""


def replied(command: type[Command[Any]], reply: Reply, now: datetime) -> Answer:
    """The answer that a handler gave. Raises TypeError for a reply that is none of the command's."""
    outcome = command.outcome_of(reply.message_type)
    if outcome not in (Outcome.SUCCEEDED, Outcome.REFUSED):
        raise TypeError(f"{type(reply).__name__} is no reply of {command.__name__}")
    return _answer(reply.message_type, outcome, reply.body().decode(), now)


def refused(refusal: Refusal, now: datetime) -> Answer:
    """No effect happened and none will; to an undo: a person must look."""
    return _answer(REFUSED_TYPE, Outcome.REFUSED, _said(refusal.code, refusal.detail), now)


def undone(now: datetime) -> Answer:
    """The do's effect was there and is gone."""
    return _answer(UNDONE_TYPE, Outcome.SUCCEEDED, "{}", now)


def nothing_to_undo(now: datetime) -> Answer:
    """The do never had an effect and now never will."""
    return _answer(NOTHING_TO_UNDO_TYPE, Outcome.NOTHING_TO_UNDO, "{}", now)


def in_progress(now: datetime) -> Answer:
    """Still at work; never remembered."""
    return _answer(IN_PROGRESS_TYPE, Outcome.IN_PROGRESS, "{}", now)


def failed(fault: Fault, now: datetime) -> Answer:
    """A fault that may pass; never remembered."""
    wait = None if fault.retry_after is None else max(0, min(MAX_RETRY_AFTER_MS, round(fault.retry_after * 1000)))
    return Answer(str(uuid4()), FAILED_TYPE, Outcome.FAILED, _said(fault.code, fault.detail), now, wait)


def record_of(answer: Answer, command: Incoming, source: str, topic: str, trace: Trace) -> OutboundRecord:
    """The reply to the command at hand: the remembered answer with today's echo."""
    headers = {
        **_cloud_event(answer.id, source, answer.type, answer.time),
        "ce_causationid": command.id,
        "ce_outcome": answer.outcome.value,
        "ce_attempt": command.attempt,
        "ce_epoch": str(command.epoch),
        "ce_sagaid": command.saga_id,
        "ce_tenant": command.tenant,
        "ce_definition": command.definition,
        "ce_step": command.step,
        "ce_retryafterms": "" if answer.retry_after_ms is None else str(answer.retry_after_ms),
    }
    return _record(topic, command.key, answer.body.encode(), headers, trace)


def event_record(event: DomainEvent, source: str, topic: str, key: bytes, now: datetime, trace: Trace) -> OutboundRecord:
    """A domain event, with an id of its own."""
    return _record(topic, key, event.body(), _cloud_event(str(uuid4()), source, event.message_type, now), trace)


def _answer(message_type: str, outcome: Outcome, body: str, now: datetime) -> Answer:
    return Answer(str(uuid4()), message_type, outcome, body, now)


def _said(code: str, detail: str) -> str:
    said = {"code": code, "detail": detail[:MAX_DETAIL]} if detail else {"code": code}
    return canonical(said).decode()


def _cloud_event(event_id: str, source: str, message_type: str, time: datetime) -> dict[str, str]:
    return {"ce_specversion": "1.0", "ce_id": event_id, "ce_source": source, "ce_type": message_type, "ce_time": rfc3339(time)}


def _record(topic: str, key: bytes, value: bytes, headers: dict[str, str], trace: Trace) -> OutboundRecord:
    everything = {**headers, "content-type": "application/json", "traceparent": trace.traceparent, "tracestate": trace.tracestate}
    return OutboundRecord(topic, key, value, tuple((name, text.encode()) for name, text in everything.items() if text))
