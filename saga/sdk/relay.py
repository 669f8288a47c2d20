"""Sends what was committed: from memory at once, from the outbox what memory has lost.

    commit → offer (memory) → send → acknowledged → row deleted
    every SWEEP seconds: rows whose claim has passed → claim → send → acknowledged → row deleted

If the process dies before sending, the claim passes and whoever sweeps next sends. If it dies between sending and deleting, the record
is sent once more with the same `ce_id`, which the wire allows. Several instances may relay side by side: a claim is won by one.
"""

import asyncio
import logging
from collections import deque

from saga.errors import Unavailable
from saga.ports.messaging import Producer
from saga.sdk.barrier.outbox import Outbox, Staged

BATCH = 500
MEMORY = 20_000
SWEEP = 1.0
PAUSE = 0.5

log = logging.getLogger(__name__)


class Relay:
    """The loop that sends. `offer` never waits: when Kafka is away and memory is full, the rows in the outbox are enough."""

    def __init__(self, outbox: Outbox, producer: Producer, *, sweep_every: float = SWEEP) -> None:
        self._outbox = outbox
        self._producer = producer
        self._sweep_every = sweep_every
        self._memory: deque[Staged] = deque()
        self._woken = asyncio.Event()

    def offer(self, staged: list[Staged]) -> None:
        """Send these soon; they are committed."""
        if len(self._memory) < MEMORY:
            self._memory.extend(staged)
            self._woken.set()

    async def run(self) -> None:
        """Send until cancelled. A server that is away is waited for."""
        while True:
            try:
                await self._round()
            except Unavailable as unavailable:
                log.warning("relay waits: %s", unavailable)
                await asyncio.sleep(PAUSE)

    async def drain(self, timeout: float) -> None:
        """Send what memory holds, for at most `timeout` seconds; the rest stays in the outbox."""
        try:
            async with asyncio.timeout(timeout):
                while self._memory:
                    await self._send(self._take())
        except (TimeoutError, Unavailable):
            log.warning("left in the outbox: %d records", len(self._memory))

    async def sweep(self) -> int:
        """Send rows that nobody sends any more; how many were claimed."""
        claimed = await self._outbox.claim(BATCH)
        if claimed:
            await self._send(claimed)
        return len(claimed)

    async def _round(self) -> None:
        loop = asyncio.get_running_loop()
        next_sweep = loop.time() + self._sweep_every
        while loop.time() < next_sweep:
            if self._memory:
                await self._send(self._take())
                continue
            self._woken.clear()
            try:
                async with asyncio.timeout_at(next_sweep):
                    await self._woken.wait()
            except TimeoutError:
                break
        while await self.sweep() == BATCH:
            pass

    def _take(self) -> list[Staged]:
        return [self._memory.popleft() for _ in range(min(BATCH, len(self._memory)))]

    async def _send(self, batch: list[Staged]) -> None:
        sent = await self._producer.send([staged.record for staged in batch])
        acknowledged = [staged.id for staged, ok in zip(batch, sent, strict=True) if ok]
        if acknowledged:
            await self._outbox.delete(acknowledged)
        if len(acknowledged) < len(batch):
            raise Unavailable("kafka", f"{len(batch) - len(acknowledged)} records were not acknowledged")
