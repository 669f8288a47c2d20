"""The four services of the shop, by the table of wire.md section 4, with a memory that never fails and manners that do."""

import asyncio
from collections.abc import Callable

import orjson

from saga.errors import Unavailable
from saga.messages import Outcome
from saga.ports.messaging import InboundRecord, OutboundRecord, TopicPartition
from saga.testing.bus import MemoryBus, MemoryConsumer
from tests.flow.world import EXAMPLES, GENERAL
from tests.simulate.nemesis import Nemesis
from tests.unit.core_model import SUCCEEDED, UNKNOWN, WORKING, Asked, Book, finish, handle
from tests.unit.shop import FULFIL_ORDER

NAMES = ("order", "payment", "inventory", "shipping")
REPLIES = {name: node.command.success_types()[0] for name, node in FULFIL_ORDER.compile().steps.items()}
ATTRIBUTES = ("ce_attempt", "ce_epoch", "ce_sagaid", "ce_tenant")
Later = Callable[[float, Callable[[], None]], object]


class Participants:
    """All services. `books` is what they remember, by the id of the do; the checks read it."""

    def __init__(self, bus: MemoryBus, nemesis: Nemesis, later: Later) -> None:
        self.books: dict[str, Book] = {}
        self.bodies: dict[str, set[bytes]] = {}
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
        records = await consumer.poll(50, 30.0)
        for record in records:
            self._take(record)
        if records:
            await consumer.commit({TopicPartition(record.topic, record.partition): record.offset + 1 for record in records})

    def _take(self, record: InboundRecord) -> None:
        for _ in range(2 if self._nemesis.strikes("command twice") else 1):
            if self._nemesis.strikes("reply slow"):
                self._later(self._nemesis.chance.choice((1, 15, 40, 120, 400)) * self._nemesis.chance.random(), lambda: self._handle(record))
            else:
                self._handle(record)

    def _handle(self, record: InboundRecord) -> None:
        headers = {name: (value or b"").decode() for name, value in record.headers}
        asked = Asked(headers["ce_id"], headers.get("ce_undoes", ""), headers["ce_type"] == "saga.fence.v1", int(headers["ce_attempt"]))
        self.bodies.setdefault(asked.command_id, set()).add(record.value or b"")
        do = asked.undoes or asked.command_id
        book = self.books.get(do, Book())
        self.books[do], outcome = handle(book, asked, self._choice(book, asked))
        if self.books[do].status == WORKING and book.status == UNKNOWN:
            self._later(self._nemesis.chance.uniform(1, 120), lambda: self._end_work(do, record, headers))
        self._answer(record, headers, outcome)

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
        if self.books[do].status == WORKING:
            self.books[do], outcome = finish(self.books[do], succeed=self._nemesis.chance.random() < 0.8)
            self._answer(record, headers, outcome)

    def _answer(self, record: InboundRecord, headers: dict[str, str], outcome: Outcome) -> None:
        if self._nemesis.strikes("reply lost"):
            return
        self.answers += 1
        kind, body = GENERAL.get(outcome, ("saga.undone.v1", {}))
        if outcome is Outcome.SUCCEEDED and "ce_undoes" not in headers:
            reply = REPLIES[headers["ce_step"]]
            kind, body = reply.message_type, EXAMPLES[reply.__name__]
        name = record.topic.partition(".")[0]
        said = {
            "ce_specversion": "1.0",
            "content-type": "application/json",
            "ce_id": f"reply-{self.answers}",
            "ce_type": kind,
            "ce_source": f"/{name}",
            "ce_causationid": headers["ce_id"],
            "ce_outcome": outcome.value,
            **{attribute: headers[attribute] for attribute in ATTRIBUTES if attribute in headers},
        }
        sent = tuple((header, value.encode()) for header, value in said.items())
        self._bus.send(OutboundRecord(f"{name}.events", record.key or b"", orjson.dumps(body), sent))
