"""Events to bytes and back: one codec byte, then JSON `{"event": name, "schema": n, ...fields}` without fields at their default.

Old shapes become today's on reading: `UPCASTS[(name, schema)]` turns a stored body into that of the next schema. A schema number
rises only when a field changes its meaning; an added optional field needs neither.

Why a codec byte from the first day: bodies can be compressed or sealed later without touching one stored row (design 4.2).
"""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from datetime import datetime
from typing import Any, get_type_hints

import orjson

from saga.body import Json, canonical
from saga.core.events import EVENT_TYPES, Event
from saga.errors import ContractError

PLAIN = 0
COMPRESSED = 1
SEALED = 2
SCHEMA = 1

UPCASTS: Mapping[tuple[str, int], Callable[[Json], Json]] = {}
_BY_NAME = {kind.__name__: kind for kind in EVENT_TYPES}


def encode(event: Event) -> bytes:
    """The stored form of an event."""
    body: dict[str, Any] = {"event": type(event).__name__, "schema": SCHEMA}
    for name, default, is_body in _WRITERS[type(event).__name__]:
        value = getattr(event, name)
        if value != default or default is MISSING:
            body[name] = orjson.Fragment(value) if is_body else value
    return bytes((PLAIN,)) + orjson.dumps(body)


def decode(data: bytes) -> Event:
    """The event of a stored form, upcast to today's shape. Raises ContractError `unreadable-event` for what no release wrote."""
    body = decode_body(data)
    kind = _BY_NAME.get(str(body.get("event")))
    if kind is None:
        raise ContractError("unreadable-event", f"no event is called {body.get('event')!r}")
    try:
        return kind(**{name: read(body[name]) for name, read in _READERS[kind.__name__] if name in body})
    except (TypeError, ValueError) as error:
        raise ContractError("unreadable-event", f"{kind.__name__}: {error}") from None


def decode_body(data: bytes) -> Json:
    """The JSON of a stored event, upcast: for people to look at. Raises ContractError `unreadable-event`."""
    codec, raw = data[0] if data else SEALED, data[1:]
    if codec not in (PLAIN, COMPRESSED):
        raise ContractError("unreadable-event", f"codec {codec} is not known to this release")
    try:
        body: Json = orjson.loads(zlib.decompress(raw) if codec == COMPRESSED else raw)
    except (zlib.error, orjson.JSONDecodeError) as error:
        raise ContractError("unreadable-event", f"{type(error).__name__} in an event's body") from None
    if not isinstance(body, dict):
        raise ContractError("unreadable-event", "an event's body must be one JSON object")
    while upcast := UPCASTS.get((str(body.get("event")), int(body.get("schema", 1)))):
        body = upcast(body)
    return body


def _same(value: Any) -> Any:
    return value


_READ: Mapping[object, Callable[[Any], Any]] = {
    datetime: datetime.fromisoformat,
    datetime | None: lambda value: None if value is None else datetime.fromisoformat(value),
    bytes: canonical,
    tuple[str, ...]: tuple,
}

_HINTS = {kind.__name__: get_type_hints(kind) for kind in EVENT_TYPES}
_WRITERS = {
    kind.__name__: tuple((item.name, item.default, _HINTS[kind.__name__][item.name] is bytes) for item in fields(kind))
    for kind in EVENT_TYPES
}
_READERS = {
    kind.__name__: tuple((item.name, _READ.get(_HINTS[kind.__name__][item.name], _same)) for item in fields(kind)) for kind in EVENT_TYPES
}
