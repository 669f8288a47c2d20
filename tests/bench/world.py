"""The sparring partner: customers who place orders, and participants that answer at once, in one process and as cheaply as Python can.

    python -m tests.bench.world '{"bootstrap": "127.0.0.1:9092", "in_flight": 2000, "rate": 0, "warm": 0, "orders": 100000,
        "failing": false, "hold": false}'

Closed loop (`in_flight`): a new order for each that has ended. Open loop (`rate`): orders come evenly, whoever is slow, once the first
`warm` of them have ended, which are a closed loop. `hold`: nobody answers before every order has been asked for. What it says on stdout
is a JSON line twice a second; at the end, and when its stdin closes, one with `over`. An order's latency is the time from the customer's
send until the coordinator's word on `saga.lifecycle` that the saga has ended, in seconds.

Why librdkafka and not the coordinator's own client: the partner should cost little, and see what another client sees.
"""

import json
import select
import sys
from collections import Counter, deque
from time import monotonic, time
from uuid import uuid4

import orjson
from confluent_kafka import Consumer, Producer, TopicPartition

from tests.bench.shop import NOT_THERE

PARTICIPANTS = ("order", "payment", "inventory", "shipping")
LIFECYCLE = "saga.lifecycle"
TOPICS = (*(f"{name}.{what}" for name in PARTICIPANTS for what in ("commands", "events")), LIFECYCLE)
REPLIES = {
    "com.example.order.AcceptOrder.v1": ("order", "com.example.order.Accepted.v1", b'{"order_ref":"%s"}'),
    "com.example.payment.ChargeCard.v1": ("payment", "com.example.payment.Charged.v1", b'{"payment_id":"%s"}'),
    "com.example.inventory.ReserveGoods.v1": ("inventory", "com.example.inventory.Reserved.v1", b'{"reservation_id":"%s"}'),
    "com.example.shipping.ShipGoods.v1": ("shipping", "com.example.shipping.Shipped.v1", b'{"tracking":"%s"}'),
}
UNDOS = {
    "com.example.order.RejectOrder.v1": "order",
    "com.example.payment.RefundCard.v1": "payment",
    "com.example.inventory.ReleaseGoods.v1": "inventory",
}
OUT_OF_STOCK = "com.example.inventory.OutOfStock.v1"
UNDONE = "saga.undone.v1"
SAY_EVERY = 0.5
AT_ONCE = 500
ECHOED = ("ce_attempt", "ce_epoch", "ce_sagaid", "ce_tenant", "ce_definition", "ce_step")


