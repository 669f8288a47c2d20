"""The relay: commands and changes of sagas' lives, from memory right after the commit, and from pointers whose claim has passed
(design section 8).

    put ──> memory ──send──> acknowledged? ── yes ──> remembered until a commit that deleted the pointer
                                            └─ no ───> forgotten: the pointer is still there
    sweep ─> claim pointers (a short transaction) ─> fold the stream ─> still wanted? send : delete

A pointer names an event, and an event may send two records: a command, which is wanted only while it is awaited, and a change of the
saga's life, which is always wanted. The pointer goes when both are acknowledged; else both are sent again, which harms neither.

If the process dies: before the send, the pointer is claimed by anybody once `claim_until` has passed; after the send, before the
delete, the command is sent once more, which every participant knows how to take.

Why memory older than its claim is dropped and not sent: a replica that was stopped for a minute must not send what others have taken
over long ago; how late a zombie sends bounds how long participants must keep tombstones.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from uuid import UUID, uuid4

from saga.core.effects import CommandToSend, command_of
from saga.core.evolve import fold
from saga.core.identity import key_bytes
from saga.core.lifecycle import LifeToSend, Telling, life_of
from saga.core.project import waits_for
from saga.core.upcast import decode
from saga.messages import Envelope
from saga.ports.messaging import OutboundRecord, Producer
from saga.ports.streams import Pointer, Store
from saga.runtime.breath import in_stretches
from saga.runtime.plan import Outgoing
from saga.runtime.seen import Seen
from saga.wire import CommandMessage, LifecycleMessage

Encode = Callable[[Envelope, str], OutboundRecord]

SWEEP_LIMIT = 500
AT_ONCE = 1_000
MARGIN = 0.8
IDLE = 1.0
WORTH_A_STATEMENT = 50


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """`claim_for` and `claim_backoff` are seconds; `source` and `epoch` go onto every command. `telling` says what is told on `lifecycle`,
    which is a topic."""

    source: str
    epoch: int
    claim_for: float
    claim_backoff: float
    telling: Telling = field(default_factory=Telling)
    lifecycle: str = "saga.lifecycle"


class Relay:
    """Sends what this replica's events send, and what others left behind."""

    def __init__(self, store: Store, producer: Producer, encode: Encode, seen: Seen, settings: RelaySettings) -> None:
        self.owner: UUID = uuid4()
        self._store = store
        self._producer = producer
        self._encode = encode
        self._seen = seen
        self._settings = settings
        self._unsent: deque[tuple[float, Outgoing]] = deque()
        self._acknowledged: set[Pointer] = set()
        self._wake = asyncio.Event()

    def put(self, outgoing: Sequence[Outgoing]) -> None:
        """Take over commands whose events have just been committed."""
        if outgoing:
            until = monotonic() + self._settings.claim_for * MARGIN
            self._unsent.extend((until, out) for out in outgoing)
            self._wake.set()

    @property
    def backlog(self) -> int:
        """Commands in memory that are not sent yet: intake pauses when they are too many (S20)."""
        return len(self._unsent)

    def acknowledged(self) -> list[Pointer]:
        """Pointers that the next batch may delete, none while they are few. They stay remembered until `deleted` says that a commit is
        known.

        Why few are left to the sweep: a batch of one record paid a statement of five for them: p50 at 20 orders a second 0.73 to 0.93,
        Postgres' CPU time 0.78 to 0.86 times, three runs each in turn.
        """
        return self._known_sent() if len(self._acknowledged) >= WORTH_A_STATEMENT else []

    def deleted(self, pointers: Collection[Pointer]) -> None:
        """A known commit deleted these."""
        self._acknowledged.difference_update(pointers)

    def forget_unsent(self) -> None:
        """The server's timeline changed: what was committed on the other one may be gone, so nothing of it is sent."""
        self._unsent.clear()

    async def send_waiting(self) -> None:
        """Send what `put` has brought, one batch after the other: one sender keeps the order per key. Waits up to a second for some."""
        with suppress(TimeoutError):
            async with asyncio.timeout(IDLE):
                await self._wake.wait()
        self._wake.clear()
        while self._unsent:
            await self._send(self._take())

    async def sweep(self) -> int:
        """Claim pointers whose time has passed and send what is still wanted of them; how many there were. Also deletes what was
        acknowledged, so that an idle coordinator has an empty outbox."""
        sent = self._known_sent()
        if sent:
            await self._store.delete_pointers(sent)
            self.deleted(sent)
        pointers = await self._store.claim_pointers(self.owner, SWEEP_LIMIT, self._settings.claim_backoff)
        found = await self._outgoing(pointers)
        unwanted = [out.pointer for out in found if not _wanted(out)]
        if unwanted:
            await self._store.delete_pointers(unwanted)
        await self._send([out for out in found if _wanted(out)])
        self._seen.swept(len(pointers), len(unwanted))
        return len(pointers)

    async def drain(self, seconds: float) -> None:
        """Send what is in memory and delete the pointers, for at most so long; the rest is claimed by others."""
        try:
            async with asyncio.timeout(seconds):
                while self._unsent:
                    await self._send(self._take())
                await self._store.delete_pointers(self._known_sent())
        except TimeoutError:
            self._seen.drain_cut(len(self._unsent))

    def _known_sent(self) -> list[Pointer]:
        return sorted(self._acknowledged)

    def _take(self) -> list[Outgoing]:
        """Some of what waits, oldest first; what is older than its claim goes. Not all: its records would stand in memory together."""
        now = monotonic()
        waiting = [self._unsent.popleft() for _ in range(min(AT_ONCE, len(self._unsent)))]
        taken = [out for until, out in waiting if until > now]
        self._seen.expired(len(waiting) - len(taken))
        return taken

    async def _send(self, outgoing: Sequence[Outgoing]) -> None:
        if not outgoing:
            return
        pointers: list[Pointer] = []
        records: list[OutboundRecord] = []
        async for out in in_stretches(outgoing):
            made = self._records(out)
            pointers.extend([out.pointer] * len(made))
            records.extend(made)
        acknowledged = await self._producer.send(records)
        missing = {pointer for pointer, done in zip(pointers, acknowledged, strict=True) if not done}
        self._acknowledged.update(out.pointer for out in outgoing if out.pointer not in missing)
        self._seen.sent([out.command for out in outgoing if out.command], records, acknowledged)

    async def _outgoing(self, pointers: Sequence[Pointer]) -> list[Outgoing]:
        """What pointers send.

        A stream that this release cannot read is left out: its pointer stays, for a release that can, and holds up nobody else (S18).
        """
        found = []
        for pointer in pointers:
            bodies = await self._store.load(pointer.saga_id)
            try:
                found.append(_found(pointer, bodies, self._settings.telling))
            except Exception as error:
                self._seen.loop_failed("outbox", error)
        return found

    def _records(self, out: Outgoing) -> list[OutboundRecord]:
        """What it sends: the command first, so that no change of a life holds up one."""
        records = []
        if out.command is not None:
            with self._seen.sending(out.pointer, out.command) as traceparent:
                records.append(self._command(out.pointer, out.command, traceparent))
        if out.life is not None:
            records.append(self._life(out.pointer, out.life))
        return records

    def _life(self, pointer: Pointer, life: LifeToSend) -> OutboundRecord:
        said = {name: getattr(life, name) for name in LifecycleMessage.model_fields if name != "saga_id"}
        message = LifecycleMessage(saga_id=pointer.saga_id, **said)
        return self._encode(message.to_envelope(self._settings.source, life.traceparent, life.tracestate), self._settings.lifecycle)

    def _command(self, pointer: Pointer, command: CommandToSend, traceparent: str) -> OutboundRecord:
        message = CommandMessage(
            command_id=command.command_id,
            type=command.type,
            undoes=command.undoes,
            attempt=command.attempt,
            saga_id=str(pointer.saga_id),
            epoch=self._settings.epoch,
            tenant=command.tenant,
            definition=command.definition,
            step=command.step,
            answer_within_ms=command.answer_within_ms,
            time=command.issued_at,
            body=command.body,
            key=key_bytes(command.partition_key),
            traceparent=traceparent,
            tracestate=command.tracestate,
            source=self._settings.source,
        )
        return self._encode(message.to_envelope(), f"{command.participant}.commands")


def _wanted(out: Outgoing) -> bool:
    return out.command is not None or out.life is not None


def _found(pointer: Pointer, bodies: Sequence[bytes], telling: Telling) -> Outgoing:
    """What the event of a pointer sends, read off its stream. What is told of it is what its decision knew: one moment, one decision."""
    events = [decode(body) for body in bodies]
    if len(events) < pointer.version:
        return Outgoing(pointer, None)
    event, history = events[pointer.version - 1], events[: pointer.version]
    until = next((index for index in range(pointer.version, len(events)) if events[index].at != event.at), len(events))
    then = fold(history)
    decided = fold(events[pointer.version : until], then)
    life = life_of(then, event, history, waits_for(decided)) if telling.tells(then, event) else None
    return Outgoing(pointer, command_of(fold(events[until:], decided), event), life)
