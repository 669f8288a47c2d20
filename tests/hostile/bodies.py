"""Records whose body, type or wrapping nobody should send, and where each must end (K11, P14)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

import orjson

from saga.transport.codec import STRUCTURED
from tests.unit.hostile_headers import BOTH, ends

PLACED = "com.example.order.OrderPlaced.v1"
CANARY = "canary-7d21f0"
HEADING = "headers: "
Headers = list[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Bad:
    """A record to be sent. `fate` is where it must end: a reason of a dead letter or of what is ignored, `*` for any that is accounted."""

    kind: str
    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    fate: str


def order_body(order_id: str, quantity: int = 1, note: str = CANARY) -> dict[str, object]:
    """The body of an order that is good."""
    price = {"minor": 4999, "currency": "EUR"}
    address = {"name": note, "street": "1 Road", "city": "Berlin", "postcode": "10115", "country": "DE"}
    line = {"sku": "tea-500", "quantity": quantity, "price": price}
    return {"order_id": order_id, "customer_id": "ada", "lines": [line], "total": price, "address": address}


def heading(id_: str, type_: str = PLACED, source: str = "/order", **more: str) -> Headers:
    """The headers of a sound event."""
    said = {"specversion": "1.0", "id": id_, "source": source, "type": type_, **more}
    return [*((f"ce_{name}", text.encode()) for name, text in said.items()), ("content-type", b"application/json")]


def _replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda body: body.replace(old, new, 1)


def _with(text: str) -> Callable[[bytes], bytes]:
    return lambda body: body[:-1] + b"," + text.encode() + b"}"


BODIES: Mapping[str, tuple[Callable[[bytes], bytes | None], str]] = {
    "no value": (lambda _: None, "null-body"),
    "empty": (lambda _: b"", "not-json"),
    "cut off": (lambda body: body[:-7], "not-json"),
    "two objects": (lambda body: body + body, "not-json"),
    "not utf-8": (_replaced(b"Road", b"\xff\xfe"), "not-utf-8"),
    "half a character": (_replaced(b"Road", b"\xc3"), "not-utf-8"),
    "raw surrogate": (_replaced(b"Road", b"\xed\xa0\x80"), "not-utf-8"),
    "utf-16": (lambda body: body.decode().encode("utf-16"), "not-utf-8"),
    "byte order mark": (lambda body: b"\xef\xbb\xbf" + body, "not-json"),
    "a list": (lambda body: b"[" + body + b"]", "not-an-object"),
    "a text": (lambda _: b'"canary-7d21f0"', "not-an-object"),
    "null": (lambda _: b"null", "not-an-object"),
    "depth 5000": (_with('"deep":' + '{"a":' * 5000 + "1" + "}" * 5000), "too-deep"),
    "depth 5000, open": (lambda _: b"[" * 5000, "too-deep"),
    "depth 65": (_with('"deep":' + "[" * 64 + "]" * 64), "too-deep"),
    "nul": (_with('"x":"a\\u0000b"'), "bad-value"),
    "nul in a name": (_with('"a\\u0000":1'), "bad-value"),
    "raw nul": (_replaced(b"Road", b"\x00"), "not-json"),
    "lone surrogate": (_with('"x":"\\ud800"'), "bad-value"),
    "lone low surrogate": (_with('"x":"\\uDC00x"'), "bad-value"),
    "2^64": (_with('"x":18446744073709551616'), "bad-value"),
    "2^53": (_with('"x":9007199254740992'), "bad-value"),
    "5000 digits": (_with('"x":' + "9" * 5000), "bad-value"),
    "1e400": (_with('"x":1e400'), "bad-value"),
    "-1e400": (_with('"x":-1e400'), "bad-value"),
    "nan": (_with('"x":NaN'), "bad-value"),
    "infinity": (_with('"x":-Infinity'), "bad-value"),
    "key twice": (_with('"order_id":"another"'), "bad-value"),
    "minus zero pieces": (_replaced(b'"quantity":1', b'"quantity":-0'), "invalid-body"),
    "minus zero as a float": (_replaced(b'"quantity":1', b'"quantity":-0.0'), "invalid-body"),
    "pieces as a float": (_replaced(b'"quantity":1', b'"quantity":1.5'), "invalid-body"),
    "pieces as a text": (_replaced(b'"quantity":1', b'"quantity":"1"'), "invalid-body"),
    "too many pieces": (_replaced(b'"quantity":1', b'"quantity":9007199254740991'), "invalid-body"),
    "money as a float": (_replaced(b'"minor":4999', b'"minor":49.99'), "invalid-body"),
    "no currency": (_replaced(b'"EUR"', b'""'), "invalid-body"),
    "a field is missing": (_replaced(b'"customer_id"', b'"customer"'), "invalid-body"),
    "a field is null": (_replaced(b'"ada"', b"null"), "invalid-body"),
    "a huge text": (_replaced(b'"ada"', b'"' + b"x" * 20_000 + b'"'), "invalid-body"),
    "an empty object": (lambda _: b"{}", "invalid-body"),
    "oversize": (_with('"x":"' + "x" * 530_000 + '"'), "too-large"),
}
RARE = {"oversize", "5000 digits", "depth 5000", "depth 5000, open", "a huge text"}

TYPES: Mapping[str, tuple[str, str]] = {
    "a version too new": ("com.example.order.OrderPlaced.v2", "unknown-version"),
    "a version far too new": ("com.example.order.OrderPlaced.v999999999", "unknown-version"),
    "version zero": ("com.example.order.OrderPlaced.v0", "unknown-version"),
    "no version": ("com.example.order.OrderPlaced", "not-addressed"),
    "an odd version": ("com.example.order.OrderPlaced.v1.v1", "not-addressed"),
    "a version of Arabic digits": ("com.example.order.OrderPlaced.v١", "not-addressed"),
    "an unknown type": ("com.example.order.OrderBurned.v1", "not-addressed"),
    "a reserved type": ("saga.undone.v1", "not-addressed"),
    "another prefix": ("org.example.order.OrderPlaced.v1", "not-addressed"),
}


def _wrapped(instead: Mapping[str, object], *without: str) -> Callable[[str], bytes]:
    def wrap(order_id: str) -> bytes:
        event = {"specversion": "1.0", "id": order_id, "source": "/order", "type": PLACED, "data": order_body(order_id), **instead}
        return orjson.dumps({name: value for name, value in event.items() if name not in without})

    return wrap


STRUCTURES: Mapping[str, tuple[Callable[[str], bytes], str, str]] = {
    "structured, no type": (_wrapped({}, "type"), STRUCTURED, "no-cloudevent"),
    "structured, specversion 2": (_wrapped({"specversion": "2.0"}), STRUCTURED, "no-cloudevent"),
    "structured, data twice": (_wrapped({"data_base64": "e30="}), STRUCTURED, "bad-value"),
    "structured, data is a list": (_wrapped({"data": []}), STRUCTURED, "not-an-object"),
    "structured, bad base64": (_wrapped({"data_base64": "e30"}, "data"), STRUCTURED, "bad-value"),
    "structured, empty base64": (_wrapped({"data_base64": ""}, "data"), STRUCTURED, "not-json"),
    "structured, attribute is an object": (_wrapped({"tenant": {}}), STRUCTURED, "bad-attribute"),
    "structured, attribute is a float": (_wrapped({"attempt": 1.5}), STRUCTURED, "bad-attribute"),
    "structured, control character": (_wrapped({"tenant": "a\n"}), STRUCTURED, "bad-attribute"),
    "structured, no data": (_wrapped({}, "data"), STRUCTURED, "invalid-body"),
    "structured, not JSON": (lambda _: b"{" * 40, STRUCTURED, "not-json"),
    "batch mode": (lambda order_id: b"[" + _wrapped({})(order_id) + b"]", "application/cloudevents-batch+json", "batch-mode"),
    "another format": (_wrapped({}), "application/cloudevents+avro", "unknown-format"),
}


def _of_body(kind: str, id_: str) -> Bad:
    damage, fate = BODIES[kind]
    return Bad(kind, "order.events", id_.encode(), damage(orjson.dumps(order_body(id_))), heading(id_), fate)


def _of_type(kind: str, id_: str) -> Bad:
    type_, fate = TYPES[kind]
    return Bad(kind, "order.events", id_.encode(), orjson.dumps(order_body(id_)), heading(id_, type_), fate)


def _of_structure(kind: str, id_: str) -> Bad:
    wrap, content_type, fate = STRUCTURES[kind]
    return Bad(kind, "order.events", id_.encode(), wrap(id_), [("content-type", content_type.encode())], fate)


def _of_headers(kind: str, id_: str) -> Bad:
    record, code = BOTH[kind.removeprefix(HEADING)]
    return Bad(kind, "payment.events", id_.encode(), record.value, list(record.headers), ends(code)[0] or "unknown-saga")


def _of_key(kind: str, id_: str) -> Bad:
    return Bad(kind, "inventory.events", b"k" * 1025, b"{}", heading(id_), "too-large")


def _of_nothing(kind: str, id_: str) -> Bad:
    return Bad(kind, "inventory.events", None, None, [], "no-cloudevent")


MAKERS: Mapping[str, Callable[[str, str], Bad]] = {
    **dict.fromkeys(BODIES, _of_body),
    **dict.fromkeys(TYPES, _of_type),
    **dict.fromkeys(STRUCTURES, _of_structure),
    **{f"{HEADING}{kind}": _of_headers for kind in BOTH if kind != "sound"},
    "a key of 1,025 bytes": _of_key,
    "nothing at all": _of_nothing,
}
HEAVY = {f"{HEADING}{kind}" for kind, (record, _) in BOTH.items() if len(record.headers) > 1_000}
WEIGHTS = [0.02 if kind in RARE or kind in HEAVY else 1.0 for kind in MAKERS]
KINDS = list(MAKERS)


def a_bad_one(chance: Random, id_: str) -> Bad:
    """One of those whose fate is known beforehand."""
    (kind,) = chance.choices(KINDS, WEIGHTS)
    return MAKERS[kind](kind, id_)


def name_of(seed: int, number: int) -> str:
    """A record's id. Whatever `damaged` makes of it is no other's: names are all as long, and end in what no damage ends in."""
    return f"x{seed}-{number:09}z"


def damaged(chance: Random, bad: Bad) -> Bad:
    """A record that was sound, with a few bytes turned, cut or doubled: it may end anywhere, but it must end somewhere."""
    value, headers = bytearray(bad.value or b""), list(bad.headers)
    for _ in range(chance.randint(1, 4)):
        act, at = chance.randrange(6), chance.randrange(max(1, len(value)))
        if act == 0 and value:
            value[at] = chance.randrange(256)
        elif act == 1:
            del value[at : at + chance.randint(1, 30)]
        elif act == 2:
            value[at:at] = value[at : at + chance.randint(1, 30)]
        elif act == 3 and headers:
            headers.pop(chance.randrange(len(headers)))
        elif act == 4 and headers:
            headers.append(chance.choice(headers))
        elif headers:
            name, text = headers.pop(chance.randrange(len(headers)))
            turned = bytearray(text or b"x")
            turned[chance.randrange(len(turned)) if turned else 0 :] = bytes((chance.randrange(256),))
            headers.append((name, bytes(turned)))
    return Bad("damaged", bad.topic, bad.key, bytes(value), headers, "*")
