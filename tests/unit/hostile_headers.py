"""Records with headers as nobody should send them (K11, L6), and how each must end at the coordinator and at a participant."""

from saga.ports.messaging import InboundRecord
from saga.transport.codec import STRUCTURED

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


def ends(code: str) -> tuple[str, str]:
    """The coordinator's and the participant's reason; empty where the record is read."""
    coordinators, _, participants = code.partition("|")
    return coordinators, participants or code
