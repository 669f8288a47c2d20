"""Rows of sagas: whole, never older than they were, with a due time that is a lower bound; lists, sweeps and rebuilds over them."""

from datetime import timedelta

import pytest
from store_shapes import LOADED, START, Database, opened, row, saga, started, write

from saga.ports.streams import Append, Batch, LoadedVersion, Mend, SagaFilter, Store

LONG_AGO = START - timedelta(days=400)
SOON = START + timedelta(days=40_000)


async def change(store: Store, number: int, version: int, **changes: object) -> None:
    """One more event, and the row after it."""
    await write(store, Batch(appends=[Append(saga(number), version - 1, (b"more",))], rows=[row(number, version, **changes)]))


async def due_of(store: Store, number: int) -> object:
    found = await store.get(saga(number))
    assert found is not None
    return found.due_at


async def test_a_row_is_written_and_read_whole(store: Store) -> None:
    whole = row(1, tenant="shop", parked_steps=("ship", "confirm"), due_at=SOON, ended_at=SOON, status="parked", waits_for="a person")
    await write(store, Batch(appends=[Append(saga(1), 0, (b"one",))], rows=[whole]))
    assert await store.get(saga(1)) == whole
    assert await store.get(saga(2)) is None
    assert await store.rows_of([saga(1), saga(2)]) == {saga(1): whole}


async def test_a_later_due_does_not_move_the_stored_one_and_an_earlier_does(store: Store) -> None:
    await write(store, started(1, due_at=START))
    await change(store, 1, 2, due_at=SOON)
    assert await due_of(store, 1) == START
    await change(store, 1, 3, due_at=LONG_AGO)
    assert await due_of(store, 1) == LONG_AGO
    await change(store, 1, 4, due_at=None)
    assert await due_of(store, 1) == LONG_AGO


async def test_a_due_after_none_is_written(store: Store) -> None:  # check-store rule 3
    await write(store, started(1, due_at=None))
    await change(store, 1, 2, due_at=SOON)
    assert await due_of(store, 1) == SOON


@pytest.mark.parametrize("old", [1, 2])
async def test_a_row_never_goes_back_to_an_older_version(store: Store, old: int) -> None:  # check-store rule 4
    await write(store, started(1))
    await change(store, 1, 2, waits_for="the newest")
    await write(store, Batch(rows=[row(1, old, waits_for="older", due_at=LONG_AGO)]))
    assert await store.get(saga(1)) == row(1, 2, waits_for="the newest")


async def test_an_end_clears_the_due_and_a_reopening_writes_its_own(store: Store) -> None:  # check-store rule 3
    await write(store, started(1, due_at=START))
    await change(store, 1, 2, ended=True, status="completed", due_at=None)
    assert await due_of(store, 1) is None
    await change(store, 1, 3, ended=False, status="compensating", due_at=SOON)
    assert await due_of(store, 1) == SOON


async def test_a_mend_is_written_on_the_version_it_was_found_on(store: Store) -> None:
    await write(store, started(1, due_at=START))
    await write(store, Batch(checks={saga(1): 1}, mends=[Mend(saga(1), 1, SOON)]))
    assert await due_of(store, 1) == SOON
    await write(store, Batch(checks={saga(1): 1}, mends=[Mend(saga(1), 1, None)]))
    assert await due_of(store, 1) is None


async def test_a_mend_found_on_another_version_is_dropped(store: Store) -> None:  # P6, check-store rule 2
    await write(store, started(1, due_at=START))
    await change(store, 1, 2, due_at=START)
    await write(store, Batch(mends=[Mend(saga(1), 1, None), Mend(saga(2), 1, None)]))
    assert await due_of(store, 1) == START


async def test_a_mend_does_not_wait_for_a_rival_that_holds_the_row(store: Store) -> None:  # check-store rule 2
    await write(store, started(1, due_at=START))
    async with opened(store, Batch(appends=[Append(saga(1), 1, (b"two",))], rows=[row(1, 2, due_at=LONG_AGO)])):
        await write(store, Batch(mends=[Mend(saga(1), 1, None)]))
    assert await due_of(store, 1) == LONG_AGO


async def test_rebuild_writes_the_exact_due_and_all_of_the_row(store: Store) -> None:
    await write(store, started(1, due_at=START))
    assert await store.rebuild_rows([row(1, due_at=SOON, waits_for="other", tenant="shop"), row(2)]) == 2
    assert await store.get(saga(1)) == row(1, due_at=SOON, waits_for="other", tenant="shop")
    assert await store.get(saga(2)) == row(2)


