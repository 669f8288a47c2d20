"""Who answers the good orders, honestly, and keeps books of what was asked, done and undone. No word of it is the coordinator's."""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

import orjson

from tests.hostile.bodies import Bad, heading
from tests.hostile.forging import Told

TYPES: Mapping[str, tuple[str, dict[str, object]]] = {
    "AcceptOrder": ("com.example.order.OrderAccepted.v1", {"order_id": "1"}),
    "AuthorizePayment": ("com.example.payment.PaymentAuthorized.v1", {"payment_id": "pay-1"}),
    "ReserveStock": ("com.example.inventory.StockReserved.v1", {"reservation_id": "res-1"}),
    "CapturePayment": (
        "com.example.payment.PaymentCaptured.v1",
        {"payment_id": "pay-1", "order_id": "1", "amount": {"minor": 4999, "currency": "EUR"}},
    ),
    "ConfirmOrder": ("com.example.order.OrderConfirmed.v1", {"order_id": "1"}),
}
DECLINED = ("com.example.payment.PaymentDeclined.v1", {"reason": "insufficient-funds"})
BUSY = "busy"


@dataclass
class Participants:
    """`declines` are the orders that payment declines; a tenth of first attempts fails for the time being."""

    chance: Random
    declines: set[str] = field(default_factory=set)
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    done: dict[str, Counter[str]] = field(default_factory=dict)
    given: dict[str, Bad] = field(default_factory=dict)
    recent: deque[Told] = field(default_factory=lambda: deque(maxlen=2_000))

    def answer(self, topic: str, key: bytes, value: bytes, headers: Mapping[str, str]) -> Bad:
        """Do it once, and say so; say it again to a repetition."""
        command_id, undoes = headers["ce_idempotencykey"], headers.get("ce_undoes", "")
        name, order = headers["ce_type"].split(".")[-2], key.decode()
        self.asked[order, command_id] += 1
        participant = topic.partition(".")[0]
        told = self.given.get(command_id) or self._first(participant, headers, key)
        if told.kind != "failed":
            self.given[command_id] = told
            said = headers["ce_sagaid"], headers.get("ce_tenant", "default"), headers["ce_attempt"]
            self.recent.append(Told(name, command_id, undoes, *said, participant, key, told))
        return told

    def _first(self, participant: str, headers: Mapping[str, str], key: bytes) -> Bad:
        command_id, undoes = headers["ce_idempotencykey"], headers.get("ce_undoes", "")
        name, order = headers["ce_type"].split(".")[-2], key.decode()
        if not undoes and headers["ce_attempt"] == "1" and self.chance.random() < 0.1:
            kind, outcome, body = "saga.failed.v1", "failed", {"code": BUSY}
        elif undoes:
            outcome = "succeeded" if undoes in self.given and self._undo(order, undoes) else "nothing-to-undo"
            kind, body = ("saga.undone.v1" if outcome == "succeeded" else "saga.nothing-to-undo.v1"), {}
        elif name == "AuthorizePayment" and order in self.declines:
            (kind, body), outcome = DECLINED, "refused"
        else:
            (kind, body), outcome = TYPES[name], "succeeded"
            self.done.setdefault(order, Counter())[name] += 1
        said = heading(f"r-{command_id}-{headers['ce_attempt'] if outcome == 'failed' else ''}", kind, f"/{participant}")
        echoed = ("ce_attempt", "ce_epoch", "ce_sagaid", "ce_tenant")
        said += [("ce_causationid", command_id.encode()), ("ce_outcome", outcome.encode())]
        said += [(one, headers[one].encode()) for one in echoed if one in headers]
        return Bad("failed" if outcome == "failed" else "honest", f"{participant}.events", key, orjson.dumps(body), said, "event")

    def _undo(self, order: str, undoes: str) -> bool:
        happened = dict(self.given[undoes].headers).get("ce_outcome") == b"succeeded"
        if happened:
            self.done[order]["undone"] += 1
        return happened
