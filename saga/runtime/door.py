"""What REST speaks to while a replica starts: the database may come later, and what needs it says so until then."""

from collections.abc import Mapping
from typing import Any

from saga.errors import Unavailable
from saga.ports.access import ApiKey, AuditEntry
from saga.ports.streams import Store
from saga.runtime.operating import Desk

_NO_DATABASE = ("postgres", "it has not been reached yet")


class Door:
    """Stands before the desk: until there is a database everything is unavailable, and readiness says what is `missing`, also later."""

    def __init__(self) -> None:
        self.desk: Desk | None = None
        self.store: Store | None = None
        self.missing: tuple[str, str] | None = _NO_DATABASE

    async def api_key(self, key_id: str) -> ApiKey | None:
        """The secret of this id."""
        return await self._books.api_key(key_id)

    async def note(self, entry: AuditEntry) -> None:
        """Write one row of audit."""
        await self._books.note(entry)

    @property
    def _books(self) -> Store:
        if self.store is None:
            raise Unavailable(*_NO_DATABASE)
        return self.store

    async def faults(self) -> Mapping[str, str]:
        """What is wrong now."""
        missing = dict([self.missing]) if self.missing else {}
        return missing if self.desk is None else {**await self.desk.faults(), **missing}

    def __getattr__(self, name: str) -> Any:
        if self.desk is None:
            raise Unavailable(*(self.missing or _NO_DATABASE))
        return getattr(self.desk, name)
