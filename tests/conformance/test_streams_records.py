"""Pointers, held records, dead letters, and what replicas tell each other."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest
from store_shapes import LOADED, Database, opened, record, row, saga, started, write

from saga.errors import ConfigurationError
from saga.ports.access import AuditEntry
from saga.ports.messaging import InboundRecord
from saga.ports.streams import Append, Batch, DeadLetter, DefinitionRow, HeldRecord, LoadedVersion, PausedDefinition, Pointer, Store

ME, YOU = UUID(int=101), UUID(int=102)
ENTRY = AuditEntry("default", "ada", "pause-definition", "done", "request-1")
ONE, TWO = Pointer(saga(1), 1), Pointer(saga(1), 2)


def pointing(*pointers: Pointer, owner: UUID = ME, claim_for: float = 10.0) -> Batch:
    return Batch(appends=[Append(saga(1), 0, (b"one", b"two"))], pointers=list(pointers), owner=owner, claim_for=claim_for)


async def test_a_pointer_is_its_owners_until_its_time_has_passed(database: Database) -> None:
    await write(database.store, pointing(ONE, TWO))
    assert await database.store.claim_pointers(YOU, 10, 15) == []
    await database.age(10.5)
    assert await database.store.claim_pointers(YOU, 10, 15) == [ONE, TWO]
    assert await database.store.claim_pointers(ME, 10, 15) == []
    await database.age(15.5)
    assert await database.store.claim_pointers(ME, 10, 15) == [ONE, TWO]


async def test_claims_take_the_oldest_first_up_to_the_limit(database: Database) -> None:
    await write(database.store, pointing(TWO))
    await database.age(1)
    await write(database.store, Batch(pointers=[ONE], owner=ME))
    await database.age(20)
    assert await database.store.claim_pointers(YOU, 1, 15) == [TWO]
    assert await database.store.claim_pointers(YOU, 1, 15) == [ONE]


async def test_two_claims_at_once_share_nothing(database: Database) -> None:
    await write(database.store, pointing(*(Pointer(saga(1), version) for version in range(1, 41))))
    await database.age(11)
    claims = await asyncio.gather(*(database.store.claim_pointers(UUID(int=number), 20, 15) for number in range(4)))
    claimed = [pointer for claim in claims for pointer in claim]
    assert len(claimed) == len(set(claimed)) == 40


async def test_acknowledged_pointers_leave_with_the_next_batch_or_alone(database: Database) -> None:
    await write(database.store, pointing(ONE, TWO))
    await write(database.store, Batch(acknowledged=[ONE, Pointer(saga(9), 9)]))
    assert (await database.store.figures())["outbox"] == 1
    await database.store.delete_pointers([TWO, ONE])
    await database.store.delete_pointers([])
    assert (await database.store.figures())["outbox"] == 0


async def test_deleting_a_pointer_that_somebody_deletes_does_not_wait(store: Store) -> None:  # check-store rule 5
    await write(store, pointing(ONE, TWO))
    async with opened(store, Batch(acknowledged=[ONE])):
        await asyncio.wait_for(store.delete_pointers([ONE, TWO]), 1)
        assert (await store.figures())["outbox"] == 1
    assert (await store.figures())["outbox"] == 0


async def test_a_claim_leaves_a_pointer_that_a_batch_deletes_and_does_not_wait(database: Database) -> None:  # check-store rule 5
    await write(database.store, pointing(ONE, TWO))
    await database.age(11)
    async with opened(database.store, Batch(acknowledged=[ONE])):
        assert await asyncio.wait_for(database.store.claim_pointers(YOU, 10, 15), 5) == [TWO]
    assert (await database.store.figures())["outbox"] == 1


async def test_a_pointer_stays_when_its_deleting_batch_fails(store: Store) -> None:
    await write(store, pointing(ONE))
    with pytest.raises(ZeroDivisionError):
        async with opened(store, Batch(acknowledged=[ONE])):
            raise ZeroDivisionError
    assert (await store.figures())["outbox"] == 1


def held(offset: int = 0, target: str = "fulfil-order", version: int = 1, value: bytes | None = b"{}") -> HeldRecord:
    return HeldRecord(record(offset, value), target, "version-not-loaded", "fulfil-order", version)


def lost(number: int, offset: int = 0) -> HeldRecord:
    """A record of a saga that is not known yet."""
    return HeldRecord(record(offset), str(saga(number)), "unknown-saga-yet")


async def take(store: Store, limit: int = 10, loaded: list[LoadedVersion] = LOADED) -> list[HeldRecord]:
    async with store.transaction() as transaction:
        return [replace(one, held_at=None) for one in await transaction.take_held(loaded, limit)]


async def test_a_held_record_is_found_when_its_version_is_loaded(store: Store) -> None:
    await write(store, Batch(held=[held(1), held(2, version=2), held(3, value=None)]))
    assert await take(store) == [held(1), held(3, value=None)]
    assert await take(store, loaded=[]) == []
    assert len(await take(store, 1)) == 1


async def test_the_same_record_is_held_once_and_another_at_its_place_too(store: Store) -> None:  # K1, K8, check-store rule 8
    await write(store, Batch(held=[held(1)]))
    await write(store, Batch(held=[held(1), held(1, target="refund"), held(1, value=b"other")]))
    taken = await take(store)
    assert len(taken) == 3
    assert {(one.target, one.record.value) for one in taken} == {("fulfil-order", b"{}"), ("refund", b"{}"), ("fulfil-order", b"other")}


async def test_held_records_taken_by_an_open_transaction_are_not_taken_twice(store: Store) -> None:
    await write(store, Batch(held=[held(1), held(2)]))
    async with store.transaction() as first:
        assert len(await first.take_held(LOADED, 1)) == 1
        async with store.transaction() as second:
            others = await second.take_held(LOADED, 10)
            assert [one.record.offset for one in others] == [2]


async def test_a_released_record_is_gone_after_the_commit_and_not_before(store: Store) -> None:
    await write(store, Batch(held=[held(1), held(2)]))
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 -- what fails is the end of the block
        async with store.transaction() as transaction:
            await transaction.write(Batch(released=await transaction.take_held(LOADED, 10)))
            raise ZeroDivisionError
    async with store.transaction() as transaction:
        await transaction.write(Batch(released=await transaction.take_held(LOADED, 1)))
    assert await take(store) == [held(2)]
    assert (await store.figures())["held"] == 1


async def test_a_record_that_is_released_and_held_again_waits_for_the_new_thing(store: Store) -> None:
    await write(store, Batch(held=[lost(1)]))
    await write(store, started(1, definition_version=2))
    again = replace(lost(1), definition="fulfil-order", definition_version=2, reason="version-not-loaded")
    async with store.transaction() as transaction:
        await transaction.write(Batch(released=await transaction.take_held(LOADED, 10), held=[again]))
    assert await take(store) == []
    assert await take(store, loaded=[LoadedVersion("fulfil-order", 2)]) == [again]


async def test_a_record_of_an_unknown_saga_is_found_when_the_saga_has_appeared(store: Store) -> None:
    await write(store, Batch(held=[lost(1), lost(2, offset=1)]))
    assert await take(store) == []
    await write(store, started(2))
    assert await take(store, loaded=[]) == [lost(2, offset=1)]


async def test_a_record_of_a_saga_that_never_appears_is_handed_out_in_the_end(database: Database) -> None:  # K11
    await write(database.store, Batch(held=[lost(1), held(2, version=2)]))
    await database.age(30)
    assert await take(database.store) == []
    await database.age(31)
    assert await take(database.store) == [replace(lost(1), reason="unknown-saga")]


async def test_holding_again_does_not_begin_the_wait_anew(database: Database) -> None:
    await write(database.store, Batch(held=[lost(1)]))
    await database.age(40)
    await write(database.store, Batch(held=[lost(1)]))
    await database.age(21)
    assert [one.reason for one in await take(database.store)] == ["unknown-saga"]


def dead(offset: int = 0, value: bytes | None = b"{}", **changes: str) -> DeadLetter:
    words = {"target": "fulfil-order", "reason": "bad-value", "detail": "a number has a fraction"}
    return DeadLetter(record(offset, value), **(words | changes))


async def test_a_dead_letter_is_kept_once_with_its_record(store: Store) -> None:
    await write(store, Batch(dead=[dead(), dead(1, None)]))
    await write(store, Batch(dead=[dead(reason="other"), dead()]))
    rows = await store.dead_letters("default", 10, None)
    assert sorted((one.letter for one in rows), key=lambda one: one.record.offset) == [dead(), dead(1, None)]
    assert len({one.id for one in rows}) == 2
    assert (await store.figures())["dead"] == 2


async def test_another_record_at_the_same_place_is_another_dead_letter(store: Store) -> None:  # K8, check-store rule 8
    letters = [dead(), dead(value=b"other"), dead(value=b""), dead(value=None), dead(target="refund")]
    await write(store, Batch(dead=letters))
    assert len(await store.dead_letters(None, 10, None)) == 5


async def test_a_huge_record_is_cut_and_still_told_apart(store: Store) -> None:  # K11
    huge = b"x" * 100_000
    await write(store, Batch(dead=[dead(value=huge), dead(value=huge + b"y")]))
    rows = await store.dead_letters(None, 10, None)
    assert [len(one.letter.record.value or b"") for one in rows] == [65_536, 65_536]


async def test_huge_headers_and_keys_are_cut(store: Store) -> None:  # K11
    headers = (("first", b"1"), ("second", b"x" * 70_000), ("third", b"3"))
    whole = InboundRecord("order.events", 0, 0, b"k" * 70_000, b"{}", headers)
    await write(store, Batch(dead=[replace(dead(), record=whole)]))
    (kept,) = await store.dead_letters(None, 10, None)
    assert kept.letter.record.headers == (("first", b"1"),)
    assert len(kept.letter.record.key or b"") == 65_536


async def test_text_that_a_database_refuses_does_not_stop_the_batch(store: Store) -> None:  # P14
    odd = replace(record(), headers=(("na\0me", b"\0"),))
    await write(store, Batch(dead=[replace(dead(target="a\0b", detail="half \ud800 pair"), record=odd)]))
    (kept,) = await store.dead_letters(None, 10, None)
    assert (kept.letter.target, kept.letter.detail) == ("a\ufffdb", "half ? pair")
    assert kept.letter.record.headers == (("na\ufffdme", b"\0"),)


async def test_dead_letters_come_newest_first_in_pages_of_one_tenant(database: Database) -> None:
    for offset in range(3):
        await write(database.store, Batch(dead=[dead(offset), dead(offset + 10, tenant="shop")]))
        await database.age(1)
    first = await database.store.dead_letters("default", 2, None)
    rest = await database.store.dead_letters("default", 2, first[-1].id)
    assert [one.letter.record.offset for one in [*first, *rest]] == [2, 1, 0]
    assert await database.store.dead_letters("default", 2, rest[-1].id) == []
    assert await database.store.dead_letters("default", 2, "no id") == []
    assert len(await database.store.dead_letters(None, 10, None)) == 6


def definition(version: int = 1, digest: str = "abc", **changes: str) -> DefinitionRow:
    words = {"name": "fulfil-order", "graph": "graph TD", "starts_on": "shop.placed.v1"} | changes
    return DefinitionRow(version=version, hash=digest, topics=("payment.events", "order.events"), **words)


async def test_new_sagas_run_on_the_newest_version_that_all_live_replicas_have(store: Store) -> None:
    assert await store.newest_common() == {}
    await store.publish(ME, [definition(1), definition(2), definition(name="refund")])
    assert await store.newest_common() == {"fulfil-order": 2, "refund": 1}
    await store.publish(YOU, [definition(1)])
    assert await store.newest_common() == {"fulfil-order": 1}
    assert await store.newest_loaded() == {"fulfil-order": 2, "refund": 1}
    await store.retire(YOU)
    assert await store.newest_common() == {"fulfil-order": 2, "refund": 1}


async def test_a_replica_without_heartbeat_does_not_count(database: Database) -> None:
    await database.store.publish(YOU, [definition(1)])
    await database.age(16)
    await database.store.publish(ME, [definition(2)])
    assert await database.store.newest_common() == await database.store.newest_loaded() == {"fulfil-order": 2}
    await database.age(16)
    assert await database.store.newest_common() == await database.store.newest_loaded() == {}
    assert await database.store.definitions() == [definition(1), definition(2)]


async def test_a_version_published_with_another_graph_is_refused(store: Store) -> None:
    await store.publish(YOU, [definition(1)])
    with pytest.raises(ConfigurationError, match="fulfil-order version 1"):
        await store.publish(ME, [definition(1, "xyz"), definition(2)])
    assert await store.definitions() == [definition(1)]
    assert await store.newest_common() == {"fulfil-order": 1}


async def test_the_same_graph_may_be_drawn_better(store: Store) -> None:
    await store.publish(ME, [definition(1)])
    await store.publish(ME, [definition(1, graph="graph LR")])
    assert await store.definitions() == [definition(1, graph="graph LR")]


async def test_figures_count_what_is_open_and_what_waits(database: Database) -> None:
    empty = {"open": {}, "outbox": 0, "outbox_age": 0.0, "held": 0, "dead": 0}
    assert await database.store.figures() == empty
    rows = [row(1), row(2), row(3, status="parked"), row(4, status="completed", ended=True)]
    await database.store.rebuild_rows(rows)
    await write(database.store, pointing(ONE))
    await database.age(100)
    figures = await database.store.figures()
    assert (figures["open"], figures["outbox"]) == ({"running": 2, "parked": 1}, 1)
    assert 100 <= figures["outbox_age"] < 160


async def test_a_database_with_its_schema_answers(store: Store) -> None:
    await store.ping()


async def test_a_pause_of_a_definition_is_seen_by_every_transaction_that_begins_after_it(store: Store) -> None:
    pause = PausedDefinition("default", "fulfil-order", "ada", 'fire\nin "A"', "request-1")
    async with store.transaction() as before:
        assert before.paused == {}
    assert await store.pause_definition(pause, ENTRY)
    assert not await store.pause_definition(replace(pause, actor="eve"), ENTRY)
    async with store.transaction() as tx:
        seen = tx.paused["default", "fulfil-order"]
    (listed,) = await store.paused_definitions()
    assert seen == listed == replace(pause, paused_at=listed.paused_at)
    assert listed.paused_at is not None
    assert await store.resume_definition("other", "fulfil-order", ENTRY) is None
    assert await store.resume_definition("default", "fulfil-order", ENTRY) == listed
    async with store.transaction() as after:
        assert after.paused == {}
