"""Requests as nobody should send them: drawn from the document, then made hostile in one place (A3, A4, P14)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import quote

import orjson

from tests.hostile.asking import Call
from tests.hostile.bodies import BODIES, order_body

TEXTS = (
    "",
    " ",
    "x" * 5_000,
    "%00",
    "%ff%fe",
    "%ED%A0%80",
    "..%2f..%2fetc",
    "'%20or%201=1--",
    "%F0%9F%92%A5",
    "%0d%0aSet-Cookie:x",
    "-1",
    "0",
    "18446744073709551616",
    "9" * 400,
    "1e400",
    "NaN",
    "-0",
    "null",
    "true",
    "%7B%7D",
    "0001-01-01T00:00:00%2B14:00",
    "9999-12-31T23:59:59-14:00",
    "2026-03-01T09:30:00Z",
    "completed",
    "order-bank",
    "ZAECAw",
)
HEADERS = (
    ("Idempotency-Key", "k" * 300),
    ("Idempotency-Key", "\x01"),
    ("If-Match", '"99999999999999999999999999"'),
    ("If-Match", "W/x"),
    ("If-Match", '"1"'),
    ("X-Actor", "ada\x85level=error"),
    ("X-Actor", "ü" * 150),
    ("Content-Type", "text/plain"),
    ("Content-Type", "application/json; charset=utf-16"),
    ("Content-Encoding", "gzip"),
    ("Accept", "application/xml"),
    ("Accept-Encoding", "br;q=NaN"),
    ("Range", "bytes=0-1,1-2,2-3"),
    ("Prefer", "wait=99999999999999999"),
    ("Prefer", "wait=-1"),
    ("Last-Event-ID", "\x7f"),
    ("Last-Event-ID", "9" * 300),
    ("Cookie", "a=" + "b" * 3_000),
    ("Forwarded", "for=unknown"),
    ("X-Forwarded-For", "127.0.0.1, ::1"),
    ("Expect", "100-continue"),
    ("TE", "trailers"),
    ("X-HTTP-Method-Override", "DELETE"),
)
VALUES: Sequence[Any] = (None, True, -1, 2**53 - 1, 1.5, "", "x" * 300, " ", [], {}, [[]], "\n", "\u202e", "canary-7d21f0")
METHODS = ("PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "POST", "GET", "BREW")
PATHS = (
    "/",
    "//",
    "/v1",
    "/v1/",
    "/v1/sagas/",
    "/V1/sagas",
    "/v1/sagas/../audit",
    "/.env",
    "/docs",
    "/admin",
    "/v1/%2e%2e/metrics",
    "/v1//sagas",
)


@dataclass(frozen=True, slots=True)
class Known:
    """What a caller has seen or heard of: ids of sagas and letters by tenant, and the key of each tenant."""

    sagas: Mapping[str, Sequence[str]]
    letters: Mapping[str, Sequence[str]]
    keys: Mapping[str, str]


class Requests:
    """Draws calls. `document` is the OpenAPI of the server itself."""

    def __init__(self, document: dict[str, Any], known: Known, chance: Random) -> None:
        self._document, self._known, self._chance = document, known, chance
        self._operations = [(path, method.upper(), said) for path, methods in document["paths"].items() for method, said in methods.items()]
        self._start = next(one for one in self._operations if one[2]["operationId"] == "startSaga")
        self._damages: list[str] = []
        self._number = 0

    def draw(self) -> Call:
        """The next call."""
        self._number += 1
        path, method, said = self._chance.choice(self._operations)
        tenant = self._chance.choice(list(self._known.keys))
        kind = self._chance.choice(list(MADE))
        sound = self._sound(path, method, said, tenant)
        return MADE[kind](self, kind, sound, said)

    def _sound(self, path: str, method: str, said: dict[str, Any], tenant: str) -> Call:
        """What the document asks for."""
        chance = self._chance
        owner = tenant if chance.random() < 0.7 else next(one for one in self._known.keys if one != tenant)
        values = {"saga_id": chance.choice(self._known.sagas[owner]), "letter": chance.choice(self._known.letters[owner])}
        values |= {"name": "order-bank", "version": "1"}
        query = [
            f"{one['name']}={_right(one['name'], chance)}"
            for one in said.get("parameters", ())
            if one["in"] == "query" and chance.random() < 0.3
        ]
        target = path.format(**values) + ("?" + "&".join(query) if query else "")
        headers = [("Authorization", f"Bearer {self._known.keys[tenant]}")]
        body = b""
        if method == "POST":
            headers += [("Content-Type", "application/json"), ("Idempotency-Key", f"k{self._number}")]
            body = orjson.dumps(self._body(said))
        return Call("", said["operationId"], method, target, tuple(headers), body, tenant)

    def _body(self, said: dict[str, Any]) -> dict[str, Any]:
        if said["operationId"] == "startSaga":
            return order_body(f"rest-{self._number % 500}", self._chance.choice((1, 1, 2)))
        reference = said["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        names = self._document["components"]["schemas"][reference]["properties"]
        right = {"reason": "proof", "step": "capture_payment", "evidence": "a receipt", "filter": {}, "dry_run": True, "limit": 5}
        return {name: right[name] for name in names if name in right}

    def as_it_is(self, kind: str, call: Call, said: dict[str, Any]) -> Call:
        return _changed(call, kind)

    def strange_parameter(self, kind: str, call: Call, said: dict[str, Any]) -> Call:
        names = [one["name"] for one in said.get("parameters", ()) if one["in"] == "query"] or ["unknown"]
        name, text = self._chance.choice(names), self._chance.choice(TEXTS)
        twice = f"&{name}={self._chance.choice(TEXTS)}" if self._chance.random() < 0.2 else ""
        return _changed(call, kind, target=f"{call.target.partition('?')[0]}?{name}={text}{twice}")

    def strange_path(self, kind: str, call: Call, said: dict[str, Any]) -> Call:
        parts = call.target.partition("?")[0].split("/")
        at = self._chance.randrange(2, max(3, len(parts)))
        return _changed(call, kind, operation="", target="/".join([*parts[:at], self._chance.choice(TEXTS), *parts[at + 1 :]]))

    def no_such_path(self, kind: str, call: Call, said: dict[str, Any]) -> Call:
        return _changed(call, kind, operation="", target=self._chance.choice(PATHS))

    def strange_method(self, kind: str, call: Call, said: dict[str, Any]) -> Call:
        method = self._chance.choice(METHODS)
        return _changed(call, kind, operation=call.operation if method == call.method else "", method=method)

    def strange_header(self, kind: str, call: Call, said: dict[str, Any]) -> Call:
        name, value = self._chance.choice(HEADERS)
        kept = call.headers if self._chance.random() < 0.3 else tuple(one for one in call.headers if one[0] != name)
        return _changed(call, kind, headers=(*kept, (name, value)))

    def many_headers(self, kind: str, call: Call, said: dict[str, Any]) -> Call:
        return _changed(
            call, kind, headers=(*call.headers, *((f"X-{number}", "y" * 50) for number in range(self._chance.choice((80, 300)))))
        )

    def strange_body(self, kind: str, call: Call, said: dict[str, Any]) -> Call:
        """Half of them start a saga, whose body goes furthest, and there each damage has its turn."""
        if self._chance.random() < 0.5:
            call = self._sound(*self._start, call.tenant)
            self._damages = self._damages or self._chance.sample(list(BODIES), len(BODIES))
            name = self._damages.pop()
        else:
            name = self._chance.choice([name for name in BODIES if name != "oversize" or self._chance.random() < 0.05])
        damage, _ = BODIES[name]
        return _changed(call, kind, body=damage(call.body or b'{"reason":"Road"}') or b"")

    def strange_field(self, kind: str, call: Call, said: dict[str, Any]) -> Call:
        body = orjson.loads(call.body) if call.body else {}
        name = self._chance.choice([*body, "force", "a/b~c", "__proto__"])
        return _changed(call, kind, body=orjson.dumps({**body, name: self._chance.choice(VALUES)}))

    def huge_body(self, kind: str, call: Call, said: dict[str, Any]) -> Call:
        size = self._chance.choice((256 * 1024, 256 * 1024 + 1, 1_000_000))
        return _changed(call, kind, body=b'{"reason":"' + b"x" * size + b'"}')

    def bad_token(self, kind: str, call: Call, said: dict[str, Any]) -> Call:
        key = self._known.keys[call.tenant]
        tokens = (
            "",
            "Bearer",
            f"Bearer {key[:-1]}",
            f"Bearer {key}x",
            f"Basic {key}",
            "Bearer eyJhbGciOiJub25lIn0.e30.",
            "Bearer \xff",
            f"bearer  {key[:9]}",
        )
        kept = tuple(one for one in call.headers if one[0] != "Authorization")
        return _changed(call, kind, headers=(*kept, ("Authorization", self._chance.choice(tokens))), tenant="nobody")

    def no_token(self, kind: str, call: Call, said: dict[str, Any]) -> Call:
        return _changed(call, kind, headers=tuple(one for one in call.headers if one[0] != "Authorization"), tenant="nobody")


def _changed(call: Call, kind: str, **change: Any) -> Call:
    said = {name: getattr(call, name) for name in ("operation", "method", "target", "headers", "body", "tenant")}
    return Call(kind, **{**said, **change})


def _right(name: str, chance: Random) -> str:
    right: Mapping[str, Sequence[str]] = {
        "limit": ("1", "20", "200"),
        "status": ("completed", "compensated", "running"),
        "definition": ("order-bank",),
        "open": ("true", "false"),
        "after": ("0", "3"),
        "at_version": ("1", "2"),
        "topic": ("order.events",),
        "reason": ("invalid-body", "too-deep"),
    }
    return quote(chance.choice(right.get(name, ("2026-03-01T09:30:00Z",) if "_" in name or name in ("since", "until") else ("x",))))


Make = Callable[[Requests, str, Call, dict[str, Any]], Call]
MADE: Mapping[str, Make] = {
    "as it is": Requests.as_it_is,
    "strange parameter": Requests.strange_parameter,
    "strange path": Requests.strange_path,
    "no such path": Requests.no_such_path,
    "strange method": Requests.strange_method,
    "strange header": Requests.strange_header,
    "many headers": Requests.many_headers,
    "strange body": Requests.strange_body,
    "strange field": Requests.strange_field,
    "huge body": Requests.huge_body,
    "bad token": Requests.bad_token,
    "no token": Requests.no_token,
}
