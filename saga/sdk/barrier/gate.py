"""The one way through the barrier: a record comes in, and one local transaction holds everything that follows from it.

If the process dies before the commit, nothing happened and Kafka delivers the record again. If it dies after the commit, the answer is
in the outbox. `handle` returns only when a commit is known, so the record's offset may be committed after it.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import asyncpg

from saga.messages import Outcome
from saga.ports.messaging import InboundRecord, OutboundRecord
from saga.sdk.answer import Answer, Trace, failed, record_of
from saga.sdk.barrier import aside, rows
from saga.sdk.barrier.database import Database
from saga.sdk.barrier.moves import RIVALRY, Broken, LookAgain, Moves
from saga.sdk.barrier.outbox import Staged, settle_and_stage, stage
from saga.sdk.barrier.rows import DoRow, Glance, settled
from saga.sdk.barrier.transaction import LocalTransaction
from saga.sdk.counting import Counting
from saga.sdk.handler import Fault, Refusal
from saga.sdk.incoming import Incoming, Kind, Unusable, read_incoming
from saga.sdk.participant import Participant
from saga.sdk.table import TABLE, State
from saga.sdk.tracing import answering

LOOKS = 8
MAX_EPOCH_JUMP = 1_000
WIRE = "1"
NOTHING_COUNTED = Counting()
REMEMBERED = frozenset({Outcome.SUCCEEDED, Outcome.REFUSED, Outcome.NOTHING_TO_UNDO})

Send = Callable[[list[Staged]], None]
Moment = Callable[[str, Incoming], None]

log = logging.getLogger(__name__)


class _EpochRises(Exception):
    """Look again, alone: the command's epoch is newer than any seen."""


@dataclass(frozen=True, slots=True)
class _Case:
    """What earlier looks have shown: the handler's refusal or fault, and whether the command must be alone with the epoch."""

    refusal: Refusal | None = None
    fault: Fault | None = None
    alone: bool = False


def nobody_watches(_moment: str, _command: Incoming) -> None:
    """The moment of an ordinary process."""


