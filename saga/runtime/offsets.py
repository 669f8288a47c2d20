"""Offsets of records that are handled: committed after the database has (invariant I11), seldom, and before others read the partitions.

Why not after every batch: below saturation a batch is a record, and a commit takes as long as the batch, for whoever comes next too. What
a crash leaves uncommitted is read again, as duplicates.
"""

from collections.abc import Iterable
from time import monotonic

from saga.ports.messaging import Consumer, InboundRecord, TopicPartition


class Offsets:
    """What is owed to the group."""

    def __init__(self) -> None:
        self._owed: dict[TopicPartition, int] = {}
        self._committed_at = 0.0

    def __bool__(self) -> bool:
        """Whether anything is owed."""
        return bool(self._owed)

    def handled(self, records: Iterable[InboundRecord]) -> None:
        """These are in the database."""
        for record in records:
            place = TopicPartition(record.topic, record.partition)
            self._owed[place] = max(self._owed.get(place, 0), record.offset + 1)

    async def commit(self, consumer: Consumer, every: float = 0.0) -> None:
        """Commit what is owed, unless that was done less than `every` seconds ago. Raises Unavailable; then it is still owed."""
        if self._owed and monotonic() >= self._committed_at + every:
            await consumer.commit(self._owed)
            self._owed = {}
            self._committed_at = monotonic()

    def forget(self) -> None:
        """The partitions are not ours any more, and somebody else may have committed more by the time that one comes back."""
        self._owed = {}


def first_of(records: Iterable[InboundRecord]) -> dict[TopicPartition, int]:
    """Where a batch begins, by partition: there it is read again."""
    first: dict[TopicPartition, int] = {}
    for record in records:
        place = TopicPartition(record.topic, record.partition)
        first[place] = min(first.get(place, record.offset), record.offset)
    return first
