"""The four services of the shop, by the table of wire.md section 4, with books that never fail and manners that do.

`ledger` is what really happened, in its order, by business key: nothing in it is taken from the coordinator's ids. The checks read it.
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from saga.errors import Unavailable
from saga.messages import Outcome
from saga.ports.messaging import InboundRecord, OutboundRecord, TopicPartition
from saga.testing.bus import MemoryBus, MemoryConsumer
from tests.simulate.nemesis import CRASHING, Nemesis
from tests.simulate.shapes import ANSWERS
from tests.unit.core_model import SUCCEEDED, UNKNOWN, WORKING, Asked, Book, finish, handle

NAMES = ("order", "payment", "inventory", "shipping")
ECHOED = ("ce_attempt", "ce_epoch", "ce_sagaid", "ce_tenant")
GENERAL = {
    Outcome.SUCCEEDED: (b"saga.undone.v1", b"{}"),
    Outcome.REFUSED: (b"saga.refused.v1", b'{"code":"no"}'),
    Outcome.FAILED: (b"saga.failed.v1", b'{"code":"busy"}'),
    Outcome.NOTHING_TO_UNDO: (b"saga.nothing-to-undo.v1", b"{}"),
    Outcome.IN_PROGRESS: (b"saga.in-progress.v1", b"{}"),
}
COMMON = (("ce_specversion", b"1.0"), ("content-type", b"application/json"))
SKEWS = ("2029-12-31T23:00:00Z", "2030-01-01T00:00:00Z", "2030-01-01T01:00:00Z", "1970-01-01T00:00:00Z")
Later = Callable[[float, Callable[[], None]], object]


class Of(NamedTuple):
    """A saga as the business knows it."""

    tenant: str
    definition: str
    key: str


class Effect(NamedTuple):
    """Something that happened: a step was done, or undone."""

    step: str
    kind: str


class Sent(NamedTuple):
    """What the first record of a command said; every other must say the same."""

    body: bytes
    type: str
    undoes: str
    of: Of


class Participants:
    """All services. `books` is what they remember, by the id of the do; `ledger` what they did, by saga."""

    def __init__(self, bus: MemoryBus, nemesis: Nemesis, later: Later) -> None:
        self.books: dict[str, Book] = {}
        self.ledger: dict[Of, list[Effect]] = {}
        self.sent: dict[str, Sent] = {}
        self.wrong: list[str] = []
        self.answers = 0
        self._bus = bus
        self._nemesis = nemesis
        self._later = later

    async def serve(self, name: str) -> None:
        """One service: read, handle, answer, commit; for ever."""
        consumer = self._bus.consumer(name, [f"{name}.commands"])
        while True:
            try:
                await consumer.start()
                while True:
                    await self._turn(consumer)
            except Unavailable:
                await consumer.stop()
                await asyncio.sleep(1.0)

    async def _turn(self, consumer: MemoryConsumer) -> None:
        records = await consumer.poll(1000, 60.0)
        for number, record in enumerate(records):
            self._take(record)
            if self._nemesis.strikes(CRASHING):  # before its offsets: it reads again what it has handled, and the rest
                consumer.seek(_firsts(records[max(0, number - 3) :]))
                await asyncio.sleep(self._nemesis.chance.uniform(0, 20))
                return
        if records:
            await consumer.commit({TopicPartition(record.topic, record.partition): record.offset + 1 for record in records})

    def _take(self, record: InboundRecord) -> None:
        for _ in range(2 if self._nemesis.strikes("command twice") else 1):
            if self._nemesis.strikes("reply slow"):
                self._later(
                    self._nemesis.chance.choice((1, 15, 40, 120, 400)) * self._nemesis.chance.random(), lambda: self._handle(record)
                )
            else:
                self._handle(record)

    def _handle(self, record: InboundRecord) -> None:
        headers = {name: (value or b"").decode() for name, value in record.headers}
        undoes = headers.get("ce_undoes", "")
        asked = Asked(headers["ce_id"], undoes, headers["ce_type"] == "saga.fence.v1", int(headers["ce_attempt"]))
        of = Of(headers["ce_tenant"], headers["ce_definition"], (record.key or b"").decode())
        self._compare(asked, Sent(record.value or b"", headers["ce_type"], undoes, of))
        do = undoes or asked.command_id
        book = self.books.get(do) or Book()
        after, outcome = handle(book, asked, self._choice(book, asked))
        self._write(do, book, after, of, headers["ce_step"])
        if after.status == WORKING and book.status == UNKNOWN:
            self._later(self._nemesis.chance.uniform(1, 120), lambda: self._end_work(do, record, headers))
        self._answer(record, headers, outcome)

    def _compare(self, asked: Asked, sent: Sent) -> None:
        first = self.sent.setdefault(asked.command_id, sent)
        if first != sent:
            self.wrong.append(f"command {asked.command_id} was sent as {first} and as {sent}")

    def _write(self, do: str, before: Book, after: Book, of: Of, step: str) -> None:
        self.books[do] = after
        if after.done != before.done:
            self.ledger.setdefault(of, []).append(Effect(step, "do"))
        if after.undone != before.undone:
            self.ledger.setdefault(of, []).append(Effect(step, "undo"))

    def _choice(self, book: Book, asked: Asked) -> str:
        if asked.undoes:
            free = book.status == SUCCEEDED and not asked.fence and asked.command_id not in dict(book.undos)
            return "refuse" if free and self._nemesis.strikes("undo refused") else "undo"
        if book.status == UNKNOWN:
            for kind, choice in (("refused", "refuse"), ("failed", "fail"), ("long work", "work")):
                if self._nemesis.strikes(kind):
                    return choice
        return "succeed"

    def _end_work(self, do: str, record: InboundRecord, headers: dict[str, str]) -> None:
        book = self.books[do]
        if book.status == WORKING:
            after, outcome = finish(book, succeed=self._nemesis.chance.random() < 0.8)
            self._write(do, book, after, self.sent[do].of, headers["ce_step"])
            self._answer(record, headers, outcome)

    def _answer(self, record: InboundRecord, headers: dict[str, str], outcome: Outcome) -> None:
        if self._nemesis.strikes("reply lost"):
            return
        self.answers += 1
        kind, body = GENERAL[outcome]
        if outcome is Outcome.SUCCEEDED and "ce_undoes" not in headers:
            word, body = ANSWERS[headers["ce_definition"], headers["ce_step"]]
            kind = word.encode()
        name = record.topic.partition(".")[0]
        said = [
            *COMMON,
            ("ce_id", b"reply-%d" % self.answers),
            ("ce_type", kind),
            ("ce_source", f"/{name}".encode()),
            ("ce_causationid", headers["ce_id"].encode()),
            ("ce_outcome", outcome.value.encode()),
            *((echoed, headers[echoed].encode()) for echoed in ECHOED),
        ]
        if self._nemesis.strikes("clocks apart"):
            said.append(("ce_time", self._nemesis.chance.choice(SKEWS).encode()))
        reply = OutboundRecord(f"{name}.events", record.key or b"", body, tuple(said))
        for _ in range(2 if self._nemesis.strikes("reply twice") else 1):
            self._bus.send(reply)


def _firsts(records: list[InboundRecord]) -> dict[TopicPartition, int]:
    found: dict[TopicPartition, int] = {}
    for record in records:
        place = TopicPartition(record.topic, record.partition)
        found[place] = min(found.get(place, record.offset), record.offset)
    return found
