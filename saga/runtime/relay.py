"""The relay: commands from memory right after the commit, and from pointers whose claim has passed (design section 8).

    put ──> memory ──send──> acknowledged? ── yes ──> remembered until a commit that deleted the pointer
                                            └─ no ───> forgotten: the pointer is still there
    sweep ─> claim pointers (a short transaction) ─> fold the stream ─> still wanted? send : delete

If the process dies: before the send, the pointer is claimed by anybody once `claim_until` has passed; after the send, before the
delete, the command is sent once more, which every participant knows how to take.

Why memory older than its claim is dropped and not sent: a replica that was stopped for a minute must not send what others have taken
over long ago; how late a zombie sends bounds how long participants must keep tombstones.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from uuid import UUID, uuid4

from saga.core.effects import CommandToSend, command_of
from saga.core.evolve import fold
from saga.core.identity import key_bytes
from saga.core.upcast import decode
from saga.messages import Envelope
from saga.ports.messaging import OutboundRecord, Producer
from saga.ports.streams import Pointer, Store
from saga.runtime.plan import Outgoing
from saga.runtime.seen import Seen
from saga.wire import CommandMessage

Encode = Callable[[Envelope, str], OutboundRecord]

SWEEP_LIMIT = 500
MARGIN = 0.8
IDLE = 1.0


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """`claim_for` and `claim_backoff` are seconds; `source` and `epoch` go onto every command."""

    source: str
    epoch: int
    claim_for: float
    claim_backoff: float


class Relay:
    """Sends this replica's commands, and those that others left behind."""

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
        """Pointers that the next batch may delete. They stay remembered until `deleted` says that a commit is known."""
        return sorted(self._acknowledged)

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
        idle = self.acknowledged()
        if idle:
            await self._store.delete_pointers(idle)
            self.deleted(idle)
        pointers = await self._store.claim_pointers(self.owner, SWEEP_LIMIT, self._settings.claim_backoff)
        found = await self._commands(pointers)
        unwanted = [pointer for pointer, command in found if command is None]
        if unwanted:
            await self._store.delete_pointers(unwanted)
        await self._send([Outgoing(pointer, command) for pointer, command in found if command is not None])
        self._seen.swept(len(pointers), len(unwanted))
        return len(pointers)

    async def drain(self, seconds: float) -> None:
        """Send what is in memory and delete the pointers, for at most so long; the rest is claimed by others."""
        try:
            async with asyncio.timeout(seconds):
                while self._unsent:
                    await self._send(self._take())
                await self._store.delete_pointers(self.acknowledged())
        except TimeoutError:
            self._seen.drain_cut(len(self._unsent))

    def _take(self) -> list[Outgoing]:
        now = monotonic()
        taken = [out for until, out in self._unsent if until > now]
        self._seen.expired(len(self._unsent) - len(taken))
        self._unsent.clear()
        return taken

    async def _send(self, outgoing: Sequence[Outgoing]) -> None:
        if not outgoing:
            return
        records = []
        for out in outgoing:
            with self._seen.sending(out) as traceparent:
                records.append(self._record(out, traceparent))
        acknowledged = await self._producer.send(records)
        self._acknowledged.update(out.pointer for out, done in zip(outgoing, acknowledged, strict=True) if done)
        self._seen.sent(outgoing, acknowledged)

    async def _commands(self, pointers: Sequence[Pointer]) -> list[tuple[Pointer, CommandToSend | None]]:
        """The commands of pointers, None where it is not wanted any more.

        A stream that this release cannot read is left out: its pointer stays, for a release that can, and holds up nobody else (S18).
        """
        found = []
        for pointer in pointers:
            bodies = await self._store.load(pointer.saga_id)
            try:
                found.append((pointer, _command(pointer, bodies)))
            except Exception as error:
                self._seen.loop_failed("outbox", error)
        return found

    def _record(self, out: Outgoing, traceparent: str) -> OutboundRecord:
        command = out.command
        message = CommandMessage(
            command_id=command.command_id,
            type=command.type,
            undoes=command.undoes,
            attempt=command.attempt,
            saga_id=str(out.pointer.saga_id),
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


def _command(pointer: Pointer, bodies: Sequence[bytes]) -> CommandToSend | None:
    events = [decode(body) for body in bodies]
    if len(events) < pointer.version:
        return None
    return command_of(fold(events), events[pointer.version - 1])
