"""A second opinion: the CloudEvents SDK of the project itself reads what we write, and we read what it writes."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka, to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from saga.body import canonical
from saga.messages import Envelope
from saga.ports.messaging import InboundRecord
from saga.transport.codec import decode, encode

ENVELOPE = Envelope(
    id="0b8f2f0e",
    source="/payment",
    type="com.example.payment.PaymentAuthorized.v1",
    body=b'{"note":"sch\xc3\xb6n","payment_id":"pay_81"}',
    key=b"order-1042",
    time="2025-03-01T09:30:00.412Z",
    attributes={"causationid": "7d0c4a52", "outcome": "succeeded", "attempt": "2", "sagaid": "01955f3e", "step": "authorize_payment"},
)
DATA = {"payment_id": "pay_81", "note": "schön"}


def theirs() -> CloudEvent:
    attributes = {"id": ENVELOPE.id, "source": ENVELOPE.source, "type": ENVELOPE.type, "datacontenttype": "application/json"}
    time = datetime(2025, 3, 1, 9, 30, 0, 412_000, UTC)
    return CloudEvent({**attributes, "specversion": "1.0", "time": time, **ENVELOPE.attributes}, DATA)


def ours(message: KafkaMessage) -> Envelope:
    return decode(InboundRecord("payment.events", 0, 0, ENVELOPE.key, message.value, tuple(message.headers.items())))


def test_the_sdk_reads_what_we_write() -> None:
    sent = encode(ENVELOPE, "payment.events")
    event = from_kafka(KafkaMessage(headers=dict(sent.headers), key=sent.key, value=sent.value), JSONFormat())
    assert (event.get_id(), event.get_source(), event.get_type()) == (ENVELOPE.id, ENVELOPE.source, ENVELOPE.type)
    assert event.get_time() == datetime(2025, 3, 1, 9, 30, 0, 412_000, UTC)
    assert {name: event.get_extension(name) for name in ENVELOPE.attributes} == ENVELOPE.attributes
    assert event.get_data() == DATA
    assert event.get_datacontenttype() == "application/json"


@pytest.mark.parametrize("write", [to_binary, to_structured])
def test_we_read_what_the_sdk_writes(write: object) -> None:
    envelope = ours(write(theirs(), JSONFormat()))  # type: ignore[operator]
    assert (envelope.id, envelope.source, envelope.type) == (ENVELOPE.id, ENVELOPE.source, ENVELOPE.type)
    assert datetime.fromisoformat(envelope.time) == datetime(2025, 3, 1, 9, 30, 0, 412_000, UTC)
    assert envelope.attributes == ENVELOPE.attributes
    assert JSONFormat().read_data(envelope.body, "application/json") == DATA


def test_we_read_bytes_that_the_sdk_wraps() -> None:
    event = CloudEvent({"id": "1", "source": "/payment", "type": ENVELOPE.type, "specversion": "1.0"}, b'{"payment_id":"pay_81"}')
    assert ours(to_structured(event, JSONFormat())).body == b'{"payment_id":"pay_81"}'


def test_both_modes_of_the_sdk_are_one_envelope_to_us() -> None:
    binary, structured = ours(to_binary(theirs(), JSONFormat())), ours(to_structured(theirs(), JSONFormat()))
    assert replace(binary, body=canonical(DATA)) == replace(structured, body=canonical(DATA))
