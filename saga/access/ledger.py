"""Keys and audit for people: make, rotate and revoke keys; read the audit and prove it whole."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from saga.access.keys import Owner, make_key
from saga.access.principal import Grant, read_grants
from saga.errors import ConfigurationError
from saga.ports.access import FIRST_HASH, AccessStore, ApiKey, AuditEntry, AuditRow, Head, linked

PAGE = 1_000


@dataclass(frozen=True, slots=True)
class KeyAct:
    """Who makes or ends which key, and why."""

    tenant: str
    name: str
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verifying a tenant's chain found: its head as computed from the rows, and every fault in words."""

    head: Head
    rows: int
    faults: tuple[str, ...]


class Ledger:
    """What `saga keys` and `saga audit` do. Needs a login that may write keys: the one that migrates."""

    def __init__(self, store: AccessStore) -> None:
        self._store = store

    async def add_key(self, act: KeyAct, grants: Sequence[Grant], expires_at: datetime | None) -> tuple[ApiKey, str]:
        """A new key, and its text, which nobody can show again. Raises ConfigurationError if the name has secrets that live."""
        if await self.lives(act.tenant, act.name):
            raise ConfigurationError(f"the key {act.name} exists: `saga keys rotate` gives it a new secret")
        row, text = make_key(Owner(act.name, act.tenant, act.actor), grants, expires_at)
        await self._store.add_api_key(row, _entry(act, "add-key", f"{row.id} {' '.join(row.grants)}"))
        return row, text

    async def rotate_key(self, act: KeyAct, overlap: float, expires_at: datetime | None) -> tuple[ApiKey, str]:
        """A new secret with the grants of the newest; the others live for at most `overlap` seconds. Raises LookupError."""
        live = await self._live(act.tenant, act.name)
        if not live:
            raise LookupError("no key of this name lives")
        row, text = make_key(Owner(act.name, act.tenant, act.actor), read_grants(live[-1].grants), expires_at)
        await self._store.rotate_api_key(row, overlap, _entry(act, "rotate-key", f"{row.id} overlap={overlap:g}s"))
        return row, text

    async def revoke_key(self, act: KeyAct, key_id: str | None) -> int:
        """End all secrets of a name, or one, at once; how many lived. Raises LookupError for a name that never was."""
        if not [key for key in await self._store.api_keys(act.tenant) if key.name == act.name and key_id in (None, key.id)]:
            raise LookupError("no key has this name and id")
        return await self._store.revoke_api_key(act.tenant, act.name, key_id, _entry(act, "revoke-key", key_id or "all"))

    async def keys(self, tenant: str | None) -> Sequence[ApiKey]:
        """Every secret ever made; never the secret itself."""
        return await self._store.api_keys(tenant)

    async def audit(self, tenant: str, limit: int, before: int | None) -> Sequence[AuditRow]:
        """A page of the audit, newest first."""
        return await self._store.audit(tenant, limit, before)

    async def verify(self, exported: Iterable[Head] = ()) -> list[Verdict]:
        """Compute every chain again. `exported` are heads from before: each must still stand where it stood."""
        heads = {head.tenant: head for head in await self._store.audit_heads()}
        before: dict[str, list[Head]] = {}
        for head in exported:
            before.setdefault(head.tenant, []).append(head)
        return [
            await self._verify(heads.get(tenant, Head(tenant, 0, FIRST_HASH)), before.get(tenant, []))
            for tenant in sorted({*heads, *before})
        ]

    async def _verify(self, head: Head, exported: Sequence[Head]) -> Verdict:
        chain = Chain(head.tenant, exported)
        rows = 0
        while page := await self._store.audit_chain(head.tenant, chain.head.position, PAGE):
            for row in page:
                chain.take(row)
            rows += len(page)
        return Verdict(chain.head, rows, tuple(chain.end(head)))

    async def lives(self, tenant: str, name: str) -> bool:
        """Whether a key of this name has a secret that was not revoked."""
        return bool(await self._live(tenant, name))

    async def _live(self, tenant: str, name: str) -> list[ApiKey]:
        """The secrets of the name that were not revoked, those too that have ended by themselves."""
        return [key for key in await self._store.api_keys(tenant) if key.name == name and key.revoked_at is None]


class Chain:
    """A chain computed again, row by row. It goes on from what each row says, so that one edit is one fault."""

    def __init__(self, tenant: str, exported: Sequence[Head] = ()) -> None:
        self.head = Head(tenant, 0, FIRST_HASH)
        self._exported = {one.position: one for one in exported}
        self._faults: list[str] = []

    def take(self, row: AuditRow) -> None:
        """The next row as it is stored."""
        if row.position != self.head.position + 1:
            self._faults.append(f"row {row.position} stands where row {self.head.position + 1} should")
        elif linked(row.entry, row.position, row.at, self.head.hash).hash != row.hash:
            self._faults.append(f"row {row.position} is not what was written there, or the row before it was changed")
        self.head = Head(self.head.tenant, row.position, row.hash)
        self._compare(self.head)

    def end(self, stored: Head) -> list[str]:
        """Every fault, when the last row was taken. `stored` is the head as the database keeps it."""
        if (self.head.position, self.head.hash) != (stored.position, stored.hash):
            self._faults.append(
                f"the chain ends at row {self.head.position}, its head says {stored.position}: rows at the end were changed"
            )
        self._faults += [f"row {position} of an exported head is not there" for position in sorted(self._exported)]
        return self._faults

    def _compare(self, head: Head) -> None:
        before = self._exported.pop(head.position, None)
        if before is not None and before.hash != head.hash:
            self._faults.append(f"row {head.position} is not the one whose hash was exported: the chain was written again")


def _entry(act: KeyAct, name: str, detail: str) -> AuditEntry:
    return AuditEntry(act.tenant, act.actor, name, "done", f"cli:{name}:{uuid4()}", reason=act.reason, detail=f"{act.name}: {detail}")
