"""Bodies: the one JSON object that a command, a reply or a start carries (wire.md section 1).

Everything that enters the system passes `parse_body`, everything that is hashed or stored passes `canonical`. Python's own
`json` reads and orjson writes.

Why: orjson reads an integer over 64 bits as a float and keeps the last of two equal keys, both without a word; a body that two
readers understand differently must not get in (hazard P14). Writing has no such trap, and orjson is ten times faster at it.
"""

import hashlib
import json
import math
import re
from typing import Any, NoReturn

import orjson

from saga.errors import ContractError

MAX_BODY = 512 * 1024
MAX_DEPTH = 64
MAX_INTEGER = 2**53 - 1
MAX_NUMBER_LENGTH = 40

Json = dict[str, Any]
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])", re.IGNORECASE)
_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)


def parse_body(raw: bytes | None, *, limit: int = MAX_BODY, depth: int = MAX_DEPTH) -> Json:
    """Read one JSON object as strictly as the wire demands.

    `limit` is in bytes. Raises ContractError with code `null-body`, `too-large`, `not-utf-8`, `not-json`, `not-an-object`,
    `too-deep` or `bad-value`; the detail names the place, never the value.
    """
    if raw is None:
        raise ContractError("null-body", "the record has no value; an empty body is {}")
    if len(raw) > limit:
        raise ContractError("too-large", f"the body has {len(raw)} bytes, at most {limit} are allowed")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ContractError("not-utf-8", f"byte {error.start} of the body is not UTF-8") from None
    _refuse_depth(raw, depth)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise ContractError("not-json", f"line {error.lineno} column {error.colno}: {error.msg}") from None
    if not isinstance(value, dict):
        raise ContractError("not-an-object", "the body must be one JSON object")
    if _SUSPECT.search(raw) or "\x00" in text:
        _refuse_characters(value)
    return value


def canonical(value: object) -> bytes:
    """Bytes of `value` with sorted keys: what is hashed, compared and stored. Raises ContractError `bad-value` for what JSON lacks.

    Why a copy: what orjson returns keeps the four kilobytes that it was written in, and folds hold bodies for as long as a saga waits.
    """
    try:
        return bytes(memoryview(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)))
    except (TypeError, orjson.JSONEncodeError) as error:
        raise ContractError("bad-value", f"the body cannot be written as JSON: {error}") from None


def body_hash(value: Json) -> bytes:
    """SHA-256 of the sorted-key JSON of a body as received, before defaults: tells a repeated start from another one (design 4.1)."""
    return hashlib.sha256(canonical(value)).digest()


def _refuse_depth(raw: bytes, limit: int) -> None:
    if raw.count(b"{") + raw.count(b"[") <= limit:
        return
    level = 0
    for token in _STRING_OR_BRACKET.finditer(raw):
        first = raw[token.start()]
        level += 1 if first in b"[{" else -1 if first in b"]}" else 0
        if level > limit:
            raise ContractError("too-deep", f"the body is nested deeper than {limit}")


def _object(pairs: list[tuple[str, Any]]) -> Json:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ContractError("bad-value", "an object of the body has one key twice")
    return result


def _integer(text: str) -> int:
    if len(text) > MAX_NUMBER_LENGTH or abs(value := int(text)) > MAX_INTEGER:
        raise ContractError("bad-value", "an integer of the body is outside ±(2^53 - 1)")
    return value


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ContractError("bad-value", "a number of the body is too large")
    return value


def _constant(name: str) -> NoReturn:
    raise ContractError("bad-value", f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant)


def _refuse_characters(value: object) -> None:
    if isinstance(value, str):
        if "\x00" in value:
            raise ContractError("bad-value", "a string of the body holds \\u0000")
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise ContractError("bad-value", "a string of the body holds half a surrogate pair")
    elif isinstance(value, dict):
        for name, item in value.items():
            _refuse_characters(name)
            _refuse_characters(item)
    elif isinstance(value, list):
        for item in value:
            _refuse_characters(item)
