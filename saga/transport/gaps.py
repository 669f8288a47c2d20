"""Records that were deleted before the group had read them: after a stop that was longer than what topics keep (hazard K10).

Why it is looked for at each assignment and not while reading: the client then begins at the oldest record there is and says nothing; and
gaps between offsets are normal where transactions are written.
"""

import asyncio
from collections.abc import Collection

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import KafkaError

from saga.transport.options import Incident


class Gaps:
    """Tells of each gap once, as an incident `records-lost` with its partition and offsets."""

    def __init__(self, incident: Incident, within: float) -> None:
        self._incident = incident
        self._within = within
        self._told: set[tuple[KafkaPartition, int]] = set()

    async def look(self, client: AIOKafkaConsumer, places: Collection[KafkaPartition]) -> None:
        """Compare what is committed with where the log begins. A broker that does not answer in time is asked at the next assignment."""
        if not places:
            return
        try:
            async with asyncio.timeout(self._within):
                committed = await client._coordinator.fetch_committed_offsets(list(places))
                begins = await client.beginning_offsets(list(places))
        except (KafkaError, TimeoutError):
            return
        for place, start in begins.items():
            known = committed[place].offset if place in committed else -1
            if 0 <= known < start and (place, start) not in self._told:
                self._told.add((place, start))
                self._incident("records-lost", f"{place.topic}/{place.partition} offsets {known} to {start - 1} were deleted unread")
