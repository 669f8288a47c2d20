"""Kafka records <-> CloudEvents envelopes: what is written is binary mode, what is read is binary or structured mode (wire.md section 1).

    binary        attributes are headers `ce_<name>`, the value is the body
    structured    the value is one JSON object that holds the attributes and the body: `data`, or the same bytes in `data_base64`
    batch, other formats of events    refused: `batch-mode`, `unknown-format`

Bodies stay bytes here (`saga.body` reads them), but for `data`, which is taken out of its wrapping. What is demanded of a header is
demanded of an attribute in the wrapping, and what is demanded of a body is demanded of both.

Why `ce_` headers beside a wrapping count for nothing but may not contradict it: the Kafka binding allows them for those who route without
reading values, and a record that two readers understand differently must not get in.
"""

import base64
import binascii

from saga.body import MAX_BODY, MAX_DEPTH, canonical, parse_body
from saga.errors import ContractError
from saga.messages import Envelope
from saga.ports.messaging import InboundRecord, OutboundRecord
from saga.transport.headers import CONTENT_TYPE, EVENT_FORMATS, MAX_HEADER, MAX_HEADERS, read_headers, refuse_control

MAX_KEY = 1024
JSON = "application/json"
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch"
MAX_WRAPPED = (MAX_BODY + 2) // 3 * 4 + 2 * MAX_HEADERS  # base64 is longer by a third; names and quotes need room as well
_KNOWN = ("id", "source", "type", "time", "specversion", "datacontenttype")


def encode(envelope: Envelope, topic: str) -> OutboundRecord:
    """The record of an envelope, in binary mode."""
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", envelope.id.encode()),
        ("ce_source", envelope.source.encode()),
        ("ce_type", envelope.type.encode()),
    ]
    if envelope.time:
        headers.append(("ce_time", envelope.time.encode()))
    headers.extend((f"ce_{name}", value.encode()) for name, value in envelope.attributes.items() if value)
    headers.append(("content-type", JSON.encode()))
    if envelope.traceparent:
        headers.append(("traceparent", envelope.traceparent.encode()))
        if envelope.tracestate:
            headers.append(("tracestate", envelope.tracestate.encode()))
    return OutboundRecord(topic=topic, key=envelope.key, value=envelope.body, headers=tuple(headers))


def decode(record: InboundRecord) -> Envelope:
    """The envelope of a record. Raises ContractError: what `read_headers` raises, `no-cloudevent`, `bad-attribute`, `null-body`,
    `batch-mode`, `unknown-format`, and in structured mode what `parse_body` raises."""
    if len(record.key or b"") > MAX_KEY:
        raise ContractError("too-large", f"the record key has more than {MAX_KEY} bytes")
    headers = read_headers(record.headers)
    content_type = headers.get(CONTENT_TYPE, "")
    if content_type == STRUCTURED:
        return _structured(record, headers)
    if content_type.startswith(BATCH):
        raise ContractError("batch-mode", "a batch of events in one record is not read: one record, one event")
    if content_type.startswith(EVENT_FORMATS):
        raise ContractError("unknown-format", f"of the formats of events only {STRUCTURED} is read")
    envelope = _envelope(_binary(headers), record, record.value or b"", headers)
    if record.value is None:
        raise ContractError("null-body", "the record has no value; an empty body is {}")
    return envelope


def _binary(headers: dict[str, str]) -> dict[str, str]:
    return {name[3:]: value for name, value in headers.items() if name.startswith("ce_")}


def _structured(record: InboundRecord, headers: dict[str, str]) -> Envelope:
    event = parse_body(record.value, limit=MAX_WRAPPED, depth=MAX_DEPTH + 1)
    body = _data(event)
    attributes = {name: _attribute(name, value) for name, value in event.items() if value is not None and value != ""}
    if sum(len(name.encode()) + len(value.encode()) for name, value in attributes.items()) > MAX_HEADERS:
        raise ContractError("too-large", f"the attributes have more than {MAX_HEADERS} bytes")
    for name, value in _binary(headers).items():
        if attributes.get(name, value) != value:
            raise ContractError("contradicting-headers", f"the header ce_{name[:40]} says something else than the event")
    return _envelope(attributes, record, body, headers)


def _data(event: dict[str, object]) -> bytes:
    """The body, taken out of the event."""
    if "data" in event and "data_base64" in event:
        raise ContractError("bad-value", "an event has either data or data_base64")
    if "data_base64" not in event:
        data = event.pop("data", {})
        if not isinstance(data, dict):
            raise ContractError("not-an-object", "data must be one JSON object")
        return canonical(data)
    encoded = event.pop("data_base64")
    try:
        if isinstance(encoded, str):
            return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise ContractError("bad-value", "data_base64 is not base64")


def _attribute(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, int | str):
        raise ContractError("bad-attribute", f"the attribute {name[:40]} is no text")
    if len(str(value).encode()) > MAX_HEADER:
        raise ContractError("too-large", f"the attribute {name[:40]} has more than {MAX_HEADER} bytes")
    return refuse_control(name, str(value))


def _envelope(attributes: dict[str, str], record: InboundRecord, body: bytes, headers: dict[str, str]) -> Envelope:
    if len(body) > MAX_BODY:
        raise ContractError("too-large", f"the body has {len(body)} bytes, at most {MAX_BODY} are allowed")
    if attributes.get("specversion") != "1.0":
        raise ContractError("no-cloudevent", "ce_specversion is not 1.0")
    for name in ("id", "source", "type"):
        if not attributes.get(name):
            raise ContractError("no-cloudevent", f"ce_{name} is missing")
    return Envelope(
        id=attributes["id"],
        source=attributes["source"],
        type=attributes["type"],
        body=body,
        key=record.key or b"",
        time=attributes.get("time", ""),
        attributes={name: value for name, value in attributes.items() if name not in _KNOWN},
        traceparent=headers.get("traceparent", ""),
        tracestate=headers.get("tracestate", ""),
    )
