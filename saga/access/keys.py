"""API keys: `id.secret`. The id is looked up, the secret is only compared by its hash and never stored."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from saga.access.principal import Grant, Principal, read_grants
from saga.ports.access import ApiKey

_KEY = re.compile(r"(?P<id>sk_[0-9a-f]{16})\.(?P<secret>[A-Za-z0-9_-]{43})", re.ASCII)


class Credential(NamedTuple):
    """An API key as a program sends it."""

    id: str
    secret: str


def read_key(text: str) -> Credential | None:
    """The key in this text; None if it is not written like one."""
    found = _KEY.fullmatch(text)
    return Credential(found["id"], found["secret"]) if found else None


class Owner(NamedTuple):
    """Whose a new key is: the name under which it is rotated, the tenant, and who made it."""

    name: str
    tenant: str
    created_by: str


def make_key(owner: Owner, grants: Sequence[Grant], expires_at: datetime | None) -> tuple[ApiKey, str]:
    """A new key: its row, and the text that is shown once."""
    key_id, secret = f"sk_{secrets.token_hex(8)}", secrets.token_urlsafe(32)
    row = ApiKey(key_id, owner.name, owner.tenant, _hash(secret), tuple(map(str, grants)), owner.created_by, expires_at=expires_at)
    return row, f"{key_id}.{secret}"


def why_not(row: ApiKey | None, secret: str, now: datetime) -> str:
    """Why the key does not hold, for our metrics only: whoever sends it is not told; empty if it holds."""
    if row is None:
        return "unknown-key"
    if not hmac.compare_digest(row.secret_hash, _hash(secret)):
        return "wrong-secret"
    if row.revoked_at is not None:
        return "revoked-key"
    return "expired-key" if row.expires_at is not None and row.expires_at <= now else ""


def principal_of(row: ApiKey) -> Principal:
    """Whom the key stands for."""
    return Principal(f"key:{row.name}", row.tenant, read_grants(row.grants))


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
