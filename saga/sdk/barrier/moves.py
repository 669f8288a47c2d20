"""What each action of the table does to the rows, and what it answers. A move that finds somebody else was first raises LookAgain."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg
from pydantic import ValidationError

from saga.body import parse_body
from saga.errors import ContractError, Unavailable
from saga.messages import Command, Reply
from saga.sdk.answer import Answer, in_progress, nothing_to_undo, refused, replied, undone
from saga.sdk.barrier import rows
from saga.sdk.barrier.rows import DoRow
from saga.sdk.barrier.transaction import LocalTransaction
from saga.sdk.handler import Done, Fault, Refusal
from saga.sdk.incoming import Incoming
from saga.sdk.participant import DoEntry, Participant
from saga.sdk.table import Action

HANDLER_SECONDS = 15.0
RIVALRY = asyncpg.exceptions.TransactionRollbackError

T = TypeVar("T")
M = TypeVar("M", bound=Command[Any])
Move = Callable[[LocalTransaction, Incoming, DoRow | None, Refusal | None], Awaitable[Answer]]

log = logging.getLogger(__name__)


class LookAgain(Exception):
    """Somebody else was first: roll back and look again."""


class Broken(Exception):
    """Roll back and answer `failed`."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(str(fault))


@dataclass(frozen=True, slots=True)
class Moves:
    """The actions of `saga.sdk.table` on rows. `refusal` is what the handler said in an earlier look: it is not called again then."""

    participant: Participant

    def of(self, action: Action) -> Move:
        """The method of an action."""
        moves: Mapping[Action, Move] = {
            Action.DO: self.do,
            Action.REPEAT: self.repeat,
            Action.PROGRESS: self.progress,
            Action.WAIT: self.wait,
            Action.BURY: self.bury,
            Action.UNDO: self.undo,
            Action.NOTHING: self.nothing,
            Action.AGAIN: self.again,
            Action.KEEP: self.keep,
        }
        return moves[action]

    async def do(self, db: LocalTransaction, command: Incoming, _row: DoRow | None, refusal: Refusal | None) -> Answer:
        """Run the handler, whose reply is to be remembered, or begin its work."""
        entry, message = self.decoded(command)
        if entry.work is not None:
            _insist(await rows.begin_work(db, command))
            return in_progress(db.now)
        assert entry.handler is not None
        db.first = refused(refusal, db.now) if refusal else await reply_of(db, entry, entry.handler(message, db))
        return db.first

    async def repeat(self, db: LocalTransaction, command: Incoming, _row: DoRow | None, _refusal: Refusal | None) -> Answer:
        """The remembered answer as it is now."""
        answer = await rows.repeat(db, command.id, db.now)
        if answer is None:
            raise LookAgain
        return answer

    async def progress(self, db: LocalTransaction, command: Incoming, _row: DoRow | None, _refusal: Refusal | None) -> Answer:
        """Still at work; answers echo this repetition from now on."""
        await rows.repeat_work(db, command)
        return in_progress(db.now)

    async def wait(self, db: LocalTransaction, command: Incoming, _row: DoRow | None, _refusal: Refusal | None) -> Answer:
        """The undo is kept until the work of its do has ended."""
        _insist(await rows.wait_undo(db, command))
        return in_progress(db.now)

    async def bury(self, db: LocalTransaction, command: Incoming, _row: DoRow | None, _refusal: Refusal | None) -> Answer:
        """A tombstone with its refusal ready: the do may come later and then never happens."""
        _insist(await rows.bury(db, command.do_id, refused(Refusal("undone-before-done"), db.now)))
        return await self.nothing(db, command, None, None)

    async def undo(self, db: LocalTransaction, command: Incoming, row: DoRow | None, refusal: Refusal | None) -> Answer:
        """Run the undo's handler; the do's answer becomes a refusal."""
        assert row is not None
        if refusal is None:
            await self._run_undo(db, command, row)
            _insist(await rows.mark_undone(db, command.do_id, refused(Refusal("undone"), db.now)))
        return await _settle(db, command, refused(refusal, db.now) if refusal else undone(db.now))

    async def nothing(self, db: LocalTransaction, command: Incoming, _row: DoRow | None, _refusal: Refusal | None) -> Answer:
        """The do never had an effect and now never will."""
        return await _settle(db, command, nothing_to_undo(db.now))

    async def again(self, db: LocalTransaction, command: Incoming, _row: DoRow | None, _refusal: Refusal | None) -> Answer:
        """An undo of another id undid it: the same answer without a second effect."""
        return await _settle(db, command, undone(db.now))

    async def keep(self, db: LocalTransaction, command: Incoming, _row: DoRow | None, _refusal: Refusal | None) -> Answer:
        """A fence meets a do that happened: it stays."""
        return await _settle(db, command, refused(Refusal("done"), db.now))

    def decoded(self, command: Incoming) -> tuple[DoEntry, Command[Any]]:
        """The handler of a do and its command. Raises Broken for an unknown type or a malformed body."""
        entry = self.participant.dos.get(command.type)
        if entry is None:
            raise Broken(Fault("unknown-type", "this release does not know the type of the command"))
        return entry, decode(entry.command, command.value)

    async def _run_undo(self, db: LocalTransaction, command: Incoming, row: DoRow) -> None:
        entry = self.participant.undos.get(command.type)
        do = self.participant.dos.get(row.type)
        if entry is None or do is None:
            raise Broken(Fault("unknown-type", "this release does not know the type of the undo or of its do"))
        handler = entry.handlers.get(row.type)
        if handler is None:
            raise Broken(Fault("malformed", "this undo is not one of that do"))
        done = Done(command.do_id, decode(do.command, row.body.encode()), _reply(do.command, row))
        await call(db, handler(decode(entry.command, command.value), db, done))


