"""A stored body takes the memory of its bytes: a replica holds a hundred thousand of them."""

import tracemalloc

from saga.body import canonical

BODIES = 200


def test_canonical_bytes_do_not_keep_the_buffer_they_were_written_in() -> None:
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        bodies = [canonical({"number": number}) for number in range(BODIES)]
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(set(bodies)) == BODIES
    assert (after - before) / BODIES < 150
