"""Headers as nobody should send them, to both readers: the coordinator's of replies, the participant's of commands (K11, L6).

Each row ends as the rule says: read, or refused with its code; no third thing happens.
"""

from collections.abc import Callable
from contextlib import suppress

import pytest
from hostile_headers import BOTH, SOUND, a_record, ends
from hypothesis import given
from hypothesis import strategies as st

from saga.errors import ContractError
from saga.ports.messaging import InboundRecord
from saga.sdk.incoming import Unusable, read_incoming
from saga.transport.codec import STRUCTURED, decode
from saga.transport.headers import MAX_HEADERS
from saga.wire import is_reply, read_reply


def by_coordinator(record: InboundRecord) -> str:
    """The code of the refusal, or an empty string."""
    try:
        envelope = decode(record)
        if not is_reply(envelope):
            return "no-reply"
        read_reply(envelope)
    except ContractError as error:
        return error.code
    return ""


def by_participant(record: InboundRecord) -> str:
    try:
        read_incoming(record)
    except Unusable as unusable:
        return unusable.reason
    return ""


READERS = pytest.mark.parametrize("refusal", [by_coordinator, by_participant])
Reader = Callable[[InboundRecord], str]


@READERS
@pytest.mark.parametrize(("record", "code"), BOTH.values(), ids=BOTH)
def test_hostile_headers_are_read_or_refused_as_the_rule_says(refusal: Reader, record: InboundRecord, code: str) -> None:
    assert refusal(record) == ends(code)[refusal is by_participant]


def test_a_null_value_is_refused_in_a_reply_and_answered_in_a_command() -> None:
    assert (by_coordinator(a_record(value=None)), by_participant(a_record(value=None))) == ("null-body", "")


@pytest.mark.parametrize(
    "content_type", [STRUCTURED, STRUCTURED.upper(), "application/cloudevents-batch+json", "application/cloudevents+avro"]
)
def test_a_command_whose_attributes_are_in_its_value_is_set_aside(content_type: str) -> None:
    assert by_participant(a_record(("content-type", content_type.encode()))) == "structured-mode"


def test_values_are_kept_as_they_are() -> None:
    envelope = decode(a_record(("ce_step", 'a%20b ü\ufeff"'.encode())))
    assert envelope.text("step") == 'a%20b ü\ufeff"'


_names = st.one_of(st.sampled_from([*SOUND, "ce_undoes", "ce_answerwithinms", "content-type", "traceparent"]), st.text(max_size=8))
_values = st.one_of(st.none(), st.sampled_from([b"", b" ", b"1", b"\xff", STRUCTURED.encode()]), st.binary(max_size=40))


@READERS
@given(headers=st.lists(st.tuples(_names, _values), max_size=16), value=st.one_of(st.none(), st.binary(max_size=60)))
def test_no_headers_raise_anything_but_a_reason(refusal: Reader, headers: list[tuple[str, bytes | None]], value: bytes | None) -> None:
    for record in (InboundRecord("t", 0, 0, None, value, tuple(headers)), a_record(*headers, value=value)):
        assert refusal(record) == refusal(record)


@given(st.permutations([*SOUND.items(), ("ce_attempt", b"1"), ("ce_step", b""), ("x", b"\xff")]))
def test_the_order_of_headers_means_nothing(headers: list[tuple[str, bytes]]) -> None:
    assert decode(InboundRecord("t", 0, 0, b"k", b"{}", tuple(headers))).attributes == decode(a_record()).attributes


@given(st.binary(max_size=MAX_HEADERS // 16))
def test_an_attribute_is_kept_byte_for_byte_or_refused(value: bytes) -> None:
    with suppress(ContractError):
        assert decode(a_record(("ce_step", value))).text("step").encode() == value
