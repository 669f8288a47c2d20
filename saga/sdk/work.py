"""Long work: what is done while `in-progress` is said, taken up again after a restart, and the undos that wait for it.

    do comes ──→ working (stored) ──→ in-progress ──→ work(command, id) outside any transaction ──→ one transaction: finish, remember,
                                          ↑ every third of answerwithinms                            answer, without being asked again
    undo comes while working ──→ stored, in-progress ──→ when the do has ended: as the table says

If the process dies, the claim on the work passes and whoever claims it next calls the work again, with the same command id: that is what
the world outside must recognise it by. Work that was begun in an older epoch ends; an undo that waited since an older epoch is dropped.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from saga.errors import Unavailable
from saga.messages import Reply
from saga.ports.messaging import OutboundRecord
from saga.sdk.answer import Answer, Trace, in_progress, record_of, refused
from saga.sdk.barrier import rows
from saga.sdk.barrier.database import Database
from saga.sdk.barrier.gate import Gate, Moment, Send, nobody_watches
from saga.sdk.barrier.moves import decode, reply_of
from saga.sdk.barrier.outbox import stage
from saga.sdk.barrier.rows import Work
from saga.sdk.barrier.transaction import LocalTransaction
from saga.sdk.handler import Refusal
from saga.sdk.incoming import Incoming, Unusable
from saga.sdk.participant import DoEntry, Participant
from saga.sdk.table import State

EVERY = 0.2
CLAIM = 15.0
LONGEST_BACKOFF = 60.0
AT_ONCE = 16

Finish = Callable[[LocalTransaction], Awaitable[Reply]]

log = logging.getLogger(__name__)


class Worker:
    """The loop beside the intake of a participant that has long work. `claim_for` seconds without a sign of life free the work.

    `moment` is called with "before-commit" and "after-commit" of the transaction that ends the work, as the gate's is.
    """

    def __init__(
        self,
        participant: Participant,
        database: Database,
        gate: Gate,
        send: Send,
        *,
        claim_for: float = CLAIM,
        moment: Moment = nobody_watches,
    ) -> None:
        self._participant = participant
        self._database = database
        self._gate = gate
        self._send = send
        self._claim_for = claim_for
        self._moment = moment
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Work until cancelled; then the claims pass and somebody else goes on."""
        try:
            while True:
                try:
                    await self.say_progress()
                    await self.begin()
                except Unavailable as unavailable:
                    log.warning("work waits: %s", unavailable)
                await asyncio.sleep(EVERY)
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    async def say_progress(self) -> None:
        """Send in-progress for what is at work and due."""
        async with self._database.transaction() as db:
            due = await rows.due_progress(db, AT_ONCE)
            staged = await stage(db, self._participant.name, [self._record(in_progress(db.now), command) for command in due])
        self._send(staged)

    async def begin(self) -> None:
        """Claim work and waiting undos that nobody is at, and start on them."""
        free = AT_ONCE - len(self._running)
        if free <= 0:
            return
        async with self._database.transaction() as db:
            claimed = await rows.claim_work(db, free, self._claim_for)
        for work in claimed:
            task = asyncio.create_task(self._attend(work))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def settled(self) -> None:
        """Wait until everything that was begun here has ended: for tests."""
        await asyncio.gather(*self._running)

    async def _attend(self, work: Work) -> None:
        try:
            if work.command.id == work.command.do_id:
                await self._do(work)
            else:
                await self._undo(work.command)
        except Unavailable as unavailable:
            log.warning("work of %s waits: %s", work.command.id, unavailable)
        except Exception as error:
            wait = min(LONGEST_BACKOFF, 2.0 ** min(work.tries, 10) / 2)
            log.warning("work of %s failed and is tried again in %.1f s", work.command.id, wait, exc_info=error)
            async with self._database.transaction() as db:
                await rows.keep_claim(db, work.command.id, wait)

    async def _undo(self, command: Incoming) -> None:
        try:
            await self._gate.attend(command)
        except Unusable:
            async with self._database.transaction() as db:
                await rows.drop_waiting(db, command.id)

    async def _do(self, work: Work) -> None:
        entry = self._participant.dos.get(work.command.type)
        if entry is None or entry.work is None:
            raise LookupError("this release does not know the work of this type")
        began, keeping = time.monotonic(), asyncio.create_task(self._keep_claim(work.command.id))
        try:
            finish = await entry.work(decode(entry.command, work.command.value), work.command.id)
        except Refusal as refusal:
            await self._end(entry, work.command, refusal, began)
            return
        finally:
            keeping.cancel()
        try:
            await self._end(entry, work.command, finish, began)
        except Refusal as refusal:
            await self._end(entry, work.command, refusal, began)

    async def _end(self, entry: DoEntry, command: Incoming, end: Finish | Refusal, began: float) -> None:
        """The transaction that ends the work: effect, state, answer and reply, echoing the newest repetition."""
        async with self._database.transaction() as db:
            db.command_id, db.do_id, db.key = command.id, command.do_id, command.key
            row = await rows.lock_do(db, command.id)
            if row is None or row.state is not State.WORKING:
                return
            db.now = await db.fetchval("select clock_timestamp()")
            answer = refused(end, db.now) if isinstance(end, Refusal) else await reply_of(db, entry, end(db))
            await rows.settle_do(db, command, answer)
            newest = await rows.take_off(db, command.id)
            staged = await stage(db, self._participant.name, [self._record(answer, newest or command), *db.outgoing])
            self._moment("before-commit", command)
        self._moment("after-commit", command)
        self._gate.counting.answered(command, answer.outcome.value, time.monotonic() - began)
        self._send(staged)

    async def _keep_claim(self, command_id: str) -> None:
        while True:
            await asyncio.sleep(self._claim_for / 3)
            try:
                async with self._database.transaction() as db:
                    await rows.keep_claim(db, command_id, self._claim_for)
            except Unavailable as unavailable:
                log.warning("claim of %s: %s", command_id, unavailable)

    def _record(self, answer: Answer, command: Incoming) -> OutboundRecord:
        trace = Trace(command.traceparent, command.tracestate)
        return record_of(answer, command, self._participant.source, self._participant.events_topic, trace)
