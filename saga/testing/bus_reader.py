"""A reader without a group on the log in memory."""

import asyncio
from collections.abc import Mapping

from saga.errors import Unavailable
from saga.ports.messaging import InboundRecord
from saga.testing.bus import MemoryBus


class MemoryReader:
    """`saga.ports.messaging.LogReader` in memory."""

    def __init__(self, bus: MemoryBus, topic: str) -> None:
        self._bus, self._topic = bus, topic
        self._positions: dict[int, int] = {}

    async def start(self, since: Mapping[int, int] | None) -> None:
        """Begin at these offsets, or at the end. Raises Unavailable while the bus is down."""
        self._must_run()
        for partition, records in enumerate(self._bus.log(self._topic)):
            wanted = len(records) if since is None else since.get(partition, 0)
            self._positions[partition] = wanted if wanted <= len(records) else 0

    async def poll(self, max_records: int, timeout: float) -> list[InboundRecord]:
        """At most `max_records`, waiting for the first. Raises Unavailable while the bus is down."""
        await asyncio.sleep(0)
        found = self._take(max_records)
        if not found and timeout > 0:
            await self._bus.arrival(timeout)
            found = self._take(max_records)
        return found

    def positions(self) -> dict[int, int]:
        """The next offset to read, by partition."""
        return dict(self._positions)

    async def stop(self) -> None:
        """Nothing is left to close."""

    def _take(self, max_records: int) -> list[InboundRecord]:
        self._must_run()
        found: list[InboundRecord] = []
        for partition, log in enumerate(self._bus.log(self._topic)):
            position = self._positions.setdefault(partition, 0)
            records = log[position : position + max_records - len(found)]
            self._positions[partition] += len(records)
            found.extend(records)
        return found

    def _must_run(self) -> None:
        if self._bus.down:
            raise Unavailable("kafka", "no broker answers at memory")
