"""The header rules of wire.md section 1."""

from contextlib import suppress
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saga.body import MAX_BODY
from saga.errors import ContractError
from saga.messages import Envelope
from saga.ports.messaging import Headers, InboundRecord, OutboundRecord
from saga.transport.codec import MAX_KEY, STRUCTURED, decode, encode
from saga.transport.headers import MAX_HEADER, MAX_HEADERS

SOUND: Headers = (("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_source", b"/payment"), ("ce_type", b"a.payment.Paid.v1"))
_text = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=60).filter(lambda text: not text.isspace())
_names = st.from_regex(r"[a-z0-9]{1,20}", fullmatch=True).filter(lambda name: name not in ("id", "source", "type", "time", "specversion"))


def inbound(sent: OutboundRecord) -> InboundRecord:
    return InboundRecord(sent.topic, 0, 0, sent.key, sent.value, sent.headers)


def a_record(*headers: tuple[str, bytes | None], value: bytes | None = b"{}", key: bytes | None = b"k") -> InboundRecord:
    return InboundRecord("payment.events", 0, 0, key, value, SOUND + headers)


def structured(event: object) -> InboundRecord:
    return InboundRecord("payment.events", 0, 0, b"k", orjson.dumps(event), (("content-type", STRUCTURED.encode()),))


def code_of(record: InboundRecord) -> str:
    with pytest.raises(ContractError) as caught:
        decode(record)
    return caught.value.code


@given(
    st.builds(
        Envelope,
        id=_text,
        source=_text,
        type=_text,
        body=st.binary(max_size=200),
        key=st.binary(max_size=MAX_KEY),
        time=st.one_of(st.just(""), _text),
        attributes=st.dictionaries(_names.filter(lambda name: name != "datacontenttype"), _text, max_size=8),
        traceparent=st.just("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        tracestate=st.sampled_from(["", "a=b,c=d"]),
    )
)
def test_what_is_written_is_read_back_the_same(envelope: Envelope) -> None:
    assert decode(inbound(encode(envelope, "payment.events"))) == envelope


def test_a_record_is_written_in_binary_mode() -> None:
    sent = encode(Envelope(id="1", source="/saga", type="t.v1", body=b'{"a":1}', key=b"k", attributes={"attempt": "2", "undoes": ""}), "t")
    assert dict(sent.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": b"1",
        "ce_source": b"/saga",
        "ce_type": b"t.v1",
        "ce_attempt": b"2",
        "content-type": b"application/json",
    }
    assert (sent.key, sent.value) == (b"k", b'{"a":1}')


def test_an_empty_header_is_an_absent_one() -> None:
    envelope = decode(a_record(("ce_undoes", b""), ("ce_tenant", None)))
    assert (envelope.text("undoes"), "tenant" in envelope.attributes) == ("", False)


def test_the_same_header_twice_with_one_value_is_read_once() -> None:
    assert decode(a_record(("ce_attempt", b"2"), ("ce_attempt", b"2"), ("ce_attempt", b""))).text("attempt") == "2"


def test_the_order_of_headers_means_nothing() -> None:
    record = a_record(("ce_attempt", b"2"), ("traceparent", b"00-1-2-01"))
    assert decode(replace(record, headers=record.headers[::-1])) == decode(record)


def test_names_are_exact_and_what_is_unknown_is_ignored() -> None:
    envelope = decode(a_record(("CE_attempt", b"2"), ("ce-step", b"x"), ("unknown", b"\xff"), ("traceparent", b"\xff")))
    assert (envelope.attributes, envelope.traceparent) == ({}, "")


def test_two_trace_contexts_do_not_make_a_record_malformed() -> None:
    assert decode(a_record(("traceparent", b"one"), ("traceparent", b"two"))).traceparent == "one"


HOSTILE: dict[str, tuple[InboundRecord, str]] = {  # K11
    "no headers": (InboundRecord("t", 0, 0, b"k", b"{}", ()), "no-cloudevent"),
    "null value": (a_record(value=None), "null-body"),
    "null value and no event": (InboundRecord("t", 0, 0, b"k", None, ()), "no-cloudevent"),
    "two values": (a_record(("ce_attempt", b"1"), ("ce_attempt", b"2")), "contradicting-headers"),
    "two ids": (a_record(("ce_id", b"2")), "contradicting-headers"),
    "header not utf-8": (a_record(("ce_step", b"\xff")), "not-utf-8"),
    "header with a null character": (a_record(("ce_step", b"a\x00b")), "bad-attribute"),
    "long header": (a_record(("ce_step", b"x" * (MAX_HEADER + 1))), "too-large"),
    "many headers": (a_record(*((f"x{index}", b"y" * 1000) for index in range(MAX_HEADERS // 1000 + 1))), "too-large"),
    "long key": (a_record(key=b"k" * (MAX_KEY + 1)), "too-large"),
    "long body": (a_record(value=b"x" * (MAX_BODY + 1)), "too-large"),
    "another version": (InboundRecord("t", 0, 0, b"k", b"{}", (("ce_specversion", b"0.3"), *SOUND[1:])), "no-cloudevent"),
    "no id": (InboundRecord("t", 0, 0, b"k", b"{}", (*SOUND[:1], *SOUND[2:])), "no-cloudevent"),
    "empty type": (InboundRecord("t", 0, 0, b"k", b"{}", (*SOUND[:3], ("ce_type", b""))), "no-cloudevent"),
    "a batch of events": (a_record(("content-type", b"application/cloudevents-batch+json; charset=utf-8"), value=b"[]"), "batch-mode"),
    "events in another format": (a_record(("content-type", b"application/cloudevents+avro")), "unknown-format"),
    "structured, not json": (replace(structured({}), value=b"\x00"), "not-json"),
    "structured, null": (replace(structured({}), value=None), "null-body"),
    "structured, not an object": (structured([1]), "not-an-object"),
    "structured, no event": (structured({"data": {}}), "no-cloudevent"),
}


@pytest.mark.parametrize(("record", "code"), HOSTILE.values(), ids=HOSTILE)
def test_a_record_that_breaks_the_rules_is_refused_with_its_reason(record: InboundRecord, code: str) -> None:
    assert code_of(record) == code


@given(st.lists(st.tuples(st.text(max_size=12), st.one_of(st.none(), st.binary(max_size=40))), max_size=12), st.binary(max_size=60))
def test_no_record_raises_anything_but_a_contract_error(headers: list[tuple[str, bytes | None]], value: bytes) -> None:
    for record in (a_record(*headers, value=value), a_record(*headers, ("content-type", STRUCTURED.encode()), value=value)):
        with suppress(ContractError):
            assert isinstance(decode(record), Envelope)  # K11: nothing else may come out of it
