"""Where `saga watch` has its changes from: it asks the desk again and again and gives on what is new. Another source, such as the
streams of REST, needs only to be an iterator of the same."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from saga.ports.streams import SagaFilter, SagaRow
    from saga.runtime.operations import EventView, Operations, SagaView

PAGE = 200


async def saga_changes(desk: "Operations", tenant: str, saga_id: UUID, every: float) -> "AsyncIterator[tuple[SagaView, list[EventView]]]":
    """The saga now with all its events, then after each change with those that are new, until it has ended. Raises LookupError."""
    version = 0
    while True:
        view = await desk.show(tenant, saga_id)
        if view.row.version > version:
            new: list[EventView] = []
            while page := await desk.events(tenant, saga_id, version, PAGE):
                new += page
                version = page[-1].version
            yield view, new
        if view.row.ended:
            return
        await asyncio.sleep(every)


async def list_changes(
    desk: "Operations", wanted: "SagaFilter", limit: int, every: float
) -> "AsyncIterator[tuple[list[SagaRow], list[SagaRow]]]":
    """The newest sagas, and those of them that are new or changed since the last time, oldest first; endless. What leaves the list, because
    others are newer or it fits the filter no more, leaves without a word."""
    known: dict[UUID, int] = {}
    while True:
        rows = list((await desk.list_sagas(wanted, limit, None)).rows)
        new = [row for row in reversed(rows) if known.get(row.saga_id) != row.version]
        if new or not known:
            yield rows, new
        known = {row.saga_id: row.version for row in rows}
        await asyncio.sleep(every)
