"""Kafka records <-> CloudEvents envelopes: the header rules of wire.md section 1.

Attributes are headers `ce_<name>`, UTF-8 as they are. An empty value is an absent one; the same header twice with one value is read
once; with two values the record is malformed. Bodies stay bytes here (`saga.body` reads them), but for structured mode, whose `data` is
taken out of its wrapping.
"""

from collections.abc import Iterable

from saga.body import MAX_BODY, MAX_DEPTH, canonical, parse_body
from saga.errors import ContractError
from saga.messages import Envelope
from saga.ports.messaging import InboundRecord, OutboundRecord

MAX_KEY = 1024
MAX_HEADER = 1024
MAX_HEADERS = 16 * 1024
JSON = "application/json"
STRUCTURED = "application/cloudevents+json"
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
    """The envelope of a record. Raises ContractError: `too-large`, `contradicting-headers`, `not-utf-8`, `no-cloudevent`,
    `bad-attribute`, `null-body`, and in structured mode what `parse_body` raises."""
    if len(record.key or b"") > MAX_KEY:
        raise ContractError("too-large", f"the record key has more than {MAX_KEY} bytes")
    headers = _headers(record.headers)
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == STRUCTURED:
        return _structured(record, headers)
    attributes = {name[3:]: value for name, value in headers.items() if name.startswith("ce_")}
    envelope = _envelope(attributes, record, record.value or b"", headers)
    if record.value is None:
        raise ContractError("null-body", "the record has no value; an empty body is {}")
    return envelope


def _structured(record: InboundRecord, headers: dict[str, str]) -> Envelope:
    event = parse_body(record.value, limit=MAX_BODY + MAX_HEADERS, depth=MAX_DEPTH + 1)
    data = event.pop("data", {})
    if not isinstance(data, dict) or "data_base64" in event:
        raise ContractError("not-an-object", "data must be one JSON object")
    attributes = {name: _attribute(name, value) for name, value in event.items() if value is not None and value != ""}
    return _envelope(attributes, record, canonical(data), headers)


def _attribute(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, int | str):
        raise ContractError("bad-attribute", f"the attribute {name[:40]} is no text")
    if len(str(value).encode()) > MAX_HEADER:
        raise ContractError("too-large", f"the attribute {name[:40]} has more than {MAX_HEADER} bytes")
    return str(value)


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


def _headers(given: Iterable[tuple[str, bytes | None]]) -> dict[str, str]:
    found: dict[str, str] = {}
    size = 0
    for name, value in given:
        size += len(name) + len(value or b"")
        if size > MAX_HEADERS:
            raise ContractError("too-large", f"the headers have more than {MAX_HEADERS} bytes")
        ours = name.startswith("ce_") or name in ("content-type", "traceparent", "tracestate")
        if not ours or not value:
            continue
        _take(found, name, value)
    return found


def _take(found: dict[str, str], name: str, value: bytes) -> None:
    if len(value) > MAX_HEADER:
        raise ContractError("too-large", f"the header {name[:40]} has more than {MAX_HEADER} bytes")
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        if not name.startswith("ce_"):
            return
        raise ContractError("not-utf-8", f"the header {name[:40]} is not UTF-8") from None
    if "\x00" in text:
        raise ContractError("bad-attribute", f"the header {name[:40]} holds \\u0000")
    if found.setdefault(name, text) != text and name.startswith("ce_"):
        raise ContractError("contradicting-headers", f"the header {name[:40]} has two values")
