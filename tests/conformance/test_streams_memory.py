"""What only the memory store can do: fail where a test wants it to."""

from datetime import timedelta

import pytest
from store_shapes import opened, row, saga, started, write

from saga.errors import Unavailable, UnknownOutcome, WrongExpectedVersion
from saga.ports.streams import Append, Batch
from saga.testing.store import MemoryStore


@pytest.fixture
def memory() -> MemoryStore:
    return MemoryStore()


@pytest.mark.parametrize(("point", "applied"), [("commit", False), ("committed", True)])
async def test_a_commit_may_have_happened_or_not(memory: MemoryStore, point: str, applied: bool) -> None:  # P1
    memory.fail_next(point, UnknownOutcome("no answer"))
    with pytest.raises(UnknownOutcome):
        await write(memory, started(1))
    assert await memory.load(saga(1)) == ([b"started"] if applied else [])
    assert (await memory.get(saga(1)) is not None) is applied
    await write(memory, started(2))


@pytest.mark.parametrize("point", ["begin", "write"])
async def test_a_database_may_be_away_at_any_point(memory: MemoryStore, point: str) -> None:
    memory.fail_next(point, Unavailable("postgres", "planted"))
    with pytest.raises(Unavailable):
        await write(memory, started(1))
    await write(memory, started(1))


@pytest.mark.parametrize("applied", [True, False])
async def test_a_ghost_commit_keeps_its_locks_until_it_is_settled(memory: MemoryStore, applied: bool) -> None:  # P1
    memory.haunt_next_commit()
    with pytest.raises(UnknownOutcome):
        await write(memory, started(1))
    with pytest.raises(WrongExpectedVersion):
        await write(memory, started(1, b"again"))
    memory.settle_ghosts(applied=applied)
    if applied:
        with pytest.raises(WrongExpectedVersion):
            await write(memory, started(1, b"again"))
    else:
        await write(memory, started(1, b"again"))
    assert await memory.load(saga(1)) == [b"started" if applied else b"again"]


async def test_a_failover_ends_open_transactions_and_may_lose_commits(memory: MemoryStore) -> None:  # P4, check-store rule 1
    await write(memory, started(1))
    before = memory.data.copy()
    await write(memory, Batch(appends=[Append(saga(1), 1, (b"lost",))], rows=[row(1, 2)]))
    async with memory.transaction() as transaction:
        old = transaction.timeline
    with pytest.raises(UnknownOutcome):
        async with opened(memory, started(2)):
            memory.fail_over(before)
    assert await memory.load(saga(1)) == [b"started"]
    assert await memory.load(saga(2)) == []
    async with memory.transaction() as transaction:
        assert transaction.timeline != old


async def test_a_rival_of_an_open_transaction_is_told_which_saga_it_was(memory: MemoryStore) -> None:
    async with opened(memory, started(1)):
        with pytest.raises(WrongExpectedVersion) as conflict:
            await write(memory, Batch(appends=[Append(saga(1), 0, (b"rival",)), Append(saga(2), 0, (b"new",))]))
    assert conflict.value.sagas == {saga(1)}


async def test_a_hook_runs_a_rival_between_the_write_and_the_commit(memory: MemoryStore) -> None:
    seen: list[str] = []

    async def rival(point: str) -> None:
        seen.append(point)
        if seen == ["begin", "write", "commit"]:
            assert await memory.load(saga(1)) == []

    memory.hook = rival
    await write(memory, started(1))
    assert seen == ["begin", "write", "commit", "load", "committed"]


async def test_its_clock_is_turned_by_hand_or_given(memory: MemoryStore) -> None:
    memory.now += timedelta(days=1)
    async with memory.transaction() as transaction:
        assert transaction.now == memory.now
    later = memory.now + timedelta(days=7)
    async with MemoryStore(clock=lambda: later).transaction() as transaction:
        assert transaction.now == later
