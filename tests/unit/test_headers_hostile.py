"""Headers as nobody should send them, to both readers: the coordinator's of replies, the participant's of commands (K11, L6).

Each row ends as the rule says: read, or refused with its code; no third thing happens.
"""

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saga.errors import ContractError
from saga.ports.messaging import InboundRecord
from saga.sdk.incoming import Unusable, read_incoming
from saga.transport.codec import STRUCTURED, decode
from saga.transport.headers import MAX_HEADERS
from saga.wire import is_reply, read_reply

Given = tuple[tuple[str, bytes | None], ...]
SOUND: dict[str, bytes] = {
    "ce_specversion": b"1.0",
    "ce_id": b"7d0c",
    "ce_source": b"/payment",
    "ce_type": b"a.payment.Paid.v1",
    "ce_idempotencykey": b"7d0c",
    "ce_causationid": b"7d0c",
    "ce_outcome": b"succeeded",
    "ce_attempt": b"1",
    "ce_epoch": b"1",
    "ce_sagaid": b"01955f3e",
}


def a_record(*more: tuple[str, bytes | None], instead: dict[str, bytes | None] | None = None, value: bytes | None = b"{}") -> InboundRecord:
    headers: dict[str, bytes | None] = {**SOUND, **(instead or {})}
    return InboundRecord("payment.events", 0, 0, b"k", value, (*headers.items(), *more))


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

BOTH: dict[str, tuple[InboundRecord, str]] = {  # one code, or the coordinator's | the participant's
    "sound": (a_record(), ""),
    "empty value": (a_record(("ce_tenant", b"")), ""),
    "null value": (a_record(("ce_tenant", None)), ""),
    "attempt empty, which a reply need not have": (a_record(instead={"ce_attempt": b""}), "|bad-attribute"),
    "blanks": (a_record(("ce_tenant", b"  ")), "bad-attribute"),
    "blank undoes does not turn an undo into a do": (a_record(("ce_undoes", b" ")), "bad-attribute"),
    "no-break space": (a_record(("ce_tenant", "\u00a0\u2003".encode())), "bad-attribute"),
    "twice, equal": (a_record(("ce_attempt", b"1"), ("ce_attempt", b"1")), ""),
    "twice, different": (a_record(("ce_attempt", b"2")), "contradicting-headers"),
    "twice, once empty": (a_record(("ce_attempt", b"")), ""),
    "twice, differing in blanks": (a_record(("ce_attempt", b"1 ")), "contradicting-headers"),
    "value not utf-8": (a_record(("ce_step", b"\xff")), "not-utf-8"),
    "value half a character": (a_record(("ce_step", "ü".encode()[:1])), "not-utf-8"),
    "value a surrogate": (a_record(("ce_step", b"\xed\xa0\x80")), "not-utf-8"),
    "unknown header not utf-8": (a_record(("x-note", b"\xff")), ""),
    "odd names": (a_record(("", b"x"), ("ce_", b"x"), ("\x00", b"x"), ("ce_ä\r\n", b"x")), ""),
    "upper case name is another header": (a_record(("CE_ATTEMPT", b"9"), ("Ce_type", b"\xff")), ""),
    "upper case name only": (a_record(("CE_TYPE", b"t"), instead={"ce_specversion": None}), "no-cloudevent|no-specversion"),
    "line feed": (a_record(("ce_step", b"a\nb")), "bad-attribute"),
    "carriage return at the end": (a_record(("ce_step", b"a\r")), "bad-attribute"),
    "null character": (a_record(("ce_step", b"a\x00")), "bad-attribute"),
    "delete and next line": (a_record(("ce_step", "a\x7f\x85".encode())), "bad-attribute"),
    "1,024 bytes": (a_record(("ce_step", b"x" * 1024)), ""),
    "1,025 bytes": (a_record(("ce_step", b"x" * 1025)), "too-large"),
    "1,025 bytes that nobody knows": (a_record(("x-note", b"x" * 1025)), ""),
    "17 KiB": (a_record(*((f"x{number}", b"y" * 1000) for number in range(17))), "too-large"),
    "names count": (a_record(*((f"x{number}" + "y" * 1000, b"") for number in range(17))), "too-large"),
    "10,000 headers": (a_record(*(("x", b"y") for _ in range(10_000))), "too-large"),
    "10,000 headers of nothing": (a_record(*(("", b"") for _ in range(10_000))), ""),
    "10,000 times the same": (a_record(*(("ce_attempt", b"1") for _ in range(10_000))), "too-large"),
    "byte order mark": (a_record(instead={"ce_specversion": b"\xef\xbb\xbf1.0"}), "no-cloudevent|no-specversion"),
    "specversion with blanks": (a_record(instead={"ce_specversion": b" 1.0"}), "no-cloudevent|no-specversion"),
    "percent-encoding": (a_record(("ce_step", b"a%20%ZZ")), ""),
    "trace context invalid": (a_record(("traceparent", b"00-nonsense"), ("tracestate", b"\xff\x00")), ""),
    "trace context twice": (a_record(("traceparent", b"one"), ("traceparent", b"two")), ""),
    "trace context long": (a_record(("tracestate", b"x" * 2000)), ""),
    "content-type not utf-8": (a_record(("content-type", b"\xff")), "not-utf-8"),
    "content-types of two modes": (
        a_record(("content-type", b"application/json"), ("content-type", STRUCTURED.encode())),
        "contradicting-headers",
    ),
    "content-type with a charset, twice": (
        a_record(("content-type", b"application/json"), ("content-type", b"Application/JSON; charset=utf-8")),
        "",
    ),
}
BOTH |= {
    f"attempt {text!r}": (a_record(instead={"ce_attempt": text.encode()}), code)
    for text, code in {
        "0": "",
        "007": "",
        "9" * 15: "",
        "9" * 16: "bad-attribute",
        "+1": "bad-attribute",
        "-1": "bad-attribute",
        " 1": "bad-attribute",
        "1.0": "bad-attribute",
        "1e3": "bad-attribute",
        "0x1": "bad-attribute",
        "1_000": "bad-attribute",
        "²": "bad-attribute",
        "١": "bad-attribute",
        "１": "bad-attribute",
    }.items()
}


@READERS
@pytest.mark.parametrize(("record", "code"), BOTH.values(), ids=BOTH)
def test_hostile_headers_are_read_or_refused_as_the_rule_says(refusal: Reader, record: InboundRecord, code: str) -> None:
    coordinators, _, participants = code.partition("|")
    assert refusal(record) == (coordinators if refusal is by_coordinator else participants or code)


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
