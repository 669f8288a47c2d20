"""The header rules of wire.md section 1, for both sides: replies and events as the coordinator reads them, commands as a participant does.

    a name            exact; one that is not ours is ignored whatever its value holds, but its bytes count
    empty, null       absent
    twice             one value: read once; two values: `contradicting-headers`
    a `ce_` value     UTF-8 as it is, at most 1 KiB, no control character, not of blanks alone
    trace context     never makes a record unusable: what is no text is left out, of two the first counts

Why blanks alone are refused and not absent: an undo whose `ce_undoes` is blank would be read as a do, and two commands whose ids are
blank as one.
"""

from collections.abc import Iterable

from saga.errors import ContractError

MAX_HEADER = 1024
MAX_HEADERS = 16 * 1024
EVENT_FORMATS = "application/cloudevents"
CONTENT_TYPE = "content-type"
_TRACE = ("traceparent", "tracestate")


def read_headers(given: Iterable[tuple[str, bytes | None]]) -> dict[str, str]:
    """The headers that are ours; `content-type` as its media type alone. Raises ContractError `too-large`, `contradicting-headers`,
    `not-utf-8`, `bad-attribute`."""
    found: dict[str, str] = {}
    size = 0
    for name, value in given:
        size += len(name.encode("utf-8", "replace")) + len(value or b"")
        if size > MAX_HEADERS:
            raise ContractError("too-large", f"the headers have more than {MAX_HEADERS} bytes")
        if not value:
            continue
        if name.startswith("ce_"):
            _take(found, name, refuse_control(name, _text(name, value)))
        elif name == CONTENT_TYPE:
            _take(found, name, _media_type(_text(name, value)))
        elif name in _TRACE:
            found.setdefault(name, _trace(value))
    return found


def refuse_control(name: str, text: str) -> str:
    """The value of an attribute, if it is text to be shown and compared. Raises ContractError `bad-attribute`."""
    if not text.isprintable() and any(ord(character) < 32 or 127 <= ord(character) < 160 for character in text):
        raise ContractError("bad-attribute", f"the attribute {name[:40]} holds a control character")
    if text.isspace():
        raise ContractError("bad-attribute", f"the attribute {name[:40]} holds blanks and nothing else")
    return text


def _take(found: dict[str, str], name: str, text: str) -> None:
    if found.setdefault(name, text) != text:
        raise ContractError("contradicting-headers", f"the header {name[:40]} has two values")


def _text(name: str, value: bytes) -> str:
    if len(value) > MAX_HEADER:
        raise ContractError("too-large", f"the header {name[:40]} has more than {MAX_HEADER} bytes")
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise ContractError("not-utf-8", f"the header {name[:40]} is not UTF-8") from None


def _trace(value: bytes) -> str:
    text = value.decode("utf-8", "replace") if len(value) <= MAX_HEADER else ""
    return text if text.isascii() and text.isprintable() else ""


def _media_type(text: str) -> str:
    return text.partition(";")[0].strip().lower()
