"""Kafka → gate → offsets.

    poll → records by key, in order within a key, several keys side by side → gate (commits) → offsets of the whole batch

If the process dies anywhere before the last arrow, the records come again and are answered from the barrier. While Postgres is away the
same record is tried again, with a growing pause, and its offset stays where it is. A record that fails in a way nobody thought of is
set aside after a few tries: no record may stop a partition.
"""

import asyncio
import logging
import random
from collections.abc import Sequence

from saga.errors import Unavailable
from saga.ports.messaging import Consumer, InboundRecord, TopicPartition
from saga.ports.watchdog import poll
from saga.sdk.barrier.gate import Gate
from saga.sdk.incoming import Unusable

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0
TRIES = 5
STUCK_AFTER = 30.0

log = logging.getLogger(__name__)


class Intake:
    """The loop that reads commands. `side_by_side` keys are handled at once."""

    def __init__(self, gate: Gate, *, batch_records: int, side_by_side: int, poll_timeout: float) -> None:
        self._gate = gate
        self._batch_records = batch_records
        self._poll_timeout = poll_timeout
        self._slots = asyncio.Semaphore(side_by_side)
        self._stopping = False
        self._leaving = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def run(self, consumer: Consumer) -> None:
        """Read until `stop` or `leave`; the batch at hand is finished first. Raises Unavailable, also for a consumer that is stuck: one
        that does not come back, and one that reads and leaves out a partition."""
        self._leaving = False
        while not self._stopping and not self._leaving:
            records = await poll(consumer, self._batch_records, self._poll_timeout, STUCK_AFTER)
            if records:
                self._idle.clear()
                try:
                    await self.handle(records)
                    await consumer.commit(next_offsets(records))
                finally:
                    self._idle.set()

    async def revoked(self, _partitions: frozenset[TopicPartition]) -> None:
        """The group takes partitions away: wait for the batch at hand, so that its offsets are committed."""
        await self._idle.wait()

    def stop(self) -> None:
        """Read no more."""
        self._stopping = True

    def leave(self) -> None:
        """Read no more from this consumer."""
        self._leaving = True

    async def handle(self, records: Sequence[InboundRecord]) -> None:
        """Handle a batch. Returns when every record's transaction is committed."""
        async with asyncio.TaskGroup() as group:
            for same_key in by_key(records):
                group.create_task(self._in_order(same_key))

    async def _in_order(self, records: Sequence[InboundRecord]) -> None:
        async with self._slots:
            for record in records:
                await self._until_handled(record)

    async def _until_handled(self, record: InboundRecord) -> None:
        pause, failures = FIRST_PAUSE, 0
        while True:
            try:
                if failures < TRIES:
                    await self._gate.handle(record)
                else:
                    await self._gate.set_aside(record, Unusable("unhandled", f"handling it failed {failures} times"))
                return
            except Unavailable as unavailable:
                log.warning("%s waits at %d: %s", record.topic, record.offset, unavailable)
            except Exception:
                failures += 1
                log.exception("%s[%d]@%d was not handled", record.topic, record.partition, record.offset)
            await asyncio.sleep(pause * (0.5 + random.random() / 2))  # noqa: S311
            pause = min(LONGEST_PAUSE, pause * 2)


def by_key(records: Sequence[InboundRecord]) -> list[list[InboundRecord]]:
    """Records of one key together, in their order; records without a key by partition."""
    groups: dict[object, list[InboundRecord]] = {}
    for record in records:
        groups.setdefault((record.topic, record.partition) if record.key is None else record.key, []).append(record)
    return list(groups.values())


def next_offsets(records: Sequence[InboundRecord]) -> dict[TopicPartition, int]:
    """The next offset to read per partition once all these are handled."""
    offsets: dict[TopicPartition, int] = {}
    for record in records:
        place = TopicPartition(record.topic, record.partition)
        offsets[place] = max(offsets.get(place, 0), record.offset + 1)
    return offsets