async def reply_of(db: LocalTransaction, entry: DoEntry, running: Awaitable[Reply]) -> Answer:
    """Await a handler and make an answer of its reply. Raises Broken, Refusal, Unavailable."""
    reply = await call(db, running)
    try:
        return replied(entry.command, reply, db.now)
    except TypeError as error:
        log.error("a handler of %s broke its contract: %s", entry.command.__name__, error)
        raise Broken(Fault("fault", "the handler gave a reply that is none of the command's")) from error


async def call(db: LocalTransaction, running: Awaitable[T]) -> T:
    """Await a handler in the transaction. Whatever it raises becomes Broken, but a refusal, rivalry for rows, and a lost server."""
    try:
        async with asyncio.timeout(HANDLER_SECONDS):
            return await running
    except Refusal:
        raise
    except Fault as fault:
        raise Broken(fault) from fault
    except RIVALRY:
        raise
    except Exception as error:
        if db.connection.is_closed():
            raise Unavailable("postgres", "the connection was lost while a handler ran") from error
        log.exception("a handler of %s failed", db.command_id)
        raise Broken(Fault("fault", f"the handler raised {type(error).__name__}")) from error


def decode(command: type[M], value: bytes | None) -> M:
    """A command from its body. Raises Broken with `malformed`, naming the place and never the value."""
    try:
        parse_body(value)
        return command.model_validate_json(value or b"")
    except ContractError as error:
        raise Broken(Fault("malformed", error.detail)) from error
    except ValidationError as error:
        places = ", ".join(".".join(str(part) for part in fault["loc"]) for fault in error.errors()[:5])
        raise Broken(Fault("malformed", f"the body breaks the schema of {command.__name__} at {places}")) from error


def _reply(command: type[Command[Any]], row: DoRow) -> Reply:
    for candidate in command.reply_types:
        if candidate.message_type == row.reply_type:
            return candidate.model_validate_json(row.reply_body)
    raise Broken(Fault("unknown-type", "this release does not know the reply that its do was answered with"))


async def _settle(db: LocalTransaction, command: Incoming, answer: Answer) -> Answer:
    _insist(await rows.settle_undo(db, command, answer))
    await rows.take_off(db, command.id)
    return answer


def _insist(changed: bool) -> None:
    if not changed:
        raise LookAgain
