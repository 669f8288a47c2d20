"""What REST speaks to while a replica starts: the database may come later, and what needs it says so until then."""

from collections.abc import Mapping
from typing import Any

from saga.errors import Unavailable
from saga.ports.access import ApiKey, AuditEntry
from saga.ports.streams import Store
from saga.runtime.operating import Desk


class Door:
    """Stands where the desk will be until there is a database: readiness says what is missing, everything else is unavailable."""

    def __init__(self) -> None:
        self.desk: Desk | None = None
        self.store: Store | None = None
        self.missing = ("postgres", "it has not been reached yet")

    async def api_key(self, key_id: str) -> ApiKey | None:
        """The secret of this id."""
        return await self._books.api_key(key_id)

    async def note(self, entry: AuditEntry) -> None:
        """Write one row of audit."""
        await self._books.note(entry)

    @property
    def _books(self) -> Store:
        if self.store is None:
            raise Unavailable("postgres", "it has not been reached yet")
        return self.store

    async def faults(self) -> Mapping[str, str]:
        """What is wrong now."""
        return dict([self.missing]) if self.desk is None else await self.desk.faults()

    def __getattr__(self, name: str) -> Any:
        if self.desk is None:
            raise Unavailable(*self.missing)
        return getattr(self.desk, name)
