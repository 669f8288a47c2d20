"""Bearer tokens: what one must be to get in, and every trick that does not (hazard A2)."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from rest_world import rest

from saga.access.gate import Around, Gate
from saga.config import Issuer, Settings
from saga.errors import NotAuthenticated, Unavailable

NAME = "https://issuer.test"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ROTATED_OUT = rsa.generate_private_key(public_exponent=65537, key_size=2048)
WEAK = rsa.generate_private_key(public_exponent=65537, key_size=1024)
EC = ec.generate_private_key(ec.SECP256R1())
PEM = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
FOREIGN = "https://other.test"


def jwk(key: Any, kid: str, **more: object) -> dict[str, Any]:
    """The public half, as an issuer publishes it."""
    algorithm = jwt.algorithms.ECAlgorithm if isinstance(key, ec.EllipticCurvePrivateKey) else jwt.algorithms.RSAAlgorithm
    return {**json.loads(algorithm.to_jwk(key.public_key())), "kid": kid, "use": "sig", **more}


SYMMETRIC = {"kty": "oct", "kid": "oct", "k": base64.urlsafe_b64encode(b"s" * 32).decode(), "alg": "HS256"}
SET = [jwk(RSA, "one"), jwk(EC, "ec"), jwk(WEAK, "weak"), jwk(RSA, "enc", use="enc"), SYMMETRIC]


@dataclass
class KeyServer:
    """A JWKS route that can be down, slow to change, and counted; and the clock."""

    keys: list[dict[str, Any]] = field(default_factory=lambda: list(SET))
    down: bool = False
    asked: int = 0
    clock: float = 1_000.0

    async def fetch(self) -> bytes:
        self.asked += 1
        if self.down:
            raise OSError("nobody answers")
        return json.dumps({"keys": self.keys}).encode()

    def gate(self, **changes: Any) -> Gate:
        return Gate(settings(**changes), None, self.around)

    @property
    def around(self) -> Around:
        return Around(clock=lambda: self.clock, fetch=lambda _: self.fetch)


def settings(**changes: Any) -> Settings:
    issuer = {"issuer": NAME, "audience": "saga", "jwks": "https://issuer.test/keys", "name": "corp", **changes}
    return Settings(issuers=(Issuer(**issuer),), http_rate=0)


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    good = {"iss": NAME, "aud": "saga", "sub": "ada", "exp": now + 300, "nbf": now - 10, "iat": now - 10, "tenant": "default"}
    return {name: value for name, value in {**good, "roles": ["operator"], **changes}.items() if value is not None}


def token(key: Any = RSA, algorithm: str = "RS256", header: dict[str, Any] | None = None, **changes: Any) -> str:
    named = {name: value for name, value in {"kid": "one", **(header or {})}.items() if value is not None}
    return jwt.encode(claims(**changes), key, algorithm, headers=named)


def encoded(value: bytes | dict[str, Any]) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def by_hand(header: dict[str, Any], secret: bytes = b"", body: dict[str, Any] | None = None) -> str:
    """A token that no library would write: with a secret HMAC-SHA256, without one unsigned."""
    signed = f"{encoded(header)}.{encoded(body or claims())}"
    return f"{signed}.{encoded(hmac.new(secret, signed.encode(), hashlib.sha256).digest()) if secret else ''}"


def signed(key: rsa.RSAPrivateKey, kid: str, body: dict[str, Any]) -> str:
    """RS256 without a library that refuses to write it."""
    text = f"{encoded({'alg': 'RS256', 'kid': kid})}.{encoded(body)}"
    return f"{text}.{encoded(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def changed(part: int, value: dict[str, Any]) -> str:
    """A good token one part of which was written again after it was signed."""
    parts = token().split(".")
    parts[part] = encoded({**json.loads(base64.urlsafe_b64decode(parts[part] + "==")), **value})
    return ".".join(parts)


NOW = int(time.time())
FORGED: dict[str, Callable[[], str]] = {
    "none": lambda: by_hand({"alg": "none", "kid": "one"}),
    "None": lambda: by_hand({"alg": "None", "kid": "one"}) + "x",
    "none with a signature": lambda: by_hand({"alg": "none", "kid": "one"}, b"x"),
    "no algorithm": lambda: by_hand({"kid": "one"}, b"x"),
    "HS256 with the public key": lambda: by_hand({"alg": "HS256", "kid": "one"}, PEM),
    "HS256 with the symmetric key of the set": lambda: by_hand({"alg": "HS256", "kid": "oct"}, b"s" * 32),
    "HS256 with an empty key": lambda: by_hand({"alg": "HS256", "kid": "one"}, b"\0"),
    "RS512, which the issuer has not": lambda: token(algorithm="RS512"),
    "PS256, which the issuer has not": lambda: token(algorithm="PS256"),
    "ES256 by a key of the set": lambda: token(EC, "ES256", {"kid": "ec"}),
    "algorithm changed after signing": lambda: changed(0, {"alg": "HS256"}),
    "algorithm as a list": lambda: by_hand({"alg": ["RS256"], "kid": "one"}, b"x"),
    "other key, same name": lambda: token(ROTATED_OUT),
    "rotated-out key": lambda: token(ROTATED_OUT, header={"kid": "before"}),
    "weak key": lambda: signed(WEAK, "weak", claims()),
    "key for encryption": lambda: token(header={"kid": "enc"}),
    "no kid": lambda: token(header={"kid": None}),
    "kid as a number": lambda: by_hand({"alg": "RS256", "kid": 1}, b"x"),
    "kid as a path": lambda: token(header={"kid": "../../../dev/null"}),
    "kid as a URL": lambda: token(header={"kid": "https://evil.test/keys"}),
    "kid as SQL": lambda: token(header={"kid": "one' or '1'='1"}),
    "kid with NUL": lambda: token(header={"kid": "one\0"}),
    "jku": lambda: token(header={"jku": "https://evil.test/keys"}),
    "x5u": lambda: token(header={"x5u": "https://evil.test/cert"}),
    "jwk": lambda: token(ROTATED_OUT, header={"jwk": jwk(ROTATED_OUT, "one")}),
    "x5c": lambda: token(header={"x5c": ["MII="]}),
    "crit": lambda: token(header={"crit": ["exp"], "exp": 1}),
    "unencoded payload": lambda: token(header={"b64": False, "crit": ["b64"]}),
    "type of something else": lambda: token(header={"typ": "logout+jwt"}),
    "expired": lambda: token(exp=NOW - 120),
    "no exp": lambda: token(exp=None),
    "exp as a word": lambda: token(exp="tomorrow"),
    "exp beyond time": lambda: token(exp=10**30, nbf=10**29),
    "not yet": lambda: token(nbf=NOW + 900),
    "no nbf": lambda: token(nbf=None),
    "issued tomorrow": lambda: token(iat=NOW + 86_400),
    "other audience": lambda: token(aud="billing"),
    "no audience": lambda: token(aud=None),
    "audience that begins alike": lambda: token(aud="saga-staging"),
    "other issuer": lambda: token(iss=FOREIGN),
    "issuer with a slash more": lambda: token(iss=f"{NAME}/"),
    "no issuer": lambda: token(iss=None),
    "issuer as a list": lambda: signed(RSA, "one", claims(iss=[NAME])),
    "no subject": lambda: token(sub=None),
    "empty subject": lambda: token(sub=""),
    "subject with a line break": lambda: token(sub="ada\r\nlevel=error"),
    "subject of great length": lambda: token(sub="a" * 500),
    "no tenant": lambda: token(tenant=None),
    "tenant as a list": lambda: token(tenant=["default"]),
    "claims changed after signing": lambda: changed(1, {"roles": ["admin"]}),
    "signature cut off": lambda: token().rpartition(".")[0] + ".",
    "signature of another token": lambda: token().rpartition(".")[0] + "." + token(sub="eve").rpartition(".")[2],
    "five parts": lambda: token() + ".x.y",
    "not JSON": lambda: f"{encoded(b'{')}.{encoded(b'{')}.eA",
    "payload is a list": lambda: f"{encoded({'alg': 'RS256', 'kid': 'one'})}.{encoded(b'[]')}.eA",
    "deep header": lambda: f"{encoded(b'[' * 5000)}.{encoded(b'{}')}.eA",
    "huge": lambda: token(pad="x" * 9_000),
    "JSON serialization": lambda: json.dumps({"payload": encoded(claims()), "signatures": []}),
    "two spaces": lambda: " " + token()[:40],
}


@pytest.mark.parametrize("trick", FORGED)
async def test_a_forged_or_odd_token_is_a_401_that_tells_nothing_of_it(trick: str) -> None:  # A2
    server, forged = KeyServer(), FORGED[trick]()
    async with rest(settings(), server.around) as at:
        answer = await at.http.get("/v1/sagas", headers={"Authorization": f"Bearer {forged}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == 'Bearer realm="saga", error="invalid_token"'
    assert forged[:60] not in answer.text


def test_the_tricks_are_many() -> None:
    assert len(FORGED) >= 30  # A2


async def test_a_token_written_by_hand_like_the_forged_ones_gets_in_when_it_is_right() -> None:
    principal = await KeyServer().gate().principal([f"Bearer {signed(RSA, 'one', claims())}"], "")
    assert principal.name == "corp:ada"


async def test_a_good_token_gets_in_as_its_subject() -> None:
    async with rest(settings(), KeyServer().around) as at:
        ada = {"Authorization": f"bearer {token()}"}
        saga_id = await at.start(ada)
        assert (await at.http.post(f"/v1/sagas/{saga_id}/cancel", json={"reason": "r"}, headers=ada)).status_code == 200
        assert await at.outcomes() == [("corp:ada", "cancel", "done")]


READS: list[tuple[dict[str, Any], dict[str, Any], tuple[str, list[str]]]] = [
    ({}, {"roles": ["viewer", "fulfil-order:admin", "root", 7]}, ("default", ["viewer", "fulfil-order:admin"])),
    ({}, {"roles": "viewer fulfil-order:operator"}, ("default", ["viewer", "fulfil-order:operator"])),
    ({}, {"roles": {"admin": True}}, ("default", [])),
    ({"roles": {"saga-ops": "operator"}}, {"roles": ["saga-ops", "admin"]}, ("default", ["operator"])),
    ({"roles_claim": "realm_access.roles"}, {"realm_access": {"roles": ["admin"]}}, ("default", ["admin"])),
    ({"roles_claim": "https://corp.test/roles"}, {"https://corp.test/roles": ["admin"]}, ("default", ["admin"])),
    ({"tenant": "shop"}, {"tenant": "elsewhere"}, ("shop", ["operator"])),
    ({"tenant_claim": "org.id"}, {"org": {"id": "shop"}}, ("shop", ["operator"])),
    ({"require_nbf": False}, {"nbf": None}, ("default", ["operator"])),
    ({}, {"aud": ["billing", "saga"]}, ("default", ["operator"])),
]


@pytest.mark.parametrize(("issuer", "said", "expected"), READS)
async def test_tenant_and_roles_are_read_as_the_issuer_is_configured(
    issuer: dict[str, Any], said: dict[str, Any], expected: tuple[str, list[str]]
) -> None:
    principal = await KeyServer().gate(**issuer).principal([f"Bearer {token(**said)}"], "")
    assert (principal.tenant, [str(grant) for grant in principal.grants]) == expected


async def test_each_algorithm_takes_its_own_keys() -> None:
    gate = KeyServer().gate(algorithms=("ES256", "PS256", "RS256"))
    for one in (token(), token(algorithm="PS256"), token(EC, "ES256", {"kid": "ec"})):
        assert (await gate.principal([f"Bearer {one}"], "")).name == "corp:ada"
    with pytest.raises(NotAuthenticated):
        await gate.principal([f"Bearer {token(EC, 'ES256')}"], "")


async def refused(gate: Gate, one: str) -> str:
    with pytest.raises(NotAuthenticated) as caught:
        await gate.principal([f"Bearer {one}"], "")
    return caught.value.detail


async def test_a_new_key_is_fetched_once_for_its_name_and_names_alone_do_not_make_us_ask() -> None:  # A2, A4
    server = KeyServer()
    gate = server.gate()
    await gate.principal([f"Bearer {token()}"], "")
    server.keys.append(jwk(ROTATED_OUT, "two"))
    fresh = token(ROTATED_OUT, header={"kid": "two"})
    server.clock += 11
    assert (await gate.principal([f"Bearer {fresh}"], "")).name == "corp:ada"
    for number in range(20):
        assert "key" in await refused(gate, token(header={"kid": f"k{number}"}))
    assert server.asked == 2


async def test_an_algorithm_that_is_not_the_issuers_does_not_make_us_ask_for_keys() -> None:  # A2, A4
    server = KeyServer()
    assert "algorithm" in await refused(server.gate(), token(algorithm="RS512", header={"kid": "new"}))
    assert server.asked == 0


async def test_a_key_that_was_rotated_out_ends_with_the_next_refresh() -> None:  # A2
    server = KeyServer(keys=[*SET, jwk(ROTATED_OUT, "before")])
    gate, old = server.gate(refresh_every=300), token(ROTATED_OUT, header={"kid": "before"})
    await gate.principal([f"Bearer {old}"], "")
    server.keys.pop()
    server.clock += 301
    assert "key" in await refused(gate, old)


async def test_while_the_key_server_is_down_the_last_good_set_holds_and_then_nobody_knows() -> None:  # A2
    server = KeyServer()
    gate = server.gate(refresh_every=300, keep_for=3_600)
    await gate.principal([f"Bearer {token()}"], "")
    server.down = True
    server.clock += 3_000
    assert (await gate.principal([f"Bearer {token()}"], "")).name == "corp:ada"
    server.clock += 700
    with pytest.raises(Unavailable):
        await gate.principal([f"Bearer {token()}"], "")
    server.down = False
    server.clock += 11
    assert (await gate.principal([f"Bearer {token()}"], "")).name == "corp:ada"


async def test_without_a_first_set_a_token_is_a_503_and_no_401() -> None:
    async with rest(settings(), KeyServer(down=True).around) as at:
        answer = await at.http.get("/v1/sagas", headers={"Authorization": f"Bearer {token()}"})
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "unavailable", "2")


@pytest.mark.parametrize("document", [[], [SYMMETRIC], [jwk(WEAK, "one")], [{"kid": "one"}], [7], [jwk(RSA, "one", d="AQAB")]])
async def test_a_set_without_a_usable_key_is_no_set(document: list[Any]) -> None:  # A2
    with pytest.raises(Unavailable):
        await KeyServer(keys=document).gate().principal([f"Bearer {token()}"], "")
