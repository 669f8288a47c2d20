"""The supervisor: starts the loops, backs off when a server is away, watches progress, drains on SIGTERM.

A loop that fails says one line an outage, waits with jitter and goes on; readiness tells which part is wrong. A loop that makes no
progress is not alive, whatever its task says (hazards ground rule 10): the watchdog replaces a consumer that has not come back from a
fetch for `stuck_after` seconds, and a replica is not ready before the group has given it its share (hazard K5).

Draining, in order: stop reading; finish the batch at work; send what is in memory and delete its pointers; leave the group; retire
the heartbeat. What does not fit into `drain_timeout` is left to the other replicas, which lose nothing by it.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

from saga.errors import SagaError
from saga.ports.messaging import Consumer, InboundRecord, Revoked, TopicPartition
from saga.ports.watchdog import Stuck, poll
from saga.runtime.deadlines import Deadlines
from saga.runtime.heartbeat import Heartbeat
from saga.runtime.intake import Intake
from saga.runtime.offsets import Offsets, first_of
from saga.runtime.relay import SWEEP_LIMIT, Relay
from saga.runtime.seen import Seen

MakeConsumer = Callable[[frozenset[str], Revoked], Consumer]

HELD_LIMIT = 200
LAG_EVERY = 1.0
PAUSED_POLL = 0.05
SETTLE_WITHIN = 1.5  # less than the client gives a listener
STEADY = 10  # rounds without records or a fault, after which an outage of the log is over: the next is told again
MAX_BACKOFF = 10.0


@dataclass(frozen=True, slots=True)
class Pace:
    """Spans in seconds and bounds in records; from Settings."""

    batch_records: int
    tick_every: float
    relay_every: float
    unsent_records: int
    stuck_after: float
    drain_timeout: float
    held_every: float = 1.0
    poll_for: float = 0.5
    commit_every: float = 0.2


class Supervisor:
    """Runs one replica until it is told to stop."""

    def __init__(self, intake: Intake, relay: Relay, deadlines: Deadlines, heartbeat: Heartbeat, seen: Seen) -> None:
        self._intake = intake
        self._relay = relay
        self._deadlines = deadlines
        self._heartbeat = heartbeat
        self._seen = seen
        self._faults: dict[str, str] = {}
        self._failures: Counter[str] = Counter()
        self._between_batches = asyncio.Event()
        self._between_batches.set()
        self._stopping = asyncio.Event()
        self._rejoining = False
        self._offsets = Offsets()
        self._consumer: Consumer | None = None

    def faults(self) -> Mapping[str, str]:
        """What is wrong now, by loop; empty when all goes well."""
        return dict(self._faults)

    def stop(self) -> None:
        """Begin to drain."""
        self._stopping.set()

    def rejoin(self) -> None:
        """Leave the group after the batch at work and join it with a new consumer: the old one logs in with what has been replaced."""
        self._rejoining = True

    async def run(self, make_consumer: MakeConsumer, pace: Pace) -> None:
        """Run all loops until `stop`, then drain."""
        self._faults["records"] = "the consumer has not joined its group yet"
        loops = [
            asyncio.create_task(self._forever(name, call, every), name=name)
            for name, call, every in (
                ("heartbeat", self._heartbeat.beat, self._heartbeat.every),
                ("records", lambda: self._records(make_consumer, pace), 0.0),
                ("deadlines", lambda: self._tick(pace), pace.tick_every),
                ("outbox", self._sweep, pace.relay_every),
                ("held", self._try_held, pace.held_every),
                ("relay", self._relay.send_waiting, 0.0),
                ("lag", self._tell_lag, LAG_EVERY),
            )
        ]
        await self._stopping.wait()
        await self._drain(loops, pace)

    async def _forever(self, name: str, call: Callable[[], Awaitable[bool | None]], every: float) -> None:
        """Call again and again: at once if it says that more is waiting, else every so often; after a failure with growing pauses."""
        while not self._stopping.is_set():
            try:
                more = await call()
            except Exception as error:
                await self._pause(self._failed(name, error))
            else:
                self._failures.pop(name, None)
                self._faults.pop(name, None)
                await self._pause(0.0 if more else every)

    def _failed(self, name: str, error: Exception) -> float:
        """Show what is wrong and tell it: an outage at its first failure, a bug each time. How long to wait, in seconds."""
        self._failures[name] += 1
        if isinstance(error, SagaError):
            self._faults[name] = str(error)
            if self._failures[name] == 1:
                self._seen.outage(name, str(error))
        else:
            self._faults[name] = type(error).__name__
            self._seen.loop_failed(name, error)
        return _backoff(self._failures[name])

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    async def _tick(self, pace: Pace) -> None:
        """Never at once again, however many are due: after an outage a million of them drain at a set rate, and leave room for others."""
        await self._deadlines.round(lambda: self._relay.backlog < pace.unsent_records)

    async def _sweep(self) -> bool:
        return await self._relay.sweep() >= SWEEP_LIMIT

    async def _try_held(self) -> bool:
        return await self._intake.held(HELD_LIMIT) >= HELD_LIMIT

    async def _tell_lag(self) -> None:
        if self._consumer is not None:
            self._seen.lag(self._consumer.lag())

    async def _records(self, make_consumer: MakeConsumer, pace: Pace) -> None:
        """Own a consumer until it fails, gets stuck, or the replica stops."""
        self._rejoining = False
        self._offsets.forget()
        consumer = make_consumer(await self._heartbeat.topics(), self._revoked)
        try:
            await consumer.start()
            self._consumer = consumer
            await self._read(consumer, pace)
            await self._settle()
        finally:
            self._consumer = None
            self._faults.pop("backlog", None)  # the pause goes with the consumer that was paused
            await consumer.stop()

    async def _read(self, consumer: Consumer, pace: Pace) -> None:
        """Read and handle. A database that is away is waited for with the membership kept: leaving the group would stop the others too."""
        subscribed, paused, steady = self._heartbeat.known_topics, False, 0
        while not self._stopping.is_set() and not self._rejoining:
            if self._heartbeat.known_topics != subscribed:
                subscribed = self._heartbeat.known_topics
                await consumer.subscribe(subscribed)
            paused = self._held_back(consumer, pace, paused)
            records = await self._poll(consumer, pace, PAUSED_POLL if paused else pace.poll_for)
            try:
                await self._handle(consumer, records, pace)
            except SagaError as error:
                steady = 0
                await self._pause(self._failed("records", error))
            else:
                steady += 1
                if records or consumer.joined():
                    self._faults.pop("records", None)
                if records or steady >= STEADY:
                    self._failures.pop("records", None)

    def _held_back(self, consumer: Consumer, pace: Pace, paused: bool) -> bool:
        """Backpressure (hazard S20): hold the partitions, keep the member, until half of what is unsent has gone out. Whether held."""
        if not paused and self._relay.backlog >= pace.unsent_records:
            consumer.pause()
            self._faults["backlog"] = "more commands wait to be sent than the bound allows; reading is paused"
            return True
        if paused and self._relay.backlog <= pace.unsent_records // 2:
            consumer.resume()
            self._faults.pop("backlog", None)
            return False
        return paused

    async def _poll(self, consumer: Consumer, pace: Pace, seconds: float) -> list[InboundRecord]:
        try:
            return await poll(consumer, pace.batch_records, seconds, pace.stuck_after)
        except Stuck:
            self._seen.watchdog("records")
            raise

    async def _handle(self, consumer: Consumer, records: Sequence[InboundRecord], pace: Pace) -> None:
        """One batch, then its offsets, unless some were committed just before; a batch that fails is read again from its first record
        (invariant I11). What is still owed is committed by a poll without records: else a partition without news would lag behind."""
        if not records and not self._offsets:
            return
        self._between_batches.clear()
        try:
            await self._intake.records(records)
        except BaseException:
            consumer.seek(first_of(records))
            raise
        else:
            self._offsets.handled(records)
            await self._offsets.commit(consumer, pace.commit_every if records else 0.0)
        finally:
            self._between_batches.set()

    async def _settle(self) -> None:
        """Finish the batch at work and commit what is owed, within bounds: what is left out others read again, as duplicates."""
        with suppress(SagaError, TimeoutError):
            async with asyncio.timeout(SETTLE_WITHIN):
                await self._between_batches.wait()
                if self._consumer is not None:
                    await self._offsets.commit(self._consumer)

    async def _revoked(self, partitions: frozenset[TopicPartition]) -> None:
        """The group takes partitions away: finish the batch at work and commit its offsets, within bounds, and forget the folds."""
        if partitions:
            await self._settle()
            self._intake.forget()
            self._offsets.forget()

    async def _drain(self, loops: list[asyncio.Task[None]], pace: Pace) -> None:
        until = monotonic() + pace.drain_timeout
        readers = [loop for loop in loops if loop.get_name() != "relay"]
        await asyncio.wait(readers, timeout=pace.drain_timeout / 2)
        for loop in loops:
            loop.cancel()
        await asyncio.wait(loops, timeout=max(0.1, (until - monotonic()) / 2))
        with suppress(SagaError):
            await self._relay.drain(max(0.1, (until - monotonic()) * 0.8))
        with suppress(SagaError, TimeoutError):
            async with asyncio.timeout(max(0.1, until - monotonic())):
                await self._heartbeat.retire()


def _backoff(failures: int) -> float:
    """Seconds: doubling from 0.4 to 10, the upper half by chance, so that replicas do not come back in step."""
    ceiling: float = min(MAX_BACKOFF, 0.2 * 2 ** min(failures, 6))
    return ceiling * (0.5 + random.random() / 2)  # noqa: S311 - jitter
