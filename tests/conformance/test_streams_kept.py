"""Kept records as people act on them: found by a filter, taken in order, settled, opened again."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from store_shapes import LOADED, Database, opened, record, row, saga, write

from saga.errors import ContractError, WrongExpectedVersion
from saga.ports.records import DeadLetter, DeadRow, HeldRecord, HeldRow, RecordAct, RecordFilter, Settled
from saga.ports.streams import Batch, Store

ACT = RecordAct("redrive", "ada", "mended", "request-1")
ALL = RecordFilter()


def dead(offset: int = 0, topic: str = "order.events", **changes: str) -> DeadLetter:
    words = {"target": "fulfil-order", "reason": "bad-value", "detail": "a number has a fraction"}
    return DeadLetter(record(offset, topic=topic), **(words | changes))


def held(offset: int = 0, **changes: object) -> HeldRecord:
    return replace(HeldRecord(record(offset), "fulfil-order", "version-not-loaded", "fulfil-order", 2), **changes)  # type: ignore[arg-type]


async def take(store: Store, wanted: RecordFilter = ALL, limit: int = 10, tenant: str = "default") -> list[DeadRow]:
    async with store.transaction() as transaction:
        return await transaction.take_dead(tenant, wanted, limit)


async def take_held(store: Store, wanted: RecordFilter = ALL, limit: int = 10, tenant: str = "default") -> list[HeldRow]:
    async with store.transaction() as transaction:
        return await transaction.take_held_now(tenant, wanted, limit)


async def settle(store: Store, *settled: Settled, act: RecordAct = ACT) -> None:
    """As a redrive does it: taken and settled in one transaction."""
    async with store.transaction() as transaction:
        await transaction.take_dead("default", RecordFilter(ids=tuple(one.id for one in settled)), 10)
        await transaction.write(Batch(act=act, settled=list(settled)))


def offsets(rows: list[DeadRow]) -> list[tuple[str, int]]:
    return [(one.letter.record.topic, one.letter.record.offset) for one in rows]


async def test_letters_are_taken_by_topic_partition_and_offset_and_on_behind_a_place(store: Store) -> None:
    await write(store, Batch(dead=[dead(2)]))
    await write(store, Batch(dead=[dead(10), dead(1, topic="payment.events"), dead(1)]))
    first = await take(store, limit=2)
    rest = await take(store, RecordFilter(after=first[-1].place))
    assert offsets([*first, *rest]) == [("order.events", 1), ("order.events", 2), ("order.events", 10), ("payment.events", 1)]
    assert all(one.whole for one in first)


async def test_a_filter_finds_letters_by_what_they_say(store: Store) -> None:
    mine, other = str(saga(1)), str(saga(2))
    await store.rebuild_rows([row(1), row(2, definition="refund")])
    letters = [dead(1), dead(2, target=mine), dead(3, target=other, reason="unexpected-type")]
    letters += [dead(4, topic="payment.events"), dead(5, target="")]
    await write(store, Batch(dead=[*letters, dead(6, tenant="acme")]))
    ids = {one.letter.record.offset: one.id for one in await store.dead_letters("default", 10, None)}
    for wanted, found in (
        (RecordFilter(definition="fulfil-order"), [1, 2, 4]),
        (RecordFilter(definition="refund"), [3]),
        (RecordFilter(target=mine), [2]),
        (RecordFilter(target=""), [5]),
        (RecordFilter(reason="unexpected-type"), [3]),
        (RecordFilter(topic="payment.events"), [4]),
        (RecordFilter(ids=(ids[5], ids[1], "no hex")), [1, 5]),
        (RecordFilter(ids=()), []),
    ):
        assert [offset for _, offset in offsets(await take(store, wanted))] == found
        assert (await store.count_dead("default", wanted)).number == len(found)
        assert sorted(one.letter.record.offset for one in await store.dead_letters("default", 10, None, wanted)) == found
    assert [offset for _, offset in offsets(await take(store, tenant="acme"))] == [6]


async def test_a_filter_finds_letters_and_held_records_by_their_age(store: Store) -> None:
    await write(store, Batch(dead=[dead(1)], held=[held(1)]))
    now = (await store.count_dead("default", ALL)).now
    for wanted, found in (
        (RecordFilter(until=now - timedelta(hours=1)), 0),
        (RecordFilter(until=now + timedelta(hours=1)), 1),
        (RecordFilter(since=now + timedelta(hours=1)), 0),
        (RecordFilter(since=now - timedelta(hours=1)), 1),
    ):
        assert (await store.count_dead("default", wanted)).number == found
        assert (await store.count_held("default", wanted)).number == found


async def test_a_settled_letter_says_who_settled_it_and_is_taken_no_more(store: Store) -> None:
    await write(store, Batch(dead=[dead(1), dead(2)]))
    one = (await take(store))[0]
    await settle(store, Settled(one.id, "appended", "to a saga"))
    settled = await store.dead_letter("default", one.id)
    assert settled is not None
    assert settled.redriven_at is not None
    assert settled == replace(
        one,
        redriven_at=settled.redriven_at,
        redriven_by="ada",
        redriven_because="mended",
        redrive_id="request-1",
        outcome="appended",
        outcome_detail="to a saga",
        redrives=1,
    )
    assert offsets(await take(store)) == [("order.events", 2)]
    assert (await store.figures())["dead"] == 1
    assert len(await store.dead_letters("default", 10, None)) == 2
    assert len(await store.dead_letters("default", 10, None, RecordFilter(open=True))) == 1
    assert await store.dead_letter("acme", one.id) is None
    assert await store.dead_letter("default", "no id") is None


async def test_a_letter_that_is_dead_again_stays_open_with_its_new_reason(store: Store) -> None:
    await write(store, Batch(dead=[dead(1)]))
    (one,) = await take(store)
    await settle(store, Settled(one.id, "bad-key", "computing it raised", still_dead=True))
    (again,) = await take(store)
    assert (again.letter.reason, again.letter.detail, again.redrives, again.dead_at) == ("bad-key", "computing it raised", 1, one.dead_at)
    assert (again.outcome, again.redriven_at, again.redriven_by) == ("dead", None, "ada")


async def test_a_redriven_letter_that_dies_again_is_open_again_and_a_discarded_one_is_not(store: Store) -> None:  # K1
    await write(store, Batch(dead=[dead(1), dead(2), dead(3)]))
    one, two, three = await take(store)
    await settle(store, Settled(one.id, "held", "unknown-saga"), Settled(two.id, "discarded", ""))
    await write(store, Batch(dead=[dead(1, reason="unknown-saga"), dead(2, reason="other"), dead(3, reason="other")]))
    again = await take(store)
    assert [(found.id, found.letter.reason) for found in again] == [(one.id, "unknown-saga"), (three.id, "bad-value")]


async def test_a_letter_is_settled_by_one_transaction_only(store: Store) -> None:
    await write(store, Batch(dead=[dead(1)]))

    async def rival() -> int:
        async with store.transaction() as transaction:
            rows = await transaction.take_dead("default", ALL, 10)
            await transaction.write(Batch(act=replace(ACT, actor="eve"), settled=[Settled(row.id, "appended", "") for row in rows]))
            return len(rows)

    async with store.transaction() as transaction:
        (one,) = await transaction.take_dead("default", ALL, 10)
        running = asyncio.create_task(rival())
        await asyncio.wait({running}, timeout=0.1)  # it waits for us, or has met a conflict
        await transaction.write(Batch(act=ACT, settled=[Settled(one.id, "appended", "")]))
    (late,) = await asyncio.gather(running, return_exceptions=True)
    assert late == 0 or isinstance(late, WrongExpectedVersion)
    settled = await store.dead_letter("default", one.id)
    assert settled is not None
    assert (settled.redrives, settled.redriven_by) == (1, "ada")


async def test_burying_waits_for_nobody(store: Store) -> None:  # check-store rule 5
    await write(store, Batch(dead=[dead(1)]))
    (one,) = await take(store)
    async with store.transaction() as transaction:
        assert len(await transaction.take_dead("default", ALL, 10)) == 1
        await asyncio.wait_for(write(store, Batch(dead=[dead(1)])), 1)
    await settle(store, Settled(one.id, "held", ""))
    async with opened(store, Batch(dead=[dead(1)])):
        await asyncio.wait_for(write(store, Batch(dead=[dead(1)])), 1)
    assert len(await take(store)) == 1


async def test_a_letter_whose_bytes_were_cut_says_so(store: Store) -> None:  # K11
    whole = record(1)
    huge = (replace(whole, value=b"x" * 70_000), replace(whole, key=b"k" * 70_000), replace(whole, headers=(("a", b"x" * 70_000),)))
    await write(store, Batch(dead=[replace(dead(), record=one) for one in (whole, *huge)]))
    assert sorted(one.whole for one in await take(store)) == [False, False, False, True]


async def test_held_records_are_listed_and_taken_whether_their_time_has_come_or_not(store: Store) -> None:
    lost = HeldRecord(record(3), str(saga(1)), "unknown-saga")
    await write(store, Batch(held=[lost, held(1), held(2, target="refund", definition="refund"), held(4, tenant="acme")]))
    rows = await store.held_records("default", 10)
    assert [one.held.record.offset for one in rows] == [1, 2, 3]
    assert rows == await take_held(store)
    assert await take_held(store, RecordFilter(after=rows[0].place), 1) == [rows[1]]
    assert await take_held(store, RecordFilter(ids=(rows[2].id,))) == [rows[2]]
    assert await take_held(store, RecordFilter(definition="refund")) == [rows[1]]
    assert (await store.count_held("default", RecordFilter(reason="unknown-saga"))).number == 1
    assert [one.held.tenant for one in await take_held(store, tenant="acme")] == ["acme"]


async def test_a_held_record_that_the_sweep_tries_is_left_to_it(database: Database) -> None:
    await write(database.store, Batch(held=[held(1, definition_version=1), held(2)]))
    async with database.store.transaction() as sweep:
        assert len(await sweep.take_held(LOADED, 10)) == 1
        assert [one.held.record.offset for one in await take_held(database.store)] == [2]


@pytest.mark.parametrize(
    "place", ["", "x", "bm8=", "W10=", "ü", "WyJhXHUwMDAwIiwgMCwgMCwgIiIsICIiXQ==", "WyJhIiwgMCwgMCwgInh5eiIsICIiXQ=="]
)
async def test_what_is_no_place_is_refused(store: Store, place: str) -> None:
    await write(store, Batch(dead=[dead(1)]))
    with pytest.raises(ContractError, match="invalid-place"):
        await take(store, RecordFilter(after=place))
