"""The cache of folds is bounded by bytes: what it takes a fold for is what the fold takes."""

import gc
import tracemalloc
from uuid import UUID

import pytest

from saga.core.events import SagaPaused
from saga.core.evolve import fold
from saga.core.upcast import decode, encode
from saga.runtime.folds import FoldCache, size_of
from tests.bench.core_row import BEGINNING, story
from tests.bench.stored import shop

SAGAS = 200


def streams(records: int, pauses: int = 0) -> list[list[bytes]]:
    """Of sagas that have heard so many records, and were then paused so often."""
    definition, found = shop(), []
    for number in range(SAGAS):
        decisions = zip(range(records), story(definition, f"order-{number:036}"), strict=False)
        found.append([encode(event) for _, decision in decisions for event in decision.events])
    acts = [encode(SagaPaused(at=BEGINNING, actor="ada", reason="why", input_id=f"pause-definition:{act:036}")) for act in range(pauses)]
    return [stream + acts for stream in found]


@pytest.mark.parametrize(("records", "pauses"), [(1, 0), (4, 0), (1, 100)])
def test_a_fold_takes_the_bytes_that_it_is_counted_as(records: int, pauses: int) -> None:  # I19
    stored = streams(records, pauses)
    gc.collect()
    tracemalloc.start()
    try:
        folds = [fold(decode(body) for body in stream) for stream in stored]
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sum(map(size_of, folds)) == pytest.approx(taken, rel=0.15)


def test_the_cache_keeps_what_was_used_last_within_its_bytes() -> None:
    folds = [fold(decode(body) for body in stream) for stream in streams(1)[:3]]
    cache = FoldCache(2 * size_of(folds[0]))
    first, second, third = (UUID(int=number) for number in range(3))
    cache.put(first, folds[0])
    cache.put(second, folds[1])
    assert cache.get(first) is folds[0]
    cache.put(third, folds[2])
    assert [cache.get(saga_id) for saga_id in (first, second, third)] == [folds[0], None, folds[2]]
