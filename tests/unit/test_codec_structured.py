"""Structured mode: as strict as binary mode, and the same envelope comes out of it (wire.md section 1)."""

from base64 import b64encode
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saga.body import MAX_BODY, MAX_INTEGER, canonical
from saga.errors import ContractError
from saga.ports.messaging import InboundRecord
from saga.transport.codec import STRUCTURED, decode
from saga.transport.headers import MAX_HEADER, MAX_HEADERS

EVENT: dict[str, object] = {"specversion": "1.0", "id": "1", "source": "/payment", "type": "a.payment.Paid.v1"}
_json = st.dictionaries(
    st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8),
    st.recursive(
        st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | st.text(st.characters(exclude_categories=("Cs", "Cc"))),
        lambda inner: st.lists(inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)
_values = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30).filter(lambda text: not text.isspace())
_attributes = st.dictionaries(st.sampled_from(["attempt", "sagaid", "causationid", "outcome", "tenant", "x"]), _values)


def structured(event: object, *headers: tuple[str, bytes]) -> InboundRecord:
    return raw(event if isinstance(event, bytes) else orjson.dumps(event), *headers)


def raw(value: bytes, *headers: tuple[str, bytes]) -> InboundRecord:
    return InboundRecord("payment.events", 0, 0, b"k", value, (("content-type", STRUCTURED.encode()), *headers))


def code_of(record: InboundRecord) -> str:
    with pytest.raises(ContractError) as caught:
        decode(record)
    return caught.value.code


@given(attributes=_attributes, data=_json)
def test_both_modes_give_the_same_envelope(attributes: dict[str, str], data: dict[str, object]) -> None:
    headers = tuple((f"ce_{name}", str(value).encode()) for name, value in {**EVENT, **attributes}.items())
    binary = InboundRecord("payment.events", 0, 0, b"k", canonical(data), headers)
    wrapped = structured({**EVENT, **attributes, "data": data})
    encoded = structured({**EVENT, **attributes, "data_base64": b64encode(canonical(data)).decode()})
    assert decode(binary) == decode(wrapped) == decode(encoded) == decode(replace(wrapped, headers=wrapped.headers + headers))


def test_its_data_is_made_canonical_and_its_trace_context_is_that_of_the_hop() -> None:
    record = structured({**EVENT, "attempt": 2, "urgent": True, "step": None, "tenant": "", "data": {"b": 1, "a": "ü"}})
    envelope = decode(replace(record, headers=(("content-type", b"Application/CloudEvents+JSON; charset=utf-8"), ("traceparent", b"tp"))))
    assert (envelope.id, envelope.body, envelope.key, envelope.traceparent) == ("1", '{"a":"ü","b":1}'.encode(), b"k", "tp")
    assert envelope.attributes == {"attempt": "2", "urgent": "true"}


def test_without_data_it_says_nothing() -> None:
    assert decode(structured(EVENT)).body == b"{}"


def test_data_in_base64_is_the_body_byte_for_byte() -> None:
    assert decode(structured({**EVENT, "data_base64": b64encode(b'{ "b": 1,\n"a": 2}').decode()})).body == b'{ "b": 1,\n"a": 2}'


@pytest.mark.parametrize(
    ("addition", "code"),
    [
        ({"data": "text"}, "not-an-object"),
        ({"data": None}, "not-an-object"),
        ({"data": {}, "data_base64": "e30="}, "bad-value"),
        ({"data_base64": None}, "bad-value"),
        ({"data_base64": "e30"}, "bad-value"),
        ({"data_base64": "e3 0="}, "bad-value"),
        ({"data_base64": "ü30="}, "bad-value"),
        ({"data_base64": {"a": 1}}, "bad-value"),
        ({"data_base64": b64encode(b" " * (MAX_BODY + 1)).decode()}, "too-large"),
        ({"step": {"nested": 1}}, "bad-attribute"),
        ({"step": 1.5}, "bad-attribute"),
        ({"step": " \t "}, "bad-attribute"),
        ({"step": "a\r\nb"}, "bad-attribute"),
        ({"step": "a\x00b"}, "bad-value"),
        ({"attempt": MAX_INTEGER + 1}, "bad-value"),
        ({"step": "x" * (MAX_HEADER + 1)}, "too-large"),
        ({f"x{number}": "y" * MAX_HEADER for number in range(MAX_HEADERS // MAX_HEADER)}, "too-large"),
        ({"data": {"a": "x" * MAX_BODY}}, "too-large"),
        ({"id": " "}, "bad-attribute"),
        ({"id": ""}, "no-cloudevent"),
        ({"specversion": 1}, "no-cloudevent"),
    ],
)
def test_it_knows_the_same_limits(addition: dict[str, object], code: str) -> None:  # K11
    assert code_of(structured({**EVENT, **addition})) == code


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (orjson.dumps(EVENT)[:-1] + b',"id":"1"}', "bad-value"),
        (orjson.dumps(EVENT)[:-1] + b',"data":{"a":1,"a":1}}', "bad-value"),
        (orjson.dumps(EVENT)[:-1] + b',"data":{"a":NaN}}', "bad-value"),
        (orjson.dumps(EVENT)[:-1] + b',"attempt":9007199254740993}', "bad-value"),
        (b"\xef\xbb\xbf" + orjson.dumps(EVENT), "not-json"),
        (orjson.dumps([EVENT]), "not-an-object"),
        (orjson.dumps(EVENT).decode().encode("utf-16"), "not-utf-8"),
        (b" " * 1_000_000, "too-large"),
        (b"", "not-json"),
    ],
)
def test_a_wrapping_is_read_as_strictly_as_a_body(value: bytes, code: str) -> None:  # P14
    assert code_of(raw(value)) == code


def test_a_header_may_repeat_the_event_but_not_contradict_it() -> None:
    event = {**EVENT, "attempt": 2, "data": {}}
    assert decode(structured(event, ("ce_attempt", b"2"), ("ce_id", b"1"))) == decode(structured(event))
    assert code_of(structured(event, ("ce_attempt", b"3"))) == "contradicting-headers"
    assert code_of(structured(event, ("ce_source", b"/inventory"))) == "contradicting-headers"


def test_what_only_a_header_says_counts_for_nothing() -> None:
    assert decode(structured(EVENT, ("ce_outcome", b"succeeded"))) == decode(structured(EVENT))
    assert code_of(structured({"specversion": "1.0"}, ("ce_id", b"1"), ("ce_source", b"/a"), ("ce_type", b"t"))) == "no-cloudevent"


def nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = {"a": value}
    return value


def test_data_may_be_as_deep_as_in_binary_mode() -> None:
    assert decode(structured({**EVENT, "data": nested(64)})).body == orjson.dumps(nested(64))
    assert code_of(structured({**EVENT, "data": nested(65)})) == "too-deep"
