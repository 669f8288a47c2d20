"""The whole coordinator on memory: replicas on one MemoryStore, a log of records, and participants by the table of wire.md section 4.

Nothing runs by itself: a test moves records, ticks and sends by hand, so it can put a fault between any two of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import orjson

from saga.bootstrap import Coordinator, build
from saga.config import Settings
from saga.core.events import Event
from saga.core.evolve import fold
from saga.core.state import State
from saga.core.upcast import decode as decode_event
from saga.definition.graph import Definition
from saga.definition.registry import Registry
from saga.messages import Outcome
from saga.observability.telemetry import Telemetry
from saga.ports.messaging import InboundRecord, OutboundRecord
from saga.testing.bus import MemoryBus
from saga.testing.bus_reader import MemoryReader
from saga.testing.store import MemoryStore
from saga.transport.codec import decode
from tests.unit.core_model import Asked, Book, handle
from tests.unit.shop import FULFIL_ORDER

EXAMPLES = {
    "OrderAccepted": {"order_id": "1"},
    "OrderConfirmed": {"order_id": "1"},
    "PaymentAuthorized": {"payment_id": "pay_1"},
    "PaymentCaptured": {"payment_id": "pay_1"},
    "StockReserved": {"reservation_id": "res_1"},
    "ShipmentArranged": {"tracking": "1Z"},
}
GENERAL = {
    Outcome.REFUSED: ("saga.refused.v1", {"code": "no"}),
    Outcome.FAILED: ("saga.failed.v1", {"code": "busy"}),
    Outcome.NOTHING_TO_UNDO: ("saga.nothing-to-undo.v1", {}),
    Outcome.IN_PROGRESS: ("saga.in-progress.v1", {}),
}


class Wire:
    """A producer that keeps what it is given, commands in `records`. `acknowledges` False: the broker took it and the acknowledgement
    was lost; `away`: nothing reaches the broker."""

    def __init__(self) -> None:
        self.records: list[OutboundRecord] = []
        self.lifecycle: list[OutboundRecord] = []
        self.acknowledges = True
        self.away = False

    async def start(self) -> None: ...

    async def send(self, records: Sequence[OutboundRecord]) -> list[bool]:
        if self.away:
            return [False] * len(records)
        self.records.extend(record for record in records if record.topic.endswith(".commands"))
        self.lifecycle.extend(record for record in records if record.topic == "saga.lifecycle")
        return [self.acknowledges] * len(records)

    async def stop(self) -> None: ...


@dataclass
class World:
    """One database, one log, any number of replicas."""

    store: MemoryStore = field(default_factory=MemoryStore)
    wire: Wire = field(default_factory=Wire)
    bus: MemoryBus = field(default_factory=MemoryBus)  # only to be followed: what is told does not go there by itself
    definitions: Sequence[Definition] = field(default_factory=lambda: (FULFIL_ORDER.compile(),))
    books: dict[str, Book] = field(default_factory=dict)
    choose: dict[str, str] = field(default_factory=dict)
    log: list[InboundRecord] = field(default_factory=list)
    telemetry: Telemetry = field(default_factory=Telemetry.silent)
    _taken: int = 0

    def replica(self, definitions: Sequence[Definition] | None = None) -> Coordinator:
        """One more coordinator on the same database."""
        registry = Registry(self.definitions if definitions is None else definitions)
        return build(Settings(), self.store, self.wire, registry, self.telemetry, lambda: MemoryReader(self.bus, "saga.lifecycle"))

    def place(self, order_id: str = "1", body: bytes | None = None, **headers: str) -> InboundRecord:
        """An OrderPlaced as the order service writes it."""
        attributes = {"ce_id": f"placed-{order_id}", "ce_type": "com.example.order.OrderPlaced.v1", "ce_source": "/order", **headers}
        return self._record("order.events", order_id.encode(), body or orjson.dumps({"order_id": order_id, "lines": 2}), attributes)

    def answers(self, commands: Sequence[OutboundRecord] | None = None) -> list[InboundRecord]:
        """Participants handle what was sent since the last time (or the given commands); their replies."""
        if commands is None:
            commands, self._taken = self.wire.records[self._taken :], len(self.wire.records)
        return [self._answer(command) for command in commands]

    def _answer(self, command: OutboundRecord) -> InboundRecord:
        headers = {name: value.decode() for name, value in command.headers}
        asked = Asked(headers["ce_id"], headers.get("ce_undoes", ""), headers["ce_type"] == "saga.fence.v1", int(headers["ce_attempt"]))
        do = asked.undoes or asked.command_id
        choice = (
            self.choose.get(headers["ce_step"], "succeed") if not asked.undoes else self.choose.get(f"undo {headers['ce_step']}", "undo")
        )
        self.books[do], outcome = handle(self.books.get(do, Book()), asked, choice)
        kind, body = GENERAL.get(outcome, ("saga.undone.v1", {}))
        if outcome is Outcome.SUCCEEDED and not asked.undoes:
            reply = FULFIL_ORDER.compile().steps[headers["ce_step"]].command.success_types()[0]
            kind, body = reply.message_type, EXAMPLES[reply.__name__]
        echoed = {name: headers[name] for name in ("ce_attempt", "ce_epoch", "ce_sagaid", "ce_tenant", "traceparent") if name in headers}
        attributes = {"ce_id": f"reply-{len(self.log)}", "ce_type": kind, "ce_source": f"/{command.topic.partition('.')[0]}"}
        said = {"ce_causationid": headers["ce_id"], "ce_outcome": outcome.value}
        topic = f"{command.topic.partition('.')[0]}.events"
        return self._record(topic, command.key, orjson.dumps(body), {**attributes, **said, **echoed})

    def record(self, topic: str, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes | None]]) -> InboundRecord:
        """Any record at all."""
        record = InboundRecord(topic, 0, len(self.log), key, value, tuple(headers), 1_700_000_000_000)
        self.log.append(record)
        return record

    def _record(self, topic: str, key: bytes, value: bytes, attributes: dict[str, str]) -> InboundRecord:
        headers = [("ce_specversion", b"1.0"), ("content-type", b"application/json")]
        return self.record(topic, key, value, [*headers, *((name, text.encode()) for name, text in attributes.items())])

    async def run(self, replica: Coordinator, rounds: int = 12) -> None:
        """Send, answer and take in until nothing moves."""
        for _ in range(rounds):
            await replica.relay.drain(5)
            replies = self.answers()
            if not replies:
                return
            await replica.intake.records(replies)

    async def tick(self, replica: Coordinator, seconds: float = 0) -> int:
        """Let time pass, then fire what is due."""
        self.store.now += timedelta(seconds=seconds)
        return await replica.deadlines.round()

    async def only_saga(self) -> UUID:
        """The one saga that there is."""
        (stream,) = await self.store.streams_after(None, 10)
        return stream[0]

    async def events(self, saga_id: UUID | None = None) -> list[Event]:
        """The events of a saga, of the only one if none is named."""
        return [decode_event(body) for body in await self.store.load(saga_id or await self.only_saga())]

    async def names(self, saga_id: UUID | None = None) -> list[str]:
        """Their names."""
        return [type(event).__name__ for event in await self.events(saga_id)]

    async def state(self, saga_id: UUID | None = None) -> State:
        """The fold."""
        return fold(await self.events(saga_id))

    def sent(self, step: str = "") -> list[str]:
        """Types of the commands on the wire, of one step if named; the last word of each type."""
        envelopes = [decode(InboundRecord(r.topic, 0, 0, r.key, r.value, r.headers)) for r in self.wire.records]
        return [e.type.split(".")[-2] for e in envelopes if step in ("", e.text("step"))]

    def effects(self) -> tuple[int, int]:
        """How many dos and undos really happened."""
        return sum(book.done for book in self.books.values()), sum(book.undone for book in self.books.values())
