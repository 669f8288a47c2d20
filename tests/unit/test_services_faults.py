"""Faults on purpose do what their plan says, by seed and not by timing; and settings that cannot work are named."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from saga.errors import ConfigurationError
from saga.messages import Outcome
from saga.ports.messaging import InboundRecord, OutboundRecord
from saga.sdk.answer import Answer, Trace, record_of
from saga.sdk.faults import CRASHED, Delay, FaultPlan, FaultyProducer, Lose, crash_by
from saga.sdk.incoming import Incoming, read_incoming
from saga.sdk.intake import by_key, next_offsets
from saga.sdk.settings import load_settings

HEADERS = {"ce_specversion": "1.0", "ce_idempotencykey": "do-0", "ce_type": "t", "ce_attempt": "1", "ce_sagaid": "s"}
COMMAND = read_incoming(InboundRecord("t", 0, 0, b"order-1", b"{}", tuple((n, v.encode()) for n, v in HEADERS.items())))


class Wire:
    def __init__(self) -> None:
        self.sent: list[OutboundRecord] = []
        self.arrived = asyncio.Event()

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def send(self, records: Sequence[OutboundRecord]) -> list[bool]:
        self.sent += records
        self.arrived.set()
        return [True] * len(records)


def reply(command: Incoming = COMMAND, name: str = "StockReserved") -> OutboundRecord:
    answer = Answer(f"of {command.id}", f"com.example.inventory.{name}.v1", Outcome.SUCCEEDED, "{}", datetime.now(UTC))
    return record_of(answer, command, "/inventory", "inventory.events", Trace())


def replies(count: int) -> list[OutboundRecord]:
    return [reply(replace(COMMAND, id=f"do-{n}")) for n in range(count)]


async def test_lost_answers_are_reported_as_acknowledged_and_later_attempts_get_through() -> None:
    wire = Wire()
    producer = FaultyProducer(wire, FaultPlan(lose=(Lose(type="StockReserved", attempts=2),)))
    attempts = [reply(replace(COMMAND, attempt=str(n))) for n in (1, 2, 3)]

    assert await producer.send([*attempts, reply(name="OutOfStock")]) == [True] * 4
    assert [dict(record.headers)["ce_attempt"] for record in wire.sent] == [b"3", b"1"]
    assert producer.counts["lost"] == 2


async def test_same_seed_loses_the_same_answers_and_another_seed_others() -> None:
    async def kept(seed: int) -> list[bytes]:
        wire, records = Wire(), replies(200)
        await FaultyProducer(wire, FaultPlan(seed=seed, lose=(Lose(type="StockReserved", share=0.3),))).send(records)
        return [dict(record.headers)["ce_causationid"] for record in wire.sent]

    assert await kept(1) == await kept(1) != await kept(2)
    assert 110 < len(await kept(1)) < 170


async def test_marker_in_the_key_chooses_what_is_lost() -> None:
    wire = Wire()
    producer = FaultyProducer(wire, FaultPlan(lose=(Lose(type="StockReserved", marker="lost"),)))
    await producer.send([reply(replace(COMMAND, key=b"order-lost-1")), reply()])

    assert [record.key for record in wire.sent] == [b"order-1"]


async def test_duplicates_are_sent_twice_with_the_same_id() -> None:
    wire = Wire()
    await FaultyProducer(wire, FaultPlan(duplicate=1.0)).send(replies(3))

    assert [dict(record.headers)["ce_causationid"] for record in wire.sent] == [b"do-0", b"do-0", b"do-1", b"do-1", b"do-2", b"do-2"]


async def test_delayed_records_arrive_after_what_was_written_later() -> None:
    wire = Wire()
    producer = FaultyProducer(wire, FaultPlan(seed=1, delay=Delay(share=0.5, seconds=0.01)))
    records = replies(10)
    assert await producer.send(records) == [True] * 10
    async with asyncio.timeout(5):
        while len(wire.sent) < 10:
            wire.arrived.clear()
            await wire.arrived.wait()

    assert wire.sent != records
    assert sorted(wire.sent, key=records.index) == records


async def test_a_domain_event_is_neither_lost_nor_late_because_nobody_asks_for_it_again() -> None:
    wire = Wire()
    event = OutboundRecord("order.events", b"order-1", b"{}", (("ce_id", b"1"), ("ce_type", b"com.example.order.OrderPlaced.v1")))
    producer = FaultyProducer(wire, FaultPlan(delay=Delay(share=1.0, seconds=60), lose=(Lose(type="OrderPlaced"),)))
    await producer.send([event])
    await producer.stop()
    assert wire.sent == [event]


def test_process_dies_after_the_commit_of_chosen_commands_only() -> None:
    deaths: list[int] = []
    moment = crash_by(FaultPlan(crash=0.2), deaths.append)
    for n in range(100):
        moment("before-commit", replace(COMMAND, id=f"do-{n}"))
    assert deaths == []
    for n in range(100):
        moment("after-commit", replace(COMMAND, id=f"do-{n}"))
    assert set(deaths) == {CRASHED}
    assert 8 < len(deaths) < 35


def test_process_dies_before_the_commit_of_chosen_commands_again_and_again() -> None:
    deaths: list[int] = []
    moment = crash_by(FaultPlan(crash_before=1.0), deaths.append)
    moment("before-commit", COMMAND)
    moment("after-commit", COMMAND)
    moment("before-commit", COMMAND)

    assert deaths == [CRASHED] * 2


def test_faults_are_refused_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_FAULTS", '{"duplicate": 0.5}')

    assert load_settings().faults.duplicate == 0.5
    with pytest.raises(ConfigurationError, match="SERVICE_FAULTS"):
        load_settings(env="production")


def test_setting_that_cannot_work_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_HTTP_PORT", "90000")

    with pytest.raises(ConfigurationError, match="SERVICE_HTTP_PORT") as caught:
        load_settings()
    assert "90000" not in str(caught.value)


def test_offsets_follow_the_batch_and_keys_keep_their_order() -> None:
    def record(partition: int, offset: int, key: bytes | None) -> InboundRecord:
        return InboundRecord("t", partition, offset, key, b"{}", ())

    records = [record(0, 4, b"a"), record(1, 7, b"b"), record(0, 5, b"b"), record(0, 6, b"a"), record(1, 8, None)]
    assert next_offsets(records) == {("t", 0): 7, ("t", 1): 9}
    assert [[each.offset for each in group] for group in by_key(records)] == [[4, 6], [7, 5], [8]]
