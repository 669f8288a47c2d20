"""The transaction that handlers are given: a thin cover over one asyncpg connection that has begun."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg

from saga.messages import DomainEvent
from saga.ports.messaging import OutboundRecord
from saga.sdk.answer import Answer, Trace, event_record


@dataclass(slots=True)
class LocalTransaction:
    """Implements `saga.sdk.handler.Transaction`. `outgoing` collects what is staged in the outbox just before the commit; `first` is the
    first answer of a do, which is remembered by the same statement."""

    connection: asyncpg.Connection
    source: str
    topic: str
    command_id: str = ""
    do_id: str = ""
    key: bytes = b""
    now: datetime = datetime.min
    trace: Trace = field(default_factory=Trace)
    outgoing: list[OutboundRecord] = field(default_factory=list)
    first: Answer | None = None

    async def fetch(self, query: str, *arguments: object) -> Sequence[Mapping[str, Any]]:
        """All rows."""
        rows: Sequence[Mapping[str, Any]] = await self.connection.fetch(query, *arguments)
        return rows

    async def fetchrow(self, query: str, *arguments: object) -> Mapping[str, Any] | None:
        """The first row, or None."""
        row: Mapping[str, Any] | None = await self.connection.fetchrow(query, *arguments)
        return row

    async def fetchval(self, query: str, *arguments: object) -> Any:
        """The first value of the first row, or None."""
        return await self.connection.fetchval(query, *arguments)

    async def execute(self, query: str, *arguments: object) -> str:
        """Run a statement; the answer is the server's command tag."""
        tag: str = await self.connection.execute(query, *arguments)
        return tag

    def publish(self, event: DomainEvent, key: bytes | None = None) -> None:
        """Have a domain event sent once this transaction has committed."""
        chosen = self.key if key is None else key
        self.outgoing.append(event_record(event, self.source, self.topic, chosen, self.now, self.trace))
