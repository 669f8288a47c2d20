"""A consumer that does what its script says, and writes down what it was asked. `journal` may be shared with other witnesses."""

import asyncio
from collections.abc import Collection, Mapping, Sequence

from saga.ports.messaging import InboundRecord, Revoked, TopicPartition

Step = Sequence[InboundRecord] | Exception


class ScriptedConsumer:
    """`saga.ports.messaging.Consumer`: each poll takes the next step, records to return or an error to raise; after the last there is
    nothing more to read. What is sought is read again, as from a log."""

    def __init__(self, steps: Sequence[Step] = (), journal: list[str] | None = None) -> None:
        self.steps = list(steps)
        self.journal = [] if journal is None else journal
        self.committed: dict[TopicPartition, int] = {}
        self.sought: list[Mapping[TopicPartition, int]] = []
        self.frozen = False
        self.paused = False
        self.share = True
        self.polls = 0
        self.stopped = 0
        self.revoked: Revoked | None = None
        self.refusals: list[Exception] = []  # what the next commits raise
        self._read: list[InboundRecord] = []

    async def start(self) -> None:
        self.journal.append("start")

    async def poll(self, max_records: int, timeout: float) -> list[InboundRecord]:
        self.polls += 1
        if self.frozen:
            await asyncio.Event().wait()
        if self.paused or not self.steps:
            await asyncio.sleep(min(timeout, 0.005))
            return []
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        self._read.extend(step)
        return list(step)

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        self.journal.append("commit offsets")
        if self.refusals:
            raise self.refusals.pop(0)
        self.committed.update(offsets)

    def seek(self, offsets: Mapping[TopicPartition, int]) -> None:
        self.sought.append(dict(offsets))
        again = [one for one in self._read if one.offset >= offsets.get(TopicPartition(one.topic, one.partition), one.offset + 1)]
        self._read = [one for one in self._read if one not in again]
        self.steps.insert(0, again)

    def pause(self) -> None:
        self.journal.append("pause")
        self.paused = True

    def resume(self) -> None:
        self.journal.append("resume")
        self.paused = False

    async def subscribe(self, topics: Collection[str]) -> None: ...

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset({TopicPartition("order.events", 0)})

    def joined(self) -> bool:
        return self.share

    def lag(self) -> dict[TopicPartition, int]:
        return {}

    def seconds_since_poll(self) -> float:
        return 0.0

    async def stop(self) -> None:
        self.stopped += 1
