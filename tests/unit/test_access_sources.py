"""Where an issuer's keys are read from: a URL or a file, bounded, and by nobody's redirect; and how often a principal may ask."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from saga.access.gate import Gate
from saga.access.jwks import MOST_BYTES, KeySet, fetch_of
from saga.access.rate import MOST, Rate
from saga.config import Issuer, Settings, load_settings
from saga.errors import ConfigurationError, NotAuthenticated, Unavailable
from tests.unit.test_access_tokens import EC, NAME, RSA, jwk, token

DOCUMENT = json.dumps({"keys": [jwk(RSA, "one"), jwk(EC, "ec")]}).encode()


def issuer(jwks: str, **more: object) -> Issuer:
    return Issuer(issuer=NAME, audience="saga", jwks=jwks, **more)  # type: ignore[arg-type]


@asynccontextmanager
async def server(answer: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """An HTTP server that gives one answer to everything; its address, and the request lines that it got."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")[0])
        writer.write(answer)
        writer.close()

    running = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with running:
        yield f"http://127.0.0.1:{running.sockets[0].getsockname()[1]}/keys", asked


def http(body: bytes, status: str = "200 OK", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}Connection: close\r\n\r\n".encode() + body


def key_set(where: str) -> KeySet:
    one = issuer(where)
    return KeySet(one, fetch_of(one, production=False), lambda: 1_000.0)


async def test_keys_come_from_a_url() -> None:
    async with server(http(DOCUMENT)) as (where, asked):
        assert await key_set(where).key("one", "RS256") is not None
    assert asked == [b"GET /keys HTTP/1.1"]


BAD = {
    "redirect": http(b"", "302 Found", "Location: /elsewhere\r\n"),
    "error": http(DOCUMENT, "500 Oops"),
    "too large": http(b'{"keys": [' + b" " * MOST_BYTES + b"]}"),
    "not JSON": http(b"<html>"),
    "a list": http(b"[]"),
    "cut off": http(DOCUMENT)[:-10],
    "no HTTP": b"hello\r\n",
}


@pytest.mark.parametrize("answer", BAD)
async def test_what_is_no_set_of_keys_is_not_taken_for_one(answer: str) -> None:  # A2, A4
    async with server(BAD[answer]) as (where, asked):
        with pytest.raises(Unavailable, match="oidc"):
            await key_set(where).key("one", "RS256")
    assert len(asked) == 1


async def test_keys_come_from_a_file_and_a_missing_one_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_bytes(DOCUMENT)
    settings = Settings(issuers=(issuer(str(tmp_path / "keys.json")),))
    assert (await Gate(settings).principal([f"Bearer {token()}"], "")).name == "oidc:ada"
    with pytest.raises(Unavailable):
        await key_set(str(tmp_path / "absent.json")).key("one", "RS256")


async def test_issuers_are_taken_over_while_it_runs_and_one_that_stayed_keeps_its_keys(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_bytes(DOCUMENT)
    stays, other = issuer(str(tmp_path / "keys.json")), Issuer(issuer="https://other.test", audience="saga", jwks="k", name="other")
    gate = Gate(Settings(issuers=(other,)))
    with pytest.raises(NotAuthenticated, match="not one of ours"):
        await gate.principal([f"Bearer {token()}"], "")
    gate.trust(Settings(issuers=(stays,)))
    assert (await gate.principal([f"Bearer {token()}"], "")).name == "oidc:ada"
    (tmp_path / "keys.json").unlink()
    gate.trust(Settings(issuers=(other, stays)))
    assert (await gate.principal([f"Bearer {token()}"], "")).name == "oidc:ada"
    with pytest.raises(ConfigurationError, match="SAGA_ISSUERS"):
        gate.trust(Settings(issuers=(issuer("ftp://issuer.test/keys"),)))
    assert (await gate.principal([f"Bearer {token()}"], "")).name == "oidc:ada"
    gate.trust(Settings(issuers=(other,)))
    with pytest.raises(NotAuthenticated, match="not one of ours"):
        await gate.principal([f"Bearer {token()}"], "")


@pytest.mark.parametrize("where", ["http://issuer.test/keys", "ftp://issuer.test/keys", "file:///keys"])
def test_keys_by_a_wire_that_anybody_can_write_on_are_refused_in_production(where: str) -> None:
    with pytest.raises(ConfigurationError, match="SAGA_ISSUERS"):
        Gate(Settings(env="production", issuers=(issuer(where),)))


ISSUER = {"issuer": NAME, "audience": "saga", "jwks": "keys.json"}
WRONG = [
    [{**ISSUER, "algorithms": ["HS256"]}],
    [{**ISSUER, "algorithms": ["none"]}],
    [{**ISSUER, "algorithms": []}],
    [{**ISSUER, "name": "key"}],
    [{**ISSUER, "name": "a b"}],
    [{**ISSUER, "audience": ""}],
    [{**ISSUER, "verify": False}],
    [ISSUER, {**ISSUER, "name": "other"}],
    [ISSUER, {**ISSUER, "issuer": "https://other.test"}],
    [{"issuer": NAME}],
]


@pytest.mark.parametrize("value", WRONG)
def test_an_issuer_that_cannot_be_trusted_is_refused_at_the_start(value: list[object], monkeypatch: pytest.MonkeyPatch) -> None:  # A2
    monkeypatch.setenv("SAGA_ISSUERS", json.dumps(value))
    with pytest.raises(ConfigurationError, match="SAGA_ISSUERS"):
        load_settings()


def test_issuers_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGA_ISSUERS", json.dumps([ISSUER]))
    assert load_settings().issuers == (Issuer(issuer=NAME, audience="saga", jwks="keys.json"),)


def test_insecure_mode_is_refused_in_production() -> None:
    with pytest.raises(ConfigurationError, match="SAGA_INSECURE_DEV"):
        load_settings(env="production", insecure_dev=True)


def test_a_bucket_fills_at_its_rate_and_holds_twice_of_it() -> None:
    now = [0.0]
    rate, who = Rate(2.0, lambda: now[0]), ("default", "key:ci")
    assert [rate.wait(who) for _ in range(6)] == [0.0, 0.0, 0.0, 0.0, 0.5, 0.5]
    now[0] = 0.75
    assert [rate.wait(who), rate.wait(who)] == [0.0, 0.25]
    now[0] = 1_000.0
    assert [rate.wait(who) for _ in range(5)][-2:] == [0.0, 0.5]


def test_buckets_do_not_grow_without_end() -> None:  # A4
    rate = Rate(1.0, lambda: 0.0)
    for number in range(MOST + 10):
        rate.wait(("default", str(number)))
    assert rate.known == MOST
    assert Rate(0.0, lambda: 0.0).wait(("default", "x")) == 0.0
