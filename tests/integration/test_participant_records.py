"""Records that are broken, unknown, of another epoch or of another wire: what is answered, what is set aside, and that all goes on."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from saga.sdk.testing import Ask, Bench, Said
from tests.integration.participants import SCRIPT, BookRoom, CancelRoom, Hotel, effects, hotel, state_of
from tests.unit.hostile_headers import BOTH, ends

pytestmark = pytest.mark.integration

BOOK = BookRoom(guest="ann")
CANCEL = CancelRoom(guest="ann")


@pytest.fixture
def house() -> Hotel:
    return hotel()


@pytest.fixture
async def bench(house: Hotel, postgres_dsn: str) -> AsyncIterator[Bench]:
    async with Bench(house.participant, postgres_dsn, scripts=[SCRIPT]) as bench:
        yield bench


async def set_aside(bench: Bench) -> list[str]:
    async with bench.database.reading() as db:
        return [row["reason"] for row in await db.fetch('select reason from set_aside order by "offset"')]


BODIES = [None, b"", b"[]", b"null", b"\xff", b"{", b'{"guest": "a", "guest": "b"}', b'{"guest": "a\\u0000"}', b'{"guest": NaN}']
BODIES += [b'{"guest": 7}', b"{}", b'{"guest": 1e400}', b'{"guest":' + b"[" * 5000 + b"]" * 5000 + b"}", b" " * 600_000]


@pytest.mark.parametrize("value", BODIES, ids=range(len(BODIES)))
async def test_malformed_body_is_answered_failed_and_the_next_attempt_succeeds(bench: Bench, value: bytes | None) -> None:  # K11
    said = await bench.hand_in(Ask(BookRoom.message_type, value, id="do"))

    assert (said.outcome, said.type, said.code) == ("failed", "saga.failed.v1", "malformed")
    assert await state_of(bench, "do") is None
    assert (await bench.do(BOOK, id="do", attempt="2")).outcome == "succeeded"


async def test_unknown_type_is_failed_never_refused(bench: Bench) -> None:  # K11
    ask = Ask("com.example.hotel.Unheard.v1", b"{}", id="do")
    first, again = await bench.hand_in(ask), await bench.hand_in(ask)

    assert (first.outcome, first.code) == ("failed", "unknown-type")
    assert first.headers["ce_id"] != again.headers["ce_id"]
    assert await state_of(bench, "do") is None


async def test_unknown_undo_of_a_succeeded_do_is_failed(bench: Bench) -> None:
    await bench.do(BOOK, id="do")
    said = await bench.hand_in(Ask("com.example.hotel.Unheard.v1", b"{}", undoes="do"))

    assert (said.outcome, said.code, await state_of(bench, "do")) == ("failed", "unknown-type", "succeeded")


async def test_another_wire_is_failed_and_nothing_happens(bench: Bench) -> None:
    said = await bench.do(BOOK, id="do", wire="2")

    assert (said.outcome, said.code, await effects(bench)) == ("failed", "unknown-wire", [])
    assert (await bench.do(BOOK, id="do", wire="1")).outcome == "succeeded"


UNUSABLE: dict[str, dict[str, str | bytes | None]] = {
    "no specversion": {"ce_specversion": None},
    "other specversion": {"ce_specversion": "0.3"},
    "no type": {"ce_type": None},
    "no key": {"ce_idempotencykey": None},
    "empty key": {"ce_idempotencykey": ""},
    "no saga": {"ce_sagaid": None},
    "no attempt": {"ce_attempt": None},
    "attempt of letters": {"ce_attempt": "one"},
    "attempt of arabic digits": {"ce_attempt": "٣"},
    "long id": {"ce_idempotencykey": "x" * 65},
    "header not UTF-8": {"ce_sagaid": b"\xff\xfe"},
    "header with NUL": {"ce_sagaid": "a\x00b"},
    "huge header": {"ce_step": "x" * 1025},
    "negative epoch": {"ce_epoch": "-1"},
    "undoes itself": {"ce_undoes": "do"},
}


@pytest.mark.parametrize("headers", UNUSABLE.values(), ids=UNUSABLE.keys())
async def test_record_that_cannot_be_answered_is_set_aside_once(bench: Bench, headers: dict[str, str | bytes | None]) -> None:  # K11
    record = bench.record(Ask(BookRoom.message_type, BOOK.body(), id="do", headers=headers))
    await bench.gate.handle(record)
    await bench.gate.handle(record)

    assert (len(await set_aside(bench)), bench.sent, await effects(bench)) == (1, [], [])
    assert (await bench.do(BOOK, id="do")).outcome == "succeeded"


async def test_contradicting_headers_are_set_aside_and_equal_ones_are_not(bench: Bench) -> None:  # K11
    record = bench.record(bench.ask(BOOK, id="do"))
    await bench.gate.handle(replace(record, headers=(*record.headers, ("ce_attempt", b"2"))))
    assert await set_aside(bench) == ["contradicting-headers"]

    await bench.gate.handle(replace(record, headers=(*record.headers, ("ce_attempt", b"1"), ("ce_type", b""))))
    assert await effects(bench) == ["booked"]


async def test_any_bytes_can_be_set_aside(bench: Bench) -> None:  # K11
    record = replace(
        bench.record(bench.ask(BOOK)), key=b"\x00\xff", value=b"\x00" * 100_000, headers=(("a\x00\ud800", b"\xff\x00"), ("b", None))
    )
    await bench.gate.handle(record)

    assert await set_aside(bench) == ["no-specversion"]


async def test_key_is_echoed_byte_for_byte(bench: Bench) -> None:
    said = await bench.hand_in(replace(bench.ask(BOOK), key=b"\x00\xffkey"))

    assert said.record.key == b"\x00\xffkey"


async def test_older_epoch_is_set_aside_and_unanswered(bench: Bench) -> None:
    await bench.do(BOOK, id="do-1", epoch="2")
    await bench.gate.handle(bench.record(bench.ask(BOOK, id="do-2", epoch="1")))

    assert (await set_aside(bench), len(await effects(bench))) == (["stale-epoch"], 1)
    assert (await bench.do(BOOK, id="do-2", epoch="2")).outcome == "succeeded"


async def test_older_epoch_gets_no_remembered_answer_either(bench: Bench) -> None:
    await bench.do(BOOK, id="do", epoch="1")
    await bench.do(BOOK, id="do", epoch="2")
    await bench.gate.handle(bench.record(bench.ask(BOOK, id="do", epoch="1")))

    assert (await set_aside(bench), len(bench.sent)) == (["stale-epoch"], 3)


async def test_epoch_is_kept_per_source_and_absent_is_zero(bench: Bench) -> None:
    await bench.do(BOOK, id="do-1", epoch="5")
    other = await bench.do(BOOK, id="do-2", epoch="", source="/other")

    assert (other.outcome, other.headers["ce_epoch"]) == ("succeeded", "0")
    async with bench.database.reading() as db:
        assert [tuple(row) for row in await db.fetch("select source, epoch from epoch")] == [("/saga", 5)]


async def test_epoch_that_jumps_too_far_is_set_aside_and_not_believed(bench: Bench) -> None:
    await bench.do(BOOK, id="do-1", epoch="1")
    await bench.gate.handle(bench.record(bench.ask(BOOK, id="do-2", epoch="1002")))

    assert await set_aside(bench) == ["epoch-jump"]
    assert (await bench.do(BOOK, id="do-2", epoch="1001")).outcome == "succeeded"


async def test_epoch_rises_also_when_the_command_fails(bench: Bench, house: Hotel) -> None:
    house.moods["ann"] = "fault"
    await bench.do(BOOK, id="do", epoch="2")
    await bench.gate.handle(bench.record(bench.ask(BOOK, id="do", epoch="1")))

    assert await set_aside(bench) == ["stale-epoch"]


def trace_of(said: Said) -> tuple[str, str]:
    return said.headers.get("traceparent", ""), said.headers.get("tracestate", "")


async def test_trace_context_is_carried_on_and_an_invalid_one_is_ignored(bench: Bench) -> None:
    valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    traced = bench.ask(BOOK)
    traced.headers |= {"traceparent": valid, "tracestate": "a=b"}
    said = await bench.hand_in(traced)
    broken = bench.ask(BOOK)
    broken.headers |= {"traceparent": "00-nonsense"}

    assert trace_of(said)[0].split("-")[1] == valid.split("-")[1]
    assert trace_of(said)[1] == "a=b"
    assert trace_of(await bench.hand_in(broken)) == ("", "")


async def test_every_hostile_record_is_set_aside_with_its_reason_and_the_next_command_answered(bench: Bench) -> None:  # K11 L6
    for offset, (record, _) in enumerate(BOTH.values()):
        await bench.gate.handle(replace(record, topic="hotel.commands", offset=offset))

    assert await set_aside(bench) == [ends(code)[1] for _, code in BOTH.values() if ends(code)[1]]
    assert (await bench.do(BOOK, id="do")).outcome == "succeeded"
