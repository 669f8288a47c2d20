"""Bearer tokens (JWT): what must hold of one. Pure but for pyjwt's clock; where keys come from is the caller's.

Order: form and header; whose token it says it is; that issuer's algorithms and keys; signature; claims. The token's word chooses nothing
but which configured issuer and which key of its configured set is tried (hazard A2).
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import jwt

from saga.access.principal import Principal, read_grants
from saga.config import Issuer
from saga.errors import NotAuthenticated

LONGEST = 8_192
LEEWAY = 30.0  # seconds that clocks may differ
_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_KNOWN = frozenset(("alg", "kid", "typ", "x5t", "x5t#S256", "cty"))
_TYPES = frozenset(("jwt", "at+jwt", "application/at+jwt"))
_NAME = re.compile(r"[!-~]{1,150}", re.ASCII)


class Claimed(NamedTuple):
    """What a token says of itself, not proved: who issued it, how it is signed and by which key."""

    issuer: str
    algorithm: str
    key_id: str


def looks_like_token(text: str) -> bool:
    """Whether the credential is written like a JWT."""
    return len(text) <= LONGEST and _FORM.fullmatch(text) is not None


def read_claimed(text: str) -> Claimed:
    """What is needed to find the key. Raises NotAuthenticated."""
    try:
        parts = jwt.decode_complete(text, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise NotAuthenticated("the token cannot be read") from error
    header, issuer = parts["header"], parts["payload"].get("iss")
    if not _KNOWN.issuperset(header) or str(header.get("typ", "JWT")).lower() not in _TYPES:
        raise NotAuthenticated("the token's header says more than a key's name")
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not all(isinstance(one, str) and one for one in (issuer, algorithm, key_id)):
        raise NotAuthenticated("the token does not name its issuer, algorithm and key")
    return Claimed(issuer, algorithm, key_id)


def verified(text: str, key: jwt.PyJWK, issuer: Issuer) -> Principal:
    """Whom the token stands for. Raises NotAuthenticated for a token that does not hold."""
    required = ["iss", "aud", "exp", "sub", *(["nbf"] if issuer.require_nbf else [])]
    try:
        claims = jwt.decode(
            text,
            key.key,
            algorithms=list(issuer.algorithms),
            audience=issuer.audience,
            issuer=issuer.issuer,
            leeway=LEEWAY,
            options={"require": required},
        )
    except jwt.ExpiredSignatureError as error:
        raise NotAuthenticated("the token has expired") from error
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
        raise NotAuthenticated("the token does not hold") from error
    return _principal(claims, issuer)


def _principal(claims: Mapping[str, Any], issuer: Issuer) -> Principal:
    subject = claims["sub"]
    if not isinstance(subject, str) or not _NAME.fullmatch(subject):
        raise NotAuthenticated("the token's subject cannot stand in an event")
    tenant = issuer.tenant or _at(claims, issuer.tenant_claim)
    if not isinstance(tenant, str) or not _NAME.fullmatch(tenant):
        raise NotAuthenticated("the token names no tenant")
    said = _at(claims, issuer.roles_claim)
    words = said.split() if isinstance(said, str) else said if isinstance(said, list) else []
    texts = [word for word in words if isinstance(word, str)]
    if issuer.roles:
        texts = [issuer.roles[word] for word in texts if word in issuer.roles]
    return Principal(f"{issuer.name}:{subject}", tenant, read_grants(texts))


def _at(claims: Mapping[str, Any], path: str) -> Any:
    """The claim at a path; a claim whose own name has dots is found too, as the URLs that some issuers use."""
    if path in claims:
        return claims[path]
    value: Any = claims
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
