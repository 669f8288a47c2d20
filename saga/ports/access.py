"""Who may come in, and what they did: keys of programs, and the audit chain. Plain rows; what a grant means is said in saga.access.

The audit is one chain a tenant. A row's hash covers the hash of the row before it, so an edit, a row taken out, put in or moved is found
by whoever computes it again; the head (position and hash of the last row) stands beside it, so that rows cut off at the end are missed too.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from saga.body import canonical

FIRST_HASH = bytes(32)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One secret of a key. Several may live under one name while it is rotated. `secret_hash` is SHA-256 of the secret; `grants` are
    texts like `operator` (everything of the tenant) or `fulfil-order:viewer`; times are None where there is no end."""

    id: str
    name: str
    tenant: str
    secret_hash: bytes
    grants: tuple[str, ...]
    created_by: str
    created_at: datetime | None = None  # the database's
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


class Request(NamedTuple):
    """What tells one act from another in the audit."""

    tenant: str
    act: str
    saga_id: str
    definition: str
    input_id: str


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What somebody did or tried. `outcome` is done, unchanged, held, refused or denied; `detail` says more for machines, as the code of
    a refusal. `input_id` is the request's: of one act in one request on one target there is one row; two if it was first held or refused,
    and done when the same request came again."""

    tenant: str
    actor: str
    act: str
    outcome: str
    input_id: str
    saga_id: str = ""
    definition: str = ""
    step: str = ""
    reason: str = ""
    detail: str = ""

    @property
    def request(self) -> "Request":
        """Which act of which request it is."""
        return Request(self.tenant, self.act, self.saga_id, self.definition, self.input_id)


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An entry as it stands in the chain of its tenant. Positions begin at 1; `at` is the database's clock."""

    entry: AuditEntry
    position: int
    at: datetime
    hash: bytes


class Head(NamedTuple):
    """The end of a tenant's chain: what is exported, to be compared later."""

    tenant: str
    position: int
    hash: bytes


def told(entry: AuditEntry, *, changed: bool) -> AuditEntry:
    """The entry, saying whether the act changed anything."""
    return replace(entry, outcome="done" if changed else "unchanged")


def linked(entry: AuditEntry, position: int, at: datetime, before: bytes) -> AuditRow:
    """The row behind the one whose hash is `before`."""
    said = {name: getattr(entry, name) for name in entry.__dataclass_fields__}
    text = canonical({**said, "position": position, "at": at.astimezone(UTC).isoformat(timespec="microseconds")})
    return AuditRow(entry, position, at, hashlib.sha256(before + text).digest())


def chained(head: Head, entries: Iterable[AuditEntry], at: datetime) -> list[AuditRow]:
    """Rows for these entries behind `head`, in their order."""
    rows: list[AuditRow] = []
    before = head.hash
    for position, entry in enumerate(entries, head.position + 1):
        rows.append(linked(entry, position, at, before))
        before = rows[-1].hash
    return rows


def not_yet(entries: Iterable[AuditEntry], known: Mapping[Request, Collection[str]]) -> list[AuditEntry]:
    """The entries that say something new. `known` are the outcomes that stand for a request already: a repetition changes nothing, which
    is no news either."""
    told = {request: set(outcomes) for request, outcomes in known.items()}
    news: list[AuditEntry] = []
    for entry in entries:
        outcomes = told.setdefault(entry.request, set())
        if entry.outcome not in outcomes and not (outcomes and entry.outcome == "unchanged"):
            news.append(entry)
            outcomes.add(entry.outcome)
    return news


class Books(Protocol):
    """What the gate of REST asks the database."""

    async def api_key(self, key_id: str) -> ApiKey | None:
        """The secret of this id, live or not."""

    async def note(self, entry: AuditEntry) -> None:
        """Write one row of audit in a transaction of its own."""


class AccessStore(Books, Protocol):
    """Keys and audit. Every change of keys is one transaction with its row of audit."""

    async def api_keys(self, tenant: str | None) -> list[ApiKey]:
        """All secrets ever made, by tenant and name, oldest first."""

    async def add_api_key(self, key: ApiKey, entry: AuditEntry) -> None:
        """A new secret beside those that there are."""

    async def rotate_api_key(self, key: ApiKey, overlap: float, entry: AuditEntry) -> None:
        """A new secret; the others of its name live for at most `overlap` seconds from now."""

    async def revoke_api_key(self, tenant: str, name: str, key_id: str | None, entry: AuditEntry) -> int:
        """End the secrets of a name, or one of them, at once; how many lived."""

    async def audit(self, tenant: str, limit: int, before: int | None) -> list[AuditRow]:
        """Rows newest first; `before` is the last position seen."""

    async def audit_chain(self, tenant: str, after: int, limit: int) -> list[AuditRow]:
        """Rows in the order of the chain, behind position `after`."""

    async def audit_heads(self) -> Sequence[Head]:
        """The end of every tenant's chain."""
