"""What the memory store knows of keys and of the audit."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from saga.ports.access import ApiKey, AuditEntry, AuditRow, Head, told
from saga.testing.store_definitions import MemoryDefinitions


class MemoryAccess(MemoryDefinitions):
    """The part of `saga.ports.streams.Store` that is `saga.ports.access.AccessStore`."""

    async def api_key(self, key_id: str) -> ApiKey | None:
        """The secret of this id, live or not."""
        await self._point("api_key")
        return self.data.api_keys.get(key_id)

    async def api_keys(self, tenant: str | None) -> list[ApiKey]:
        """All secrets ever made, by tenant and name, oldest first; those of one moment as they came."""
        await self._point("api_keys")
        keys = [key for key in self.data.api_keys.values() if tenant in (None, key.tenant)]
        return sorted(keys, key=lambda key: (key.tenant, key.name, key.created_at or self.now))

    async def add_api_key(self, key: ApiKey, entry: AuditEntry) -> None:
        """A new secret beside those that there are."""
        await self._point("add_api_key")
        self.data.api_keys[key.id] = replace(key, created_at=self.now)
        self.data.note([entry], self.now)

    async def rotate_api_key(self, key: ApiKey, overlap: float, entry: AuditEntry) -> None:
        """A new secret; the others of its name live for at most `overlap` seconds from now."""
        await self._point("rotate_api_key")
        until = self.now + timedelta(seconds=overlap)
        for other in self._of(key.tenant, key.name):
            if other.revoked_at is None and (other.expires_at is None or other.expires_at > until):
                self.data.api_keys[other.id] = replace(other, expires_at=until)
        self.data.api_keys[key.id] = replace(key, created_at=self.now)
        self.data.note([entry], self.now)

    async def revoke_api_key(self, tenant: str, name: str, key_id: str | None, entry: AuditEntry) -> int:
        """End the secrets of a name, or one of them, at once; how many lived."""
        await self._point("revoke_api_key")
        live = [key for key in self._of(tenant, name) if key_id in (None, key.id) and lives(key, self.now)]
        for key in live:
            self.data.api_keys[key.id] = replace(key, revoked_at=self.now)
        self.data.note([told(entry, changed=bool(live))], self.now)
        return len(live)

    async def note(self, entry: AuditEntry) -> None:
        """Write one row of audit in a transaction of its own."""
        await self._point("note")
        self.data.note([entry], self.now)

    async def audit(self, tenant: str, limit: int, before: int | None) -> list[AuditRow]:
        """Rows newest first; `before` is the last position seen."""
        await self._point("audit")
        rows = reversed(self.data.audit.get(tenant, []))
        return [row for row in rows if before is None or row.position < before][:limit]

    async def audit_chain(self, tenant: str, after: int, limit: int) -> list[AuditRow]:
        """Rows in the order of the chain, behind position `after`."""
        await self._point("audit_chain")
        return [row for row in self.data.audit.get(tenant, []) if row.position > after][:limit]

    async def audit_heads(self) -> Sequence[Head]:
        """The end of every tenant's chain."""
        await self._point("audit_heads")
        return [self.data.head(tenant) for tenant in sorted(self.data.audit)]

    def _of(self, tenant: str, name: str) -> Collection[ApiKey]:
        return [key for key in self.data.api_keys.values() if (key.tenant, key.name) == (tenant, name)]


def lives(key: ApiKey, now: datetime) -> bool:
    """Whether the secret may still be used."""
    return key.revoked_at is None and (key.expires_at is None or key.expires_at > now)
