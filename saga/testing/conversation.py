"""A conversation with a participant over the log: commands are sent as records, answers are awaited and read.

The participant is a stranger: it may answer late, twice or never. Everything is awaited within `patience` seconds, and that nothing is
answered is only said after a later command on the same key has been (`check`).
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import uuid4

from saga.body import Json, parse_body
from saga.errors import ContractError
from saga.messages import FENCE_TYPE, Envelope, Outcome
from saga.ports.messaging import Consumer, InboundRecord, OutboundRecord, Producer
from saga.transport.codec import decode

Given = tuple[tuple[str, bytes], ...]
_PROGRESS = Outcome.IN_PROGRESS.value


class Broken(Exception):
    """The participant broke a rule; the text says how."""


@dataclass(frozen=True, slots=True)
class Words:
    """A type and a body. `$ID` in the body becomes new text for each do, for services whose dos must differ."""

    type: str
    body: str

    def filled(self) -> bytes:
        """The body as bytes."""
        return self.body.replace("$ID", uuid4().hex[:12]).encode()


@dataclass(frozen=True, slots=True)
class Asked:
    """A command to be sent. `headers` are put over the usual ones by their full names, empty ones leave out; `more` come after them."""

    type: str
    value: bytes
    id: str = field(default_factory=lambda: str(uuid4()))
    undoes: str = ""
    attempt: int = 1
    key: bytes = field(default_factory=lambda: uuid4().hex[:8].encode())
    headers: Mapping[str, str] = field(default_factory=dict)
    more: Given = ()


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer as the coordinator would read it, in binary or structured mode."""

    envelope: Envelope
    content_type: str

    def __getitem__(self, name: str) -> str:
        """The attribute by its bare name; an empty string without it."""
        named = {"id": self.envelope.id, "source": self.envelope.source, "type": self.envelope.type, "time": self.envelope.time}
        return named.get(name) or self.envelope.text(name)

    @property
    def outcome(self) -> str:
        """`ce_outcome`."""
        return self["outcome"]

    @property
    def body(self) -> Json:
        """The body. Raises Broken if it is none."""
        try:
            return parse_body(self.envelope.body)
        except ContractError as error:
            raise Broken(f"the body of an answer is unreadable: {error.detail}") from None

    @property
    def code(self) -> str:
        """The code of a refusal or a fault."""
        return str(self.body.get("code", ""))


class Conversation:
    """Asks one participant. `source` is a coordinator that nobody else is, so that no epoch of others is disturbed."""

    def __init__(self, participant: str, producer: Producer, consumer: Consumer, patience: float) -> None:
        self.participant = participant
        self.source = f"/conformance/{uuid4().hex}"
        self.patience = patience
        self.silent: dict[str, str] = {}
        self.unreadable: list[str] = []
        self._producer = producer
        self._consumer = consumer
        self._heard: dict[str, list[Heard]] = defaultdict(list)

    async def ask(self, asked: Asked) -> Heard:
        """Send a command and wait for a further answer to it that is final. Raises Broken."""
        return (await self.ask_all([asked]))[0]

    async def ask_all(self, asked: Sequence[Asked]) -> list[Heard]:
        """Send commands at once; a further final answer for each, in their order. Raises Broken."""
        before = {one.id: len(self.final(one.id)) for one in asked}
        wanted = {one.id: before[one.id] + sum(other.id == one.id for other in asked) for one in asked}
        await self.send(*asked)
        await self._listen(wanted)
        return [self.final(one.id)[before[one.id] + [other.id for other in asked[:at]].count(one.id)] for at, one in enumerate(asked)]

    async def send(self, *asked: Asked) -> None:
        """Send commands and wait for nothing. Raises Broken if Kafka does not take them."""
        if not all(await self._producer.send([self._record(one) for one in asked])):
            raise Broken("Kafka did not take the commands")

    async def expect_silence(self, why: str, asked: Asked, next_one: Asked) -> Heard:
        """Send one that must not be answered and one that must; the answer to the second. Raises Broken."""
        self.silent[asked.id] = why
        await self.send(asked)
        return await self.ask(replace(next_one, key=asked.key))

    def final(self, command_id: str) -> list[Heard]:
        """The answers to a command so far, without those that only say that it is at work."""
        return [heard for heard in self._heard[command_id] if heard.outcome != _PROGRESS]

    def check(self) -> None:
        """Raise Broken if something was answered that cannot be, or so that nobody can read it; both are forgotten then."""
        spoken = [why for command_id, why in self.silent.items() if self._heard.get(command_id)]
        unreadable = self.unreadable.copy()
        self.silent.clear()
        self.unreadable.clear()
        if spoken:
            raise Broken(f"answered: {'; '.join(spoken)}")
        if unreadable:
            raise Broken(f"wrote what nobody can read: {'; '.join(unreadable[:3])}")

    async def _listen(self, wanted: Mapping[str, int]) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + self.patience
        while any(len(self.final(command_id)) < count for command_id, count in wanted.items()):
            if loop.time() > until:
                raise Broken(f"no answer within {self.patience:g} s")
            for record in await self._consumer.poll(500, min(0.2, self.patience)):
                self._hear(record)

    def _hear(self, record: InboundRecord) -> None:
        try:
            content_type = dict(record.headers).get("content-type") or b""
            heard = Heard(decode(record), content_type.decode("utf-8", "replace"))
        except ContractError as error:
            self.unreadable.append(f"{error.code}: {error.detail}")
        else:
            self._heard[heard["causationid"]].append(heard)

    def _record(self, asked: Asked) -> OutboundRecord:
        headers = {
            "ce_specversion": "1.0",
            "ce_id": asked.id,
            "ce_idempotencykey": asked.id,
            "ce_source": self.source,
            "ce_type": asked.type,
            "ce_undoes": asked.undoes,
            "ce_attempt": str(asked.attempt),
            "ce_sagaid": f"saga of {asked.id}",
            "ce_epoch": "1",
            "ce_tenant": "default",
            "ce_definition": "conformance",
            "ce_step": "step",
            "ce_answerwithinms": "30000",
            "ce_time": "2025-03-01T09:30:00.123Z",
            "content-type": "application/json",
            **asked.headers,
        }
        given = tuple((name, value.encode()) for name, value in headers.items() if value)
        return OutboundRecord(f"{self.participant}.commands", asked.key, asked.value, given + asked.more)


def fence(do_id: str) -> Asked:
    """A fence for a do."""
    return Asked(FENCE_TYPE, b"{}", undoes=do_id)
