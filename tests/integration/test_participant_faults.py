"""Faults of handlers, races of copies and rivals, and deaths on either side of the commit."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from saga.sdk.barrier import rows
from saga.sdk.barrier.outbox import Outbox
from saga.sdk.incoming import Incoming
from saga.sdk.relay import Relay
from saga.sdk.testing import Bench, read
from tests.integration.participants import SCRIPT, BookRoom, CancelRoom, Hotel, effects, hotel, state_of

pytestmark = pytest.mark.integration

BOOK = BookRoom(guest="ann")
CANCEL = CancelRoom(guest="ann")


class Death(BaseException):
    """The process dies here."""


@pytest.fixture
def house() -> Hotel:
    return hotel()


@pytest.fixture
async def bench(house: Hotel, postgres_dsn: str) -> AsyncIterator[Bench]:
    async with Bench(house.participant, postgres_dsn, scripts=[SCRIPT]) as bench:
        async with bench.database.transaction() as db:  # a first contact raises the epoch, and whoever does that is alone: no race
            await db.execute("insert into epoch values ('/saga', 1)")
        yield bench


MOODS = {"fault": "night-porter-asleep", "boom": "fault", "broken-sql": "fault", "wrong-reply": "fault"}


@pytest.mark.parametrize("mood", MOODS)
async def test_fault_is_rolled_back_answered_failed_and_not_remembered(bench: Bench, house: Hotel, mood: str) -> None:
    house.moods["ann"] = mood
    first, again = await bench.do(BOOK, id="do"), await bench.do(BOOK, id="do")

    assert (first.outcome, first.code) == ("failed", MOODS[mood])
    assert first.headers["ce_id"] != again.headers["ce_id"]
    assert (await effects(bench), await state_of(bench, "do")) == ([], None)
    assert "secret" not in str(first.body)
    house.moods["ann"] = "well"
    assert (await bench.do(BOOK, id="do", attempt="2")).outcome == "succeeded"


async def test_fault_says_how_long_to_wait_at_least(bench: Bench, house: Hotel) -> None:
    house.moods["ann"] = "fault"

    assert (await bench.do(BOOK)).headers["ce_retryafterms"] == "2500"


async def test_domain_events_share_the_fate_of_the_effect(bench: Bench, house: Hotel) -> None:
    done = await bench.hand_in_all(bench.ask(BOOK, id="do"))
    house.moods["ann"] = "fault"
    failed = await bench.hand_in_all(bench.ask(BOOK, id="do-2"))

    assert [said.type for said in done] == ["Booked", "RoomTaken"]
    assert "ce_causationid" not in done[1].headers
    assert [said.outcome for said in failed] == ["failed"]


async def test_copies_at_the_same_time_have_one_effect_and_one_answer(bench: Bench) -> None:  # I3
    await asyncio.gather(*(bench.gate.handle(bench.record(bench.ask(BOOK, id="do", attempt=str(n)))) for n in range(1, 7)))
    answers = [read(staged.record) for staged in bench.sent if b"Booked" in dict(staged.record.headers)["ce_type"]]

    assert await effects(bench) == ["booked"]
    assert len({answer.headers["ce_id"] for answer in answers}) == 1
    assert sorted(answer.headers["ce_attempt"] for answer in answers) == list("123456")


@pytest.mark.parametrize("round_", range(12))
async def test_do_and_undo_at_the_same_time_end_undone_or_buried(bench: Bench, round_: int) -> None:  # S2 S3
    records = [bench.record(bench.ask(BOOK, id="do")), bench.record(bench.ask(CANCEL, id="undo", undoes="do"))]
    records = records[:: 1 if round_ % 2 else -1]
    await asyncio.gather(*(bench.gate.handle(record) for record in records))

    outcomes = {said.headers.get("ce_causationid"): said for said in (read(staged.record) for staged in bench.sent)}
    state = await state_of(bench, "do")
    if state == "undone":
        assert (outcomes["do"].outcome, outcomes["undo"].outcome) == ("succeeded", "succeeded")
        assert await effects(bench) == ["booked", "cancelled"]
    else:
        assert (state, outcomes["do"].code, outcomes["undo"].outcome) == ("tombstone", "undone-before-done", "nothing-to-undo")
        assert await effects(bench) == []


async def somebody_waits(bench: Bench) -> None:
    async with asyncio.timeout(10), bench.database.reading() as db:
        while not await db.fetchval("select count(*) from pg_locks where not granted"):
            await db.execute("select pg_sleep(0.01)")


async def test_undo_that_meets_its_do_at_work_waits_for_the_commit_and_undoes(bench: Bench, house: Hotel) -> None:  # S2
    house.moods["ann"] = "slow"
    do = asyncio.create_task(bench.do(BOOK, id="do"))
    await house.begun.wait()
    undo = asyncio.create_task(bench.undo("do", CANCEL, id="undo"))
    await somebody_waits(bench)
    house.may_finish.set()

    assert (await do).outcome == "succeeded"
    assert (await undo).outcome == "succeeded"
    assert await effects(bench) == ["booked", "cancelled"]


async def test_newer_epoch_waits_for_effects_of_the_older_one(bench: Bench, house: Hotel) -> None:
    await bench.do(BookRoom(guest="eve"), epoch="1")
    house.moods["ann"] = "slow"
    older = asyncio.create_task(bench.do(BOOK, id="older", epoch="1"))
    await house.begun.wait()
    newer = asyncio.create_task(bench.do(BookRoom(guest="bob"), id="newer", epoch="2"))
    await somebody_waits(bench)
    assert not newer.done()
    house.may_finish.set()

    assert [(await older).outcome, (await newer).outcome] == ["succeeded", "succeeded"]


async def test_undos_of_different_ids_at_the_same_time_have_one_effect(bench: Bench) -> None:  # I3
    await bench.do(BOOK, id="do")
    ids = ["undo-0"] * 5 + ["undo-1", "undo-2", "undo-3"]
    await asyncio.gather(*(bench.gate.handle(bench.record(bench.ask(CANCEL, id=each, undoes="do"))) for each in ids))

    said = [read(staged.record) for staged in bench.sent[2:]]
    assert {answer.outcome for answer in said} == {"succeeded"}
    assert len({answer.headers["ce_id"] for answer in said if answer.headers["ce_causationid"] == "undo-0"}) == 1
    assert await effects(bench) == ["booked", "cancelled"]


async def test_epochs_that_rise_at_the_same_time_do_not_hurt_each_other(bench: Bench) -> None:
    asks = [bench.ask(BookRoom(guest=f"g{n}"), id=f"do-{n}", epoch=str(2 + n // 4)) for n in range(8)]
    await asyncio.gather(*(bench.gate.handle(bench.record(ask)) for ask in asks))

    async with bench.database.reading() as db:
        assert await db.fetchval("select epoch from epoch where source = '/saga'") == 3
        aside, done = await db.fetchval("select count(*) from set_aside"), await db.fetchval("select count(*) from effect")
    assert (aside + done, done >= 4) == (8, True)


@pytest.mark.parametrize("where", ["before-commit", "after-commit"])
async def test_death_around_the_commit_leaves_one_effect_and_one_answer(house: Hotel, postgres_dsn: str, where: str) -> None:  # S11
    def die(moment: str, _command: Incoming) -> None:
        if moment == where:
            raise Death

    async with Bench(house.participant, postgres_dsn, scripts=[SCRIPT], moment=die) as dying:
        with pytest.raises(Death):
            await dying.do(BOOK, id="do")
        assert dying.sent == []
        assert await effects(dying) == ([] if where == "before-commit" else ["booked"])
    async with Bench(house.participant, postgres_dsn) as restarted:
        said = await restarted.do(BOOK, id="do")
        assert (said.outcome, await effects(restarted)) == ("succeeded", ["booked"])


class Wire:
    """A producer that keeps what it sends, and may be away."""

    def __init__(self) -> None:
        self.records: list[dict[str, str]] = []
        self.away = False

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def send(self, records):  # type: ignore[no-untyped-def]
        if not self.away:
            self.records += [read(record).headers for record in records]
        return [not self.away] * len(records)


async def waiting(bench: Bench) -> int:
    async with bench.database.reading() as db:
        return int(await db.fetchval("select count(*) from outbox"))


async def let_claims_pass(bench: Bench) -> None:
    async with bench.database.transaction() as db:
        await db.execute("update outbox set claimed_until = clock_timestamp()")


async def test_answer_of_a_process_that_died_after_its_commit_is_sent_by_whoever_sweeps(bench: Bench) -> None:  # S11
    wire = Wire()
    relay = Relay(Outbox(bench.database), wire)
    said = await bench.do(BOOK, id="do")
    assert await relay.sweep() == 0
    await let_claims_pass(bench)
    await relay.sweep()

    assert said.headers["ce_id"] in [headers["ce_id"] for headers in wire.records]
    assert await waiting(bench) == 0


async def test_answers_stay_in_the_outbox_while_kafka_is_away(bench: Bench) -> None:
    wire = Wire()
    wire.away = True
    relay = Relay(Outbox(bench.database), wire)
    await bench.do(BOOK, id="do")
    relay.offer(bench.sent)
    await relay.drain(1.0)
    assert await waiting(bench) == 2

    wire.away = False
    await let_claims_pass(bench)
    await relay.sweep()
    assert ([headers["ce_type"].split(".")[-2] for headers in wire.records], await waiting(bench)) == (["Booked", "RoomTaken"], 0)


async def test_two_relays_share_the_outbox_without_sending_twice(bench: Bench) -> None:
    wires = [Wire(), Wire()]
    for n in range(20):
        await bench.do(BookRoom(guest=f"g{n}"))
    await let_claims_pass(bench)
    await asyncio.gather(*(Relay(Outbox(bench.database), wire).sweep() for wire in wires))

    ids = [headers["ce_id"] for wire in wires for headers in wire.records]
    assert (len(ids), len(set(ids))) == (40, 40)


async def test_old_rows_are_forgotten_but_never_what_can_be_undone(bench: Bench, house: Hotel) -> None:  # S10
    house.moods["bob"] = "full"
    await bench.do(BOOK, id="kept")
    await bench.do(BookRoom(guest="bob"), id="refused")
    await bench.do(BookRoom(guest="eve"), id="undone-late")
    async with bench.database.transaction() as db:
        await db.execute("update barrier set last_seen = last_seen - interval '31 days'")
    await bench.undo("undone-late", CANCEL, id="undo")
    await bench.undo("never", CANCEL, id="undo-2")
    async with bench.database.transaction() as db:
        await rows.forget(db, timedelta(days=30), bench.participant.can_be_undone())

    async with bench.database.reading() as db:
        left = {row["command_id"] for row in await db.fetch("select command_id from barrier")}
    assert left == {"kept", "undone-late", "undo", "never", "undo-2"}


async def test_outbox_has_the_columns_that_debezium_expects(bench: Bench) -> None:
    await bench.do(BOOK)
    async with bench.database.reading() as db:
        row = await db.fetchrow("select id, aggregatetype, aggregateid, type, payload from outbox order by seq limit 1")
    assert row is not None
    assert tuple(row)[1:] == ("hotel", "key", "com.example.hotel.Booked.v1", '{"room":7}')
