"""The row of the SDK: what it adds to a handler that was written by hand with the same guarantees."""

import asyncio
import contextlib
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import monotonic

import asyncpg
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from saga.embedded.kafka import free_ports
from saga.embedded.processes import Child
from saga.transport.codec import encode
from saga.transport.topics import create_topics
from saga.wire import CommandMessage
from tests.bench.figures import Figure, Outcome, Sizes
from tests.bench.servers import PARTITIONS, ROOT, servers, used_by

ANSWERED_WITHIN = 120.0


async def sdk(sizes: Sizes) -> Outcome:
    """A handler with the SDK, in turn with one written by hand: what a command costs, the database included."""
    by: dict[str, list[float]] = {"sdk": [], "hand": []}
    faults = []
    for _ in range(max(2, sizes.repeats)):
        for name, costs in by.items():
            cost, wrong = await _commands(name, sizes.commands)
            costs.append(cost)
            faults += wrong
    ratios = [one / other for one, other in zip(by["sdk"], by["hand"], strict=True)]
    return Outcome([Figure("cpu against by hand", median(ratios), "x", 1.25)], faults, {"ratios": ratios, "cpu_s_per_1000": by})


async def _commands(by: str, count: int) -> tuple[float, list[str]]:
    """CPU seconds per 1,000 commands, of the participant and the database together."""
    async with contextlib.AsyncExitStack() as stack:
        kafka, postgres, home = await stack.enter_async_context(servers())
        dsn = await postgres.create_database("services")
        await create_topics(kafka.bootstrap, ["payment.commands", "payment.events"], PARTITIONS)
        child, table = _participant(by, dsn, kafka.bootstrap, home)
        stack.push_async_callback(child.stop)
        await child.start()
        answers = _Answers(kafka.bootstrap)
        stack.callback(answers.close)
        await asyncio.to_thread(_ask, kafka.bootstrap, 0, count // 10)  # what follows finds it warm
        await answers.reach(count // 10, child)
        assert child.process is not None
        pids = (child.process.pid, postgres.pid)
        before = sum(used_by(pid) for pid in pids)
        await asyncio.to_thread(_ask, kafka.bootstrap, count // 10, count)
        await answers.reach(count, child)
        used = sum(used_by(pid) for pid in pids) - before
        charged = await _count(dsn, table)
        faults = [] if charged == count else [f"{by}: {charged} effects of {count} commands"]
    return used / (count - count // 10) * 1000, faults


def _participant(by: str, dsn: str, bootstrap: str, home: Path) -> tuple[Child, str]:
    """The process, and its table of effects."""
    if by == "hand":
        return Child(
            "by hand", ("-m", "tests.bench.by_hand", dsn, bootstrap), {"PYTHONPATH": str(ROOT)}, home / "by-hand.log"
        ), "hand.charge"
    given = {
        "PYTHONPATH": str(ROOT),
        "SERVICE_POSTGRES_DSN": dsn,
        "SERVICE_KAFKA_BOOTSTRAP": bootstrap,
        "SERVICE_HTTP_PORT": str(free_ports(1)[0]),
    }
    return Child("till", ("-m", "tests.bench.till"), given, home / "till.log"), "payment.charge"


def _ask(bootstrap: str, first: int, last: int) -> None:
    """Send commands as the relay would (blocking)."""
    producer, now = Producer({"bootstrap.servers": bootstrap, "acks": "all", "linger.ms": 5, "log_level": 0}), datetime.now(UTC)
    for number in range(first, last):
        message = CommandMessage(
            command_id=f"charge-{number}",
            type="com.example.payment.ChargeCard.v1",
            undoes="",
            attempt=1,
            saga_id="019df000-0000-7000-8000-000000000000",
            epoch=1,
            tenant="default",
            definition="bench-order",
            step="charge",
            answer_within_ms=60_000,
            time=now,
            body=b'{"amount_minor":1000,"order_id":"o-%d"}' % number,
            key=b"o-%d" % number,
        )
        record = encode(message.to_envelope(), "payment.commands")
        producer.produce(record.topic, record.value, record.key, headers=list(record.headers))
        producer.poll(0)
    if producer.flush(60):
        raise TimeoutError("the commands could not be written")


class _Answers:
    """How many answers there are, by the ends of their partitions."""

    def __init__(self, bootstrap: str) -> None:
        self._consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "bench-answers", "log_level": 0})

    async def reach(self, count: int, child: Child) -> None:
        """Wait until there are so many. Raises TimeoutError with the last words of who answers."""
        until = monotonic() + ANSWERED_WITHIN
        while (found := await asyncio.to_thread(self._count)) < count:
            if monotonic() > until or not child.alive:
                raise TimeoutError(f"{child.name} gave {found} answers of {count}: {child.last_words()}")
            await asyncio.sleep(0.1)

    def _count(self) -> int:
        places = [TopicPartition("payment.events", number) for number in range(PARTITIONS)]
        try:
            return sum(self._consumer.get_watermark_offsets(place, timeout=10)[1] for place in places)
        except KafkaException:
            return 0  # a topic just made has no leader yet

    def close(self) -> None:
        """It has seen enough."""
        self._consumer.close()


async def _count(dsn: str, table: str) -> int:
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        return int(await connection.fetchval(f"select count(*) from {table}"))
    finally:
        await connection.close()
