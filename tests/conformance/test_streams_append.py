"""The one transaction: keys, appends, and the check that a decision was taken on what is there."""

from contextlib import suppress
from uuid import UUID

import pytest
from store_shapes import key_row, opened, row, saga, started, write

from saga.errors import KeyTaken, WrongExpectedVersion
from saga.ports.streams import Append, Batch, SagaKey, Store


async def test_an_appended_stream_is_read_back_in_order(store: Store) -> None:
    await write(store, started(1, b"one", b"two"))
    await write(store, Batch(appends=[Append(saga(1), 2, (b"three",))], rows=[row(1, 3)]))

    async with store.transaction() as transaction:
        assert await transaction.load([saga(1), saga(2)]) == {saga(1): [b"one", b"two", b"three"]}
    assert await store.load(saga(1)) == [b"one", b"two", b"three"]
    assert await store.load(saga(2)) == []


async def test_an_append_on_an_old_version_writes_nothing_at_all(store: Store) -> None:  # P2
    await write(store, started(1, b"one", b"two"))
    late = Batch(appends=[Append(saga(1), 1, (b"late",)), Append(saga(2), 0, (b"new",))], rows=[row(2)], keys=[key_row(2)])

    with pytest.raises(WrongExpectedVersion) as conflict:
        await write(store, late)

    assert conflict.value.sagas == {saga(1)}
    assert await store.load(saga(1)) == [b"one", b"two"]
    assert await store.load(saga(2)) == []
    assert await store.find_key(key_row(2).key) is None
    assert await store.get(saga(2)) is None


async def test_an_append_beyond_the_end_of_a_stream_leaves_no_gap(store: Store) -> None:  # P4, check-store rule 1
    await write(store, started(1, b"one"))
    with pytest.raises(WrongExpectedVersion) as conflict:
        await write(store, Batch(appends=[Append(saga(1), 4, (b"five",))]))
    assert conflict.value.sagas == {saga(1)}
    assert await store.load(saga(1)) == [b"one"]


async def test_an_append_to_a_stream_that_is_gone_fails(store: Store) -> None:
    with pytest.raises(WrongExpectedVersion):
        await write(store, Batch(appends=[Append(saga(1), 2, (b"three",))]))


async def test_a_partly_taken_append_names_only_the_saga_that_moved(store: Store) -> None:
    await write(store, started(1))
    batch = Batch(appends=[Append(saga(1), 0, (b"again", b"more")), Append(saga(2), 0, (b"new",))])
    with pytest.raises(WrongExpectedVersion) as conflict:
        await write(store, batch)
    assert conflict.value.sagas == {saga(1)}


@pytest.mark.parametrize("decided_on", [0, 1, 3])
async def test_an_empty_decision_on_another_version_than_the_current_one_fails(store: Store, decided_on: int) -> None:  # P5
    await write(store, started(1, b"one", b"two"))
    with pytest.raises(WrongExpectedVersion) as conflict:
        await write(store, Batch(checks={saga(1): decided_on}, appends=[Append(saga(2), 0, (b"new",))]))
    assert conflict.value.sagas == {saga(1)}
    assert await store.load(saga(2)) == []


async def test_an_empty_decision_on_the_current_version_stands(store: Store) -> None:
    await write(store, started(1, b"one", b"two"))
    await write(store, Batch(checks={saga(1): 2, saga(9): 0}, appends=[Append(saga(2), 0, (b"new",))]))
    assert await store.load(saga(2)) == [b"new"]


async def test_of_two_open_transactions_on_one_saga_one_wins(store: Store) -> None:  # P2
    await write(store, started(1))
    with pytest.raises(WrongExpectedVersion):  # noqa: PT012 -- what fails is the end of the block
        async with store.transaction() as slow:
            assert await slow.load([saga(1)]) == {saga(1): [b"started"]}
            await write(store, Batch(appends=[Append(saga(1), 1, (b"rival",))], rows=[row(1, 2)]))
            await slow.write(Batch(appends=[Append(saga(1), 1, (b"late",))], rows=[row(1, 2)]))
    assert await store.load(saga(1)) == [b"started", b"rival"]


