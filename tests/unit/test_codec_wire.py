"""Commands and replies, from data to headers and back (wire.md sections 2 and 4)."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from saga.errors import ContractError
from saga.messages import FENCE_TYPE, Envelope, Outcome
from saga.ports.messaging import InboundRecord
from saga.transport.codec import decode, encode
from saga.wire import CommandMessage, ReplyMessage, is_reply, read_reply
from tests.wire_participant import read_command, reply_envelope

COMMAND = CommandMessage(
    command_id="7d0c4a52-93b5-5f0e-8a51-6c1f6f0b9d3e",
    type="com.example.payment.AuthorizePayment.v1",
    undoes="",
    attempt=2,
    saga_id="01955f3e-8d2a-7c41-b0a3-52d9c47e1f60",
    epoch=1,
    tenant="default",
    definition="fulfil-order",
    step="authorize_payment",
    answer_within_ms=30_000,
    time=datetime(2025, 3, 1, 9, 30, 0, 123_000, UTC),
    body=b'{"order_id":"1042"}',
    key=b"order-1042",
    traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    tracestate="",
)
REPLY = ReplyMessage(
    id="0b8f2f0e-5c0d-4a6e-9a57-3f5b1a7f2c11",
    source="/payment",
    type="com.example.payment.PaymentAuthorized.v1",
    causation_id=COMMAND.command_id,
    outcome=Outcome.SUCCEEDED,
    attempt=2,
    epoch=1,
    saga_id=COMMAND.saga_id,
    tenant="default",
    key=b"order-1042",
    time="2025-03-01T09:30:00.412Z",
    retry_after_ms=0,
    body=b'{"payment_id":"pay_81"}',
)


def carried(envelope: Envelope) -> Envelope:
    sent = encode(envelope, "payment.commands")
    return decode(InboundRecord(sent.topic, 0, 0, sent.key, sent.value, sent.headers))


def test_a_command_has_the_headers_of_the_example_in_the_protocol() -> None:
    headers = {name: value.decode() for name, value in encode(COMMAND.to_envelope(), "payment.commands").headers}
    assert headers == {
        "ce_specversion": "1.0",
        "ce_id": COMMAND.command_id,
        "ce_idempotencykey": COMMAND.command_id,
        "ce_source": "/saga",
        "ce_type": COMMAND.type,
        "ce_attempt": "2",
        "ce_epoch": "1",
        "ce_sagaid": COMMAND.saga_id,
        "ce_tenant": "default",
        "ce_definition": "fulfil-order",
        "ce_step": "authorize_payment",
        "ce_answerwithinms": "30000",
        "ce_time": "2025-03-01T09:30:00.123Z",
        "content-type": "application/json",
        "traceparent": COMMAND.traceparent,
    }


@pytest.mark.parametrize("command", [COMMAND, replace(COMMAND, undoes="another", command_id="u1"), replace(COMMAND, tracestate="a=b")])
def test_a_participant_reads_the_command_that_was_sent(command: CommandMessage) -> None:
    assert read_command(carried(command.to_envelope())) == command


@pytest.mark.parametrize("reply", [REPLY, replace(REPLY, outcome=None), replace(REPLY, outcome=Outcome.FAILED, retry_after_ms=1500)])
def test_the_coordinator_reads_the_reply_that_was_sent(reply: ReplyMessage) -> None:
    envelope = carried(reply_envelope(reply))
    assert is_reply(envelope)
    assert read_reply(envelope) == reply


def test_a_record_without_causation_or_saga_is_no_reply() -> None:
    envelope = reply_envelope(REPLY)
    for name in ("causationid", "sagaid"):
        assert not is_reply(replace(envelope, attributes={key: value for key, value in envelope.attributes.items() if key != name}))


def without(name: str) -> Envelope:
    envelope = COMMAND.to_envelope()
    return replace(envelope, attributes={key: value for key, value in envelope.attributes.items() if key != name})


def also(envelope: Envelope, **attributes: str) -> Envelope:
    return replace(envelope, attributes={**envelope.attributes, **attributes})


@pytest.mark.parametrize(
    ("envelope", "code"),
    [
        (without("idempotencykey"), "missing-attribute"),
        (without("sagaid"), "missing-attribute"),
        (without("attempt"), "bad-attribute"),
        (also(COMMAND.to_envelope(), attempt="-1"), "bad-attribute"),
        (also(COMMAND.to_envelope(), attempt="²"), "bad-attribute"),
        (also(COMMAND.to_envelope(), epoch="one"), "bad-attribute"),
        (also(COMMAND.to_envelope(), idempotencykey="x" * 65), "bad-attribute"),
        (also(COMMAND.to_envelope(), undoes=COMMAND.command_id), "bad-attribute"),
        (replace(COMMAND, type=FENCE_TYPE).to_envelope(), "bad-attribute"),
    ],
)
def test_a_command_that_cannot_be_answered_is_refused(envelope: Envelope, code: str) -> None:
    with pytest.raises(ContractError) as caught:
        read_command(envelope)
    assert caught.value.code == code  # K11


def test_an_unknown_outcome_is_refused() -> None:
    with pytest.raises(ContractError, match="unknown-outcome"):
        read_reply(also(reply_envelope(REPLY), outcome="maybe"))


def test_at_most_an_hour_of_waiting_counts() -> None:
    assert read_reply(also(reply_envelope(REPLY), retryafterms="999999999")).retry_after_ms == 3_600_000


@pytest.mark.parametrize("time", ["", "yesterday", "2025-03-01T09:30:00"])
def test_no_decision_hangs_on_the_time_of_a_command(time: str) -> None:
    assert read_command(replace(COMMAND.to_envelope(), time=time)).time.tzinfo is UTC
