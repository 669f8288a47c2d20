"""An issuer's public keys: read from its URL or a file, kept, and read again at an interval or for a key that is not among them.

fresh ── refresh_every ──> read again ── fails ──> the last good set, until keep_for ──> Unavailable
  └── unknown kid ──> read again at once, but not more often than AGAIN allows: whoever sends names must not make us ask
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import jwt

from saga.config import Issuer
from saga.errors import Unavailable

AGAIN = 10.0
WITHIN = 3.0
MOST_BYTES = 256 * 1024
SMALLEST_RSA = 2048

Fetch = Callable[[], Awaitable[bytes]]
Keys = Mapping[str, Mapping[str, jwt.PyJWK]]  # by name, by algorithm


class KeySet:
    """The keys of one issuer. `fetch` reads the document; `clock` is monotonic, in seconds."""

    def __init__(self, issuer: Issuer, fetch: Fetch, clock: Callable[[], float]) -> None:
        self._issuer = issuer
        self._fetch = fetch
        self._clock = clock
        self._keys: Keys = {}
        self._good_at: float | None = None
        self._tried_at: float | None = None
        self._lock = asyncio.Lock()

    async def key(self, key_id: str, algorithm: str) -> jwt.PyJWK | None:
        """The key of this name if it is one for this algorithm; None if there is none. Raises Unavailable when no set can be trusted."""
        if self._older_than(self._good_at, self._issuer.refresh_every) and not (self._keys and self._lock.locked()):
            await self._read()
        if key_id not in self._keys:
            await self._read()
        if self._older_than(self._good_at, self._issuer.keep_for):
            raise Unavailable("the key server", f"no keys of the issuer {self._issuer.name} could be read")
        return self._keys.get(key_id, {}).get(algorithm)

    async def _read(self) -> None:
        """One reader at a time; those who waited for it find it done."""
        async with self._lock:
            if not self._older_than(self._tried_at, AGAIN):
                return
            self._tried_at = self._clock()
            try:
                async with asyncio.timeout(WITHIN):
                    self._keys = read_keys(await self._fetch(), self._issuer)
            except (TimeoutError, OSError, ValueError, httpx2.HTTPError, httpx2.InvalidURL):
                return  # the last good set holds for keep_for; the caller sees its age
            self._good_at = self._clock()

    def _older_than(self, moment: float | None, seconds: float) -> bool:
        return moment is None or self._clock() - moment >= seconds


def read_keys(raw: bytes, issuer: Issuer) -> Keys:
    """The public signing keys of a JWKS document, by name and algorithm. Raises ValueError if it holds none of use."""
    document = json.loads(raw)
    listed = document.get("keys") if isinstance(document, dict) else None
    found: dict[str, Mapping[str, jwt.PyJWK]] = {}
    for entry in listed if isinstance(listed, list) else []:
        name = entry.get("kid") if isinstance(entry, dict) else None
        if isinstance(name, str) and name and name not in found and (usable := dict(_usable(entry, issuer))):
            found[name] = usable
    if not found:
        raise ValueError("the document holds no key that can be used")
    return found


def _usable(entry: Mapping[str, Any], issuer: Issuer) -> Iterator[tuple[str, jwt.PyJWK]]:
    """The key for each algorithm of the issuer that it is for: none for symmetric, private, weak and foreign ones."""
    if entry.get("kty") not in ("RSA", "EC", "OKP") or "d" in entry or entry.get("use", "sig") != "sig":
        return
    for algorithm in issuer.algorithms:
        if entry.get("alg", algorithm) == algorithm:
            try:
                key = jwt.PyJWK(dict(entry), algorithm=algorithm)
            except (jwt.PyJWTError, ValueError, TypeError):
                continue
            if entry["kty"] != "RSA" or key.key.key_size >= SMALLEST_RSA:
                yield algorithm, key
    return None


def fetch_of(issuer: Issuer, *, production: bool) -> Fetch:
    """How the issuer's document is read. Raises ValueError for a URL that may not be used: plain http is for development."""
    where = issuer.jwks
    if "://" not in where:
        return lambda: asyncio.to_thread(_bounded_file, Path(where))
    if not where.startswith("https://") and (production or not where.startswith("http://")):
        raise ValueError(f"the keys of issuer {issuer.name} must come by https or from a file")

    async def fetch() -> bytes:
        async with (
            httpx2.AsyncClient(timeout=WITHIN, follow_redirects=False) as client,
            client.stream("GET", where, headers={"Accept": "application/json"}) as answer,
        ):
            if answer.status_code != httpx2.codes.OK:
                raise ValueError(f"the key server answered {answer.status_code}")
            raw = bytearray()
            async for chunk in answer.aiter_bytes():
                raw += chunk
                if len(raw) > MOST_BYTES:
                    raise ValueError("the document is too large")
            return bytes(raw)

    return fetch


def _bounded_file(path: Path) -> bytes:
    with path.open("rb") as file:
        raw = file.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        raise ValueError("the document is too large")
    return raw