async def test_a_rival_of_an_open_append_conflicts_and_writes_nothing(store: Store) -> None:  # check-store rule 6
    await write(store, started(1))
    async with opened(store, Batch(appends=[Append(saga(1), 1, (b"first",))], rows=[row(1, 2)])):
        with pytest.raises(WrongExpectedVersion):
            await write(store, Batch(appends=[Append(saga(1), 1, (b"rival",))], rows=[row(1, 2)]))
    assert await store.load(saga(1)) == [b"started", b"first"]


async def test_what_is_not_committed_is_seen_by_nobody(store: Store) -> None:
    async with opened(store, started(1)):
        assert await store.load(saga(1)) == []
        assert await store.get(saga(1)) is None
    assert await store.load(saga(1)) == [b"started"]


async def test_an_exception_in_the_transaction_rolls_everything_back(store: Store) -> None:
    with pytest.raises(ZeroDivisionError):
        async with opened(store, started(1)):
            raise ZeroDivisionError
    assert await store.load(saga(1)) == []
    await write(store, started(1))


async def test_a_failed_write_cannot_be_committed_by_swallowing_its_error(store: Store) -> None:
    await write(store, started(1))
    with pytest.raises(WrongExpectedVersion):  # noqa: PT012 -- what fails is the end of the block
        async with store.transaction() as transaction:
            with suppress(WrongExpectedVersion):
                await transaction.write(Batch(appends=[Append(saga(2), 0, (b"new",)), Append(saga(1), 0, (b"again",))]))
    assert await store.load(saga(2)) == []


async def test_a_taken_key_refuses_the_whole_batch_and_can_be_read_afterwards(store: Store) -> None:
    await write(store, Batch(keys=[key_row(1)], appends=[Append(saga(1), 0, (b"one",))]))
    with pytest.raises(KeyTaken):
        await write(store, Batch(keys=[key_row(2, "order-1"), key_row(3)], appends=[Append(saga(2), 0, (b"two",))]))
    async with store.transaction() as transaction:
        keys = [SagaKey("default", "fulfil-order", name) for name in ("order-1", "order-3")]
        assert await transaction.find_keys(keys) == {keys[0]: key_row(1)}
    assert await store.load(saga(2)) == []


async def test_a_key_taken_while_we_decide_refuses_the_batch(store: Store) -> None:
    with pytest.raises(KeyTaken):  # noqa: PT012 -- what fails is the end of the block
        async with store.transaction() as slow:
            assert await slow.find_keys([key_row(1).key]) == {}
            await write(store, Batch(keys=[key_row(1)]))
            await slow.write(Batch(keys=[key_row(2, "order-1")]))
    assert await store.find_key(key_row(1).key) == key_row(1)


async def test_keys_differ_by_tenant_and_definition(store: Store) -> None:
    keys = [SagaKey("default", "fulfil-order", "1"), SagaKey("other", "fulfil-order", "1"), SagaKey("default", "refund", "1")]
    for number, key in enumerate(keys, 1):
        await write(store, Batch(keys=[key_row(number).__class__(key, saga(number), b"p", b"h" * 32)]))
    found = [await store.find_key(key) for key in keys]
    assert [one.saga_id for one in found if one] == [saga(1), saga(2), saga(3)]


async def test_replay_walks_whole_streams_in_order_of_their_ids(store: Store) -> None:
    for number in (3, 1, 2):
        await write(store, started(number, b"%d" % number, b"more"))
    assert await store.streams_after(None, 2) == [(saga(1), [b"1", b"more"]), (saga(2), [b"2", b"more"])]
    assert await store.streams_after(saga(2), 2) == [(saga(3), [b"3", b"more"])]
    assert await store.streams_after(saga(3), 2) == []


async def test_any_bytes_are_kept_as_they_are(store: Store) -> None:  # P14
    body = bytes(range(256)) * 100
    await write(store, started(1, body, b""))
    assert await store.load(saga(1)) == [body, b""]


async def test_time_and_timeline_are_read_by_every_transaction(store: Store) -> None:
    async with store.transaction() as first, store.transaction() as second:
        assert first.now <= second.now
        assert first.now.tzinfo is not None
        assert first.timeline == second.timeline != ""


async def test_a_transaction_that_writes_nothing_commits(store: Store) -> None:
    async with store.transaction() as transaction:
        await transaction.write(Batch())
    async with store.transaction() as transaction:
        await transaction.write(Batch(owner=UUID(int=5), proof_of_commit=True))
    await write(store, Batch(owner=UUID(int=5), proof_of_commit=True))
    assert await store.streams_after(None, 1) == []
