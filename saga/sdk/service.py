"""A participant as one running thing: database, intake, relay, work, and the tidying up.

    start: Postgres (waited for) → tables → seed → Kafka (waited for) → loops
    stop:  no more polls → the batch at hand is finished → what is committed is sent → group left → pool closed; bounded throughout

Postgres or Kafka away at the start or later is one clear line and a growing pause, never a crash: whoever watches asks /readyz.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from saga.errors import Unavailable
from saga.observability.telemetry import Telemetry
from saga.ports.messaging import Consumer, Producer, Revoked
from saga.sdk.barrier import rows
from saga.sdk.barrier.database import Database
from saga.sdk.barrier.gate import Gate
from saga.sdk.barrier.outbox import Outbox, stage
from saga.sdk.counting import Counting
from saga.sdk.faults import FaultPlan, FaultyProducer, crash_by
from saga.sdk.handler import Reading, Transaction
from saga.sdk.intake import Intake
from saga.sdk.participant import Participant
from saga.sdk.relay import Relay
from saga.sdk.settings import ServiceSettings
from saga.sdk.work import Worker
from saga.secrets.servers import PostgresLogin

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0
FORGET_EVERY = 3_600.0
SEND_WITHIN = 0.5
CLOSE_WITHIN = 1.5

log = logging.getLogger(__name__)


async def no_seed(_db: Transaction) -> None:
    """A service that starts with empty tables."""


async def no_sweep(_db: Transaction) -> bool:
    """A service in which nothing happens by time alone."""
    return False


@dataclass(frozen=True, slots=True)
class Parts:
    """What a service brings: its participant, its own SQL, and what its tables start with. Each text of SQL is run once on a database,
    and again when it was changed: so it can be repeated, and what the release before needs stays.

    `sweep` is what time brings and no command (a hold that ends): called every `sweep_every` seconds, each call in a transaction of its
    own, and again at once while it returns True. Replicas sweep side by side, so it takes rows `for update skip locked` and judges them
    by the database's clock.
    """

    participant: Participant
    scripts: Sequence[str] = ()
    seed: Callable[[Transaction], Awaitable[None]] = no_seed
    sweep: Callable[[Transaction], Awaitable[bool]] = no_sweep


@dataclass(slots=True)
class _Health:
    postgres: str = "not connected yet"
    kafka: str = "not connected yet"
    loops: dict[str, str] = field(default_factory=dict)


class Service:
    """One instance. `run` lives until `stop` is called; several instances may share a database and a group.

    `consumer` makes a new member of the group on the commands topic: it is called again whenever Kafka was away.
    """

    _consumer: Consumer

    def __init__(
        self,
        parts: Parts,
        settings: ServiceSettings,
        consumer: Callable[[Revoked], Consumer],
        producer: Producer,
        telemetry: Telemetry | None = None,
    ) -> None:
        self.participant = parts.participant
        self.telemetry = telemetry or Telemetry.silent()
        self._parts = parts
        self._settings = settings
        self._new_consumer = consumer
        plan = settings.faults
        self._producer: Producer = FaultyProducer(producer, plan) if plan != FaultPlan() else producer
        self._database = Database(
            parts.participant,
            settings.postgres_login(),
            schema=settings.schema_name,
            size=settings.side_by_side + 3,
            scripts=parts.scripts,
            production=settings.env == "production",
        )
        self._relay = Relay(Outbox(self._database), self._producer, sweep_every=settings.sweep_every)
        moment = crash_by(plan)
        self._gate = Gate(parts.participant, self._database, self._relay.offer, moment, Counting(self.telemetry.metrics))
        self._intake = Intake(
            self._gate,
            batch_records=settings.batch_records,
            side_by_side=settings.side_by_side,
            poll_timeout=settings.poll_timeout,
        )
        self._worker = Worker(
            parts.participant, self._database, self._gate, self._relay.offer, claim_for=settings.work_claim, moment=moment
        )
        self._health = _Health()
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Begin to stop; `run` returns within the drain time and a little."""
        self._stop.set()
        self._intake.stop()

    async def renew_database(self, login: PostgresLogin) -> None:
        """Log in to Postgres like this from now on. Raises LoginRefused or ConfigurationError, and nothing has changed then."""
        await self._database.renew(login)

    def rejoin(self) -> None:
        """Leave the group after the batch at hand and join it with a new consumer."""
        self._intake.leave()

    @asynccontextmanager
    async def transaction(self, key: bytes) -> AsyncIterator[Transaction]:
        """A transaction that no command began (a request over HTTP). What it publishes is sent once it is committed, under `key`."""
        async with self._database.transaction() as db:
            db.key, db.now = key, await db.fetchval("select clock_timestamp()")
            yield db
            staged = await stage(db, self.participant.name, db.outgoing)
        self._relay.offer(staged)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Reading]:
        """A connection for questions."""
        async with self._database.reading() as db:
            yield db

    async def faults(self) -> Mapping[str, str]:
        """What is wrong now, by part; empty when ready."""
        found = {"postgres": self._health.postgres, "kafka": self._health.kafka, **self._health.loops}
        if not self._health.postgres:
            try:
                await self._database.ping()
            except Unavailable as unavailable:
                found["postgres"] = unavailable.detail
        return {part: fault for part, fault in found.items() if fault}

    async def figures(self) -> Mapping[str, Any]:
        """Counts for people and checkers: commands, repetitions, what waits, what was set aside."""
        async with self._database.reading() as db:
            return await rows.figures(db)

    async def run(self) -> None:
        """Start, work until `stop`, and end in order. Raises ConfigurationError for a server that will never let us in."""
        try:
            if await self._wait_for("postgres", self._open) and await self._wait_for("kafka", self._producer.start):
                await self._work()
        finally:
            await self._close()

    async def _open(self) -> None:
        await self._database.open()
        async with self.transaction(b"") as db:
            await self._parts.seed(db)
        self._health.postgres = ""

    async def _wait_for(self, what: str, attempt: Callable[[], Awaitable[None]]) -> bool:
        pause = FIRST_PAUSE
        while not self._stop.is_set():
            try:
                await attempt()
                return True
            except Unavailable as unavailable:
                setattr(self._health, what, unavailable.detail)
                log.warning("%s waits for %s: %s", self.participant.name, what, unavailable)
            await self._pause(pause)
            pause = min(LONGEST_PAUSE, pause * 2)
        return False

    async def _work(self) -> None:
        log.info("%s takes commands", self.participant.name)
        intake = asyncio.create_task(self._keep_up("intake", self._take_in))
        others = [asyncio.create_task(self._keep_up("relay", self._relay.run)), asyncio.create_task(self._keep_up("forget", self._forget))]
        if any(entry.work for entry in self.participant.dos.values()):
            others.append(asyncio.create_task(self._keep_up("work", self._worker.run)))
        if self._parts.sweep is not no_sweep:
            others.append(asyncio.create_task(self._keep_up("sweep", self._sweep)))
        try:
            await self._stop.wait()
            await asyncio.wait([intake], timeout=self._settings.drain_timeout)
        finally:
            for task in (intake, *others):
                task.cancel()
            await asyncio.gather(intake, *others, return_exceptions=True)
        await self._relay.drain(SEND_WITHIN)

    async def _take_in(self) -> None:
        """A member of the group until `stop`; another one whenever Kafka was away."""
        if not await self._wait_for("kafka", self._join):
            return
        try:
            await self._intake.run(self._consumer)
        except Unavailable as unavailable:
            self._health.kafka = unavailable.detail
            log.warning("%s leaves the group and joins again: %s", self.participant.name, unavailable)
        finally:
            await self._consumer.stop()

    async def _join(self) -> None:
        self._consumer = self._new_consumer(self._intake.revoked)
        await self._consumer.start()
        self._health.kafka = ""

    async def _keep_up(self, name: str, loop: Callable[[], Awaitable[None]]) -> None:
        """Run a loop; one that ends by an exception is begun again after a pause, and named in `faults` meanwhile."""
        while not self._stop.is_set():
            try:
                self._health.loops.pop(name, None)
                await loop()
                await self._pause(FIRST_PAUSE)
            except Exception as error:
                self._health.loops[name] = f"stopped by {type(error).__name__}"
                log.exception("the %s of %s stopped and is begun again", name, self.participant.name)
                await self._pause(LONGEST_PAUSE)

    async def _forget(self) -> None:
        while not self._stop.is_set():
            try:
                async with self._database.transaction() as db:
                    await rows.forget(db, timedelta(days=self._settings.remember_for_days), self.participant.can_be_undone())
            except Unavailable as unavailable:
                log.warning("forgetting waits: %s", unavailable)
            await self._pause(FORGET_EVERY)

    async def _sweep(self) -> None:
        while not self._stop.is_set():
            more = False
            try:
                async with self.transaction(b"") as db:
                    more = await self._parts.sweep(db)
            except Unavailable as unavailable:
                log.warning("sweeping waits: %s", unavailable)
            if not more:
                await self._pause(self._settings.sweep_every)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            pass

    async def _close(self) -> None:
        for part in (self._producer.stop, self._database.close):
            try:
                async with asyncio.timeout(CLOSE_WITHIN):
                    await part()
            except Exception as error:
                log.warning("closing %s failed", self.participant.name, exc_info=error)