class World:
    """All customers and all participants. `effects` by command id, so that a repetition is none."""

    def __init__(self, asked: dict[str, object]) -> None:
        self._orders = int(str(asked["orders"]))
        self._in_flight = int(str(asked["in_flight"]))
        self._rate = float(str(asked["rate"]))
        self._warm = int(str(asked["warm"]))
        self._failing = bool(asked["failing"])
        self._held: dict[bytes, object] | None = {} if asked["hold"] else None
        common = {"bootstrap.servers": asked["bootstrap"], "log_level": 0}
        self._producer = Producer(
            {**common, "acks": "all", "enable.idempotence": True, "linger.ms": 0, "queue.buffering.max.messages": 500_000}
        )
        self._consumer = Consumer(
            {**common, "group.id": "bench-world", "enable.auto.commit": False, "fetch.wait.max.ms": 100, "auto.offset.reset": "earliest"}
        )
        names = [topic for topic in TOPICS if topic == LIFECYCLE or topic.endswith(".commands")]
        found = self._consumer.list_topics(timeout=10).topics
        self._consumer.assign([TopicPartition(name, number, 0) for name in names for number in found[name].partitions])
        self._answers: dict[str, tuple[str, str, bytes]] = {}
        self._sent: dict[str, float] = {}
        self._new: deque[float] = deque()
        self._begun = 0.0
        self.started = self.ended = self.repeated = self.asked = 0
        self.ends: Counter[str] = Counter()
        self.effects: Counter[str] = Counter()

    @property
    def over(self) -> bool:
        """Whether every order has ended."""
        return self.ended >= self._orders

    def turn(self) -> None:
        """Place what is to be placed, answer what is asked, hear what has ended."""
        wait = self._place()
        first = self._consumer.poll(wait)  # `consume` would wait until it has all that was asked for, or for the whole time
        for message in () if first is None else (first, *self._consumer.consume(AT_ONCE - 1, 0)):
            if message.error() is not None:
                continue
            if message.topic() == LIFECYCLE:
                self._heard(message)
            else:
                self._was_asked(message)
        self._producer.poll(0)

    def said(self) -> dict[str, object]:
        """How far it is. `latencies` are those since the last word."""
        told, self._new = list(self._new), deque()
        return {
            "at": time(),
            "started": self.started,
            "asked": self.asked,
            "ended": self.ended,
            "ends": self.ends,
            "effects": self.effects,
            "repeated": self.repeated,
            "latencies": told,
        }

    def _place(self) -> float:
        """Place orders; how long to wait for something else, in seconds."""
        if self._rate and self.ended >= self._warm:
            self._begun = self._begun or monotonic()
            due = min(self._orders, self._warm + int((monotonic() - self._begun) * self._rate) + 1)
            while self.started < due:
                self._start()
            return max(0.0, min(0.01, self._begun + (self.started - self._warm) / self._rate - monotonic()))
        until = self._warm if self._rate else self._orders
        while self.started < until and self.started - self.ended < self._in_flight:
            self._start()
        return 0.01

    def _start(self) -> None:
        self.started += 1
        order_id = f"o-{self.started}"
        wants = NOT_THERE if self._failing else "a teapot"
        body = b'{"amount_minor":%d,"customer":"c-%d","order_id":"%s","wants":"%s"}'
        value = body % (1000 + self.started % 997, self.started % 9973, order_id.encode(), wants.encode())
        self._sent[order_id] = monotonic()
        self._produce("order.events", value, order_id.encode(), "com.example.order.OrderPlaced.v1", str(uuid4()), [])

    def _was_asked(self, message: object) -> None:
        self.asked += 1
        if self._held is None:
            self._answer(message)
            return
        self._held[dict(message.headers())["ce_idempotencykey"]] = message  # type: ignore[attr-defined]
        if len(self._held) >= self._orders:
            held, self._held = self._held, None
            for one in held.values():
                self._answer(one)

    def _answer(self, message: object) -> None:
        headers = {name: value.decode() for name, value in message.headers()}  # type: ignore[attr-defined]
        command_id, kind, attempt = headers["ce_idempotencykey"], headers["ce_type"], headers["ce_attempt"]
        known = self._answers.get(command_id)
        if known is None:
            known = self._answers[command_id] = self._effect(command_id, kind)
        else:
            self.repeated += 1
        outcome, reply, body = known
        echo: list[tuple[str, str | bytes | None]] = [(name, headers[name]) for name in ECHOED]
        echo += [("ce_causationid", command_id), ("ce_outcome", outcome)]
        participant = UNDOS.get(kind) or REPLIES[kind][0]
        self._produce(f"{participant}.events", body, message.key(), reply, f"r-{command_id}-{attempt}", echo)  # type: ignore[attr-defined]

    def _effect(self, command_id: str, kind: str) -> tuple[str, str, bytes]:
        self.effects[kind] += 1
        if kind in UNDOS:
            return "succeeded", UNDONE, b"{}"
        participant, reply, body = REPLIES[kind]
        if self._failing and participant == "inventory":
            self.effects[kind] -= 1
            return "refused", OUT_OF_STOCK, b'{"wants":"%s"}' % NOT_THERE.encode()
        return "succeeded", reply, body % command_id.encode()

    def _produce(
        self, topic: str, value: bytes, key: bytes, kind: str, message_id: str, more: list[tuple[str, str | bytes | None]]
    ) -> None:
        headers: list[tuple[str, str | bytes | None]] = [
            ("ce_specversion", "1.0"),
            ("ce_id", message_id),
            ("ce_source", "/bench"),
            ("ce_type", kind),
            ("content-type", "application/json"),
            *more,
        ]
        self._producer.produce(topic, value, key, headers=headers)

    def _heard(self, message: object) -> None:
        headers = dict(message.headers())  # type: ignore[attr-defined]
        if not headers["ce_type"].endswith(b".ended.v1"):
            return
        begun = self._sent.pop(orjson.loads(message.value())["key"], None)  # type: ignore[attr-defined]
        if begun is not None:  # not a copy
            self.ended += 1
            self.ends[headers["ce_sagastatus"].decode()] += 1
            self._new.append(round(monotonic() - begun, 5))


def lay(bootstrap: str, count: int) -> None:
    """Write so many events that start nothing (blocking)."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20, "queue.buffering.max.messages": 200_000, "log_level": 0})
    common = [("ce_specversion", "1.0"), ("ce_source", "/bench"), ("ce_type", "com.example.order.OrderViewed.v1")]
    for number in range(count):
        headers = [*common, ("ce_id", f"v-{number}"), ("content-type", "application/json")]
        producer.poll(0)
        while len(producer) > 100_000:
            producer.poll(0.1)
        producer.produce("order.events", b'{"order_id":"o-%d"}' % number, b"o-%d" % number, headers=headers)
    if producer.flush(60):
        raise TimeoutError("the backlog could not be written")


def main() -> None:
    """Until everything has ended, or stdin closes."""
    world, said = World(json.loads(sys.argv[1])), monotonic()
    while not world.over:
        world.turn()
        if monotonic() - said > SAY_EVERY:
            said = monotonic()
            print(json.dumps(world.said()), flush=True)
            if select.select([sys.stdin], [], [], 0)[0]:
                break
    print(json.dumps({**world.said(), "over": True}), flush=True)


if __name__ == "__main__":
    main()