async def test_rebuild_does_not_overwrite_a_row_that_live_writes_have_overtaken(store: Store) -> None:  # check-store rule 4
    await write(store, started(1, due_at=START))
    await change(store, 1, 2, due_at=START, waits_for="live")
    assert await store.rebuild_rows([row(1, 1, due_at=None)]) == 0
    assert await store.get(saga(1)) == row(1, 2, due_at=START, waits_for="live")
    assert await store.rebuild_rows([]) == 0


async def test_a_batch_inserts_a_row_that_was_lost(store: Store) -> None:  # check-store rule 4
    await write(store, Batch(appends=[Append(saga(1), 0, (b"one",))]))
    assert await store.get(saga(1)) is None
    await change(store, 1, 2, due_at=START)
    assert await store.get(saga(1)) == row(1, 2, due_at=START)


async def test_sweep_finds_due_sagas_oldest_first(store: Store) -> None:
    await write(store, started(1, due_at=START))
    await write(store, started(2, due_at=LONG_AGO))
    await write(store, started(3, due_at=SOON))
    assert await store.due_sagas(LOADED, 10) == [saga(2), saga(1)]
    assert await store.due_sagas(LOADED, 1) == [saga(2)]


async def test_a_due_passes_by_the_clock_of_the_database(database: Database) -> None:
    async with database.store.transaction() as transaction:
        due = transaction.now + timedelta(seconds=100)
    await write(database.store, started(1, due_at=due))
    assert await database.store.due_sagas(LOADED, 10) == []
    await database.age(101)
    assert await database.store.due_sagas(LOADED, 10) == [saga(1)]


@pytest.mark.parametrize("stuck", [{"definition_version": 2}, {"definition": "refund"}, {"status": "paused"}])
async def test_what_this_replica_may_not_touch_does_not_starve_the_rest(store: Store, stuck: dict[str, object]) -> None:
    for number in (1, 2, 3):
        await write(store, started(number, due_at=LONG_AGO, **stuck))
    await write(store, started(4, due_at=START))
    assert await store.due_sagas(LOADED, 2) == [saga(4)]
    assert await store.due_sagas([], 2) == []


async def test_a_quarantined_saga_is_left_alone_until_its_row_is_written_again(store: Store) -> None:  # S18
    await write(store, started(1, due_at=LONG_AGO))
    await write(store, Batch(quarantined=[(saga(1), "ValueError"), (saga(1), "ValueError"), (saga(7), "KeyError")]))
    assert await store.due_sagas(LOADED, 10) == []
    await store.rebuild_rows([row(1, due_at=LONG_AGO)])
    assert await store.due_sagas(LOADED, 10) == [saga(1)]


async def test_only_loaded_versions_are_swept_of_a_definition_with_two(store: Store) -> None:
    await write(store, started(1, due_at=START, definition_version=1))
    await write(store, started(2, due_at=START, definition_version=2))
    assert await store.due_sagas([LoadedVersion("fulfil-order", 2)], 10) == [saga(2)]


async def fill(store: Store) -> None:
    """Five sagas: 5 of another tenant, 4 ended, 3 of another definition, 2 older."""
    rows = [
        row(1),
        row(2, started_at=LONG_AGO),
        row(3, definition="refund"),
        row(4, status="completed", ended=True),
        row(5, tenant="shop", key="order-1"),
    ]
    await store.rebuild_rows(rows)


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        (SagaFilter(tenant=None), [5, 4, 3, 2, 1]),
        (SagaFilter(), [4, 3, 2, 1]),
        (SagaFilter(tenant="shop"), [5]),
        (SagaFilter(definition="refund"), [3]),
        (SagaFilter(status="running"), [3, 2, 1]),
        (SagaFilter(status="completed"), [4]),
        (SagaFilter(key="order-1"), [1]),
        (SagaFilter(tenant=None, key="order-1"), [5, 1]),
        (SagaFilter(started_before=START), [2]),
        (SagaFilter(started_after=START), [4, 3, 1]),
        (SagaFilter(status="running", definition="refund", key="order-1"), []),
    ],
)
async def test_lists_show_what_fits_newest_first(store: Store, wanted: SagaFilter, shown: list[int]) -> None:
    await fill(store)
    page = await store.list_sagas(wanted, 10, None)
    assert [one.saga_id for one in page.rows] == [saga(number) for number in shown]
    assert page.after is None


async def test_pages_join_without_gap_or_copy(store: Store) -> None:
    await fill(store)
    first = await store.list_sagas(SagaFilter(), 2, None)
    assert ([one.saga_id for one in first.rows], first.after) == ([saga(4), saga(3)], saga(3))
    await store.rebuild_rows([row(6)])
    second = await store.list_sagas(SagaFilter(), 2, first.after)
    assert ([one.saga_id for one in second.rows], second.after) == ([saga(2), saga(1)], None)
