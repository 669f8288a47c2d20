"""What a batch reads of its sagas' streams, and how much of it at a time."""

from collections.abc import Collection
from uuid import UUID

import pytest

from saga.runtime.folds import READ_TOGETHER
from saga.testing.store_transaction import MemoryTransaction
from tests.flow.world import World


async def test_a_batch_reads_streams_a_part_at_a_time_and_each_once(monkeypatch: pytest.MonkeyPatch) -> None:  # I19
    world = World()
    first, second = world.replica(), world.replica()
    orders = 2 * READ_TOGETHER + 1
    await first.intake.records([world.place(f"o-{number}") for number in range(orders)])
    await first.relay.drain(5)
    asked: list[list[UUID]] = []
    load = MemoryTransaction.load

    async def noted(tx: MemoryTransaction, sagas: Collection[UUID]) -> dict[UUID, list[bytes]]:
        asked.append(list(sagas))
        return await load(tx, sagas)

    monkeypatch.setattr(MemoryTransaction, "load", noted)
    await second.intake.records(world.answers())
    assert [len(sagas) for sagas in asked] == [READ_TOGETHER, READ_TOGETHER, 1]
    assert len({saga_id for sagas in asked for saga_id in sagas}) == orders
    await second.relay.drain(5)
    assert len(world.wire.records) == 3 * orders  # the first step of each, then two side by side