class Gate:
    """Handles commands; several may run side by side. `send` gets what was staged once it is committed.

    `moment` is called with "before-commit" and "after-commit" of a first answer: where tests and demonstrations let a process die.
    """

    def __init__(
        self,
        participant: Participant,
        database: Database,
        send: Send,
        moment: Moment = nobody_watches,
        counting: Counting = NOTHING_COUNTED,
    ) -> None:
        self._participant = participant
        self._database = database
        self._send = send
        self._moment = moment
        self.counting = counting
        self._moves = Moves(participant)

    async def handle(self, record: InboundRecord) -> None:
        """Answer a record, or set it aside with its reason. Raises Unavailable when the database is away: then nothing is known."""
        try:
            await self.attend(read_incoming(record))
        except Unusable as unusable:
            await self.set_aside(record, unusable)

    async def set_aside(self, record: InboundRecord, unusable: Unusable) -> None:
        """Keep a record that cannot be answered, with its reason. Raises Unavailable."""
        log.warning("set aside %s[%d]@%d: %s", record.topic, record.partition, record.offset, unusable)
        async with self._database.transaction() as db:
            await aside.keep(db, record, unusable)
        self.counting.set_aside(unusable)

    async def attend(self, command: Incoming) -> None:
        """Answer a command. Raises Unusable for one of a wrong epoch, Unavailable."""
        case, began = _Case(), time.monotonic()
        with answering(command) as trace:
            for look in range(LOOKS):
                try:
                    self._count(command, await self._look(command, case, trace), began)
                    return
                except _EpochRises:
                    case = replace(case, alone=True)
                except Refusal as refusal:
                    case = replace(case, refusal=refusal)
                except Broken as broken:
                    case = replace(case, fault=broken.fault)
                except (LookAgain, RIVALRY):
                    await asyncio.sleep(random.random() * 0.01 * 2**look)  # noqa: S311
                except asyncpg.PostgresError as error:
                    case = _ruled_out(case, error)
            busy = _Case(fault=Fault("busy", "too many rivals for the same rows"), alone=True)
            self._count(command, await self._look(command, busy, trace), began)

    def _count(self, command: Incoming, outcome: Outcome | None, began: float) -> None:
        if outcome is None:
            self.counting.repeated(command)
        else:
            self.counting.answered(command, outcome.value, time.monotonic() - began)

    async def _look(self, command: Incoming, case: _Case, trace: Trace) -> Outcome | None:
        """One transaction: answer and stage, or raise what the next look must know. The outcome; None if it was answered before."""
        async with self._database.transaction() as db:
            db.command_id, db.do_id, db.key, db.trace = command.id, command.do_id, command.key, trace
            seen = await self._glance(db, command, case)
            answer = await self._answer(db, command, seen, case)
            first = not seen.answered and answer.outcome in REMEMBERED
            reply = record_of(answer, command, self._participant.source, self._participant.events_topic, trace)
            staged = await self._stage(db, command, [reply, *db.outgoing])
            if first:
                self._moment("before-commit", command)
        if first:
            self._moment("after-commit", command)
        self._send(staged)
        return None if seen.answered else answer.outcome

    async def _stage(self, db: LocalTransaction, command: Incoming, records: Sequence[OutboundRecord]) -> list[Staged]:
        if db.first is None:
            return await stage(db, self._participant.name, records)
        staged = await settle_and_stage(db, self._participant.name, records, settled(command, db.first))
        if not staged:
            raise LookAgain
        return staged

    async def _glance(self, db: LocalTransaction, command: Incoming, case: _Case) -> Glance:
        ours = command.wire in ("", WIRE)
        seen = await rows.glance(db, command, alone=case.alone, claim=ours and command.kind is Kind.DO and case.fault is None)
        db.now = seen.now
        if not ours:
            return seen
        if command.epoch < seen.epoch:
            raise Unusable("stale-epoch", "the command is of an older epoch of its coordinator")
        if command.epoch > seen.epoch + MAX_EPOCH_JUMP:
            log.error("alarm: the epoch of %s would jump by more than %d", command.source, MAX_EPOCH_JUMP)
            raise Unusable("epoch-jump", f"the epoch would jump by more than {MAX_EPOCH_JUMP}")
        if command.epoch > seen.epoch:
            if not case.alone:
                raise _EpochRises
            await rows.raise_epoch(db, command)
        return seen

    async def _answer(self, db: LocalTransaction, command: Incoming, seen: Glance, case: _Case) -> Answer:
        if command.wire not in ("", WIRE):
            return failed(Fault("unknown-wire", "this participant speaks version 1 of the protocol"), db.now)
        if seen.answered:
            return await self._moves.repeat(db, command, None, None)
        if case.fault is not None:
            return failed(case.fault, db.now)
        row = await self._row_of_do(db, command, seen)
        state = State.UNKNOWN if row is None else row.state
        return await self._moves.of(TABLE[state, command.kind])(db, command, row, case.refusal)

    async def _row_of_do(self, db: LocalTransaction, command: Incoming, seen: Glance) -> DoRow | None:
        """The row of the do, locked; None if nobody has seen the do (its row is up by now if the command is the do itself)."""
        if seen.claimed:
            return None
        row = await rows.lock_do(db, command.do_id)
        if row is None and command.kind is Kind.DO:
            raise LookAgain
        if row is not None and row.kind != Kind.DO:
            raise Broken(Fault("malformed", "the id of the do is that of an undo"))
        return row


def _ruled_out(case: _Case, error: asyncpg.PostgresError) -> _Case:
    """A statement of ours failed because of what a handler did; if `failed` cannot be answered either, the error is ours."""
    if case.fault is not None:
        raise error
    log.error("a transaction failed: %s", type(error).__name__)
    return replace(case, fault=Fault("fault", f"the transaction failed with {error.sqlstate}"))
