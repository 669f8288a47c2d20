"""A participant in memory that keeps the table of wire.md section 4, but for one fault that is planted."""

from dataclasses import replace
from datetime import UTC, datetime

from saga.errors import ContractError
from saga.messages import Outcome
from saga.ports.messaging import InboundRecord, OutboundRecord
from saga.sdk.answer import Answer, Trace, failed, nothing_to_undo, record_of, refused, undone
from saga.sdk.handler import Fault, Refusal
from saga.sdk.incoming import Incoming, Kind, Unusable, read_incoming
from saga.testing.bus import MemoryBus

NOW = datetime(2025, 3, 1, tzinfo=UTC)
DO, UNDO = "com.example.desk.Book.v1", "com.example.desk.Unbook.v1"


class TableParticipant:
    """Answers what is sent to desk.commands."""

    def __init__(self, bus: MemoryBus, fault: str = "") -> None:
        self._bus = bus
        self._fault = fault
        self._states: dict[str, str] = {}
        self._answers: dict[str, Answer] = {}
        self._epochs: dict[str, int] = {}
        self._ids = 0

    async def run(self) -> None:
        """Until it is cancelled."""
        consumer = self._bus.consumer("desk", ["desk.commands"])
        await consumer.start()
        while True:
            for record in await consumer.poll(100, 1.0):
                try:
                    self._handle(record)
                except Unusable:
                    if self._fault == "stops-at-unusable":
                        return

    def _handle(self, record: InboundRecord) -> None:
        command = read_incoming(record)
        answer = self._answer(command)
        if self._fault == "new-id-each-time":
            self._ids += 1
            answer = replace(answer, id=f"{answer.id} {self._ids}")
        if self._fault == "echoes-another-attempt":
            command = replace(command, attempt="1")
        sent = record_of(answer, command, "/desk", "desk.events", Trace())
        self._bus.store(replace(sent, key=b"another") if self._fault == "another-key" else sent)

    def _answer(self, command: Incoming) -> Answer:
        if command.wire not in ("", "1") and self._fault != "takes-any-wire":
            return failed(Fault("unknown-wire"), NOW)
        newest = self._epochs.get(command.source, 0)
        if self._fault != "takes-any-epoch" and not newest <= command.epoch <= newest + 1000:
            raise Unusable("stale-epoch", "of another epoch")
        self._epochs[command.source] = command.epoch
        if command.id not in self._answers:
            answer = self._decide(command, self._states.get(command.do_id, "unknown"))
            if answer.outcome is Outcome.FAILED and self._fault != "remembers-failed":
                return answer
            self._answers[command.id] = answer
        return self._answers[command.id]

    def _decide(self, command: Incoming, state: str) -> Answer:
        if command.kind is Kind.DO:
            return self._do(command, state)
        if state == "unknown" and self._fault != "no-tombstone":
            self._states[command.do_id] = "tombstone"
        if state != "succeeded":
            return undone(NOW) if state == "undone" else nothing_to_undo(NOW)
        if command.kind is Kind.FENCE and self._fault != "fence-undoes":
            return refused(Refusal("done"), NOW)
        if command.kind is Kind.UNDO and command.type != UNDO:
            return failed(Fault("unknown-type"), NOW)
        self._states[command.do_id] = "undone"
        if self._fault != "forgets-that-it-undid":
            self._answers[command.do_id] = refused(Refusal("undone"), NOW)
        return undone(NOW)

    def _do(self, command: Incoming, state: str) -> Answer:
        if state == "tombstone":
            return refused(Refusal("undone-before-done"), NOW)
        if command.type != DO:
            return refused(Refusal("no"), NOW) if self._fault == "refuses-unknown-types" else failed(Fault("unknown-type"), NOW)
        try:
            command.body()
        except ContractError:
            return failed(Fault("malformed"), NOW)
        self._states[command.id] = "succeeded"
        return replace(undone(NOW), type="com.example.desk.Booked.v1")


def written(value: bytes) -> OutboundRecord:
    """A record on the events topic that nobody asked for."""
    return OutboundRecord("desk.events", b"k", value, (("ce_specversion", b"0.1"),))
