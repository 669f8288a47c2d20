"""An event loop without waiting: when nothing is ready, time jumps to the next timer. And chance that comes from a seed alone."""

import asyncio
import os
import random
import selectors
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any

from saga.core import upcast
from saga.runtime import folds, intake, offsets, relay, supervisor
from tests.simulate import checks


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time begins at 0 and moves only when everybody waits. Input from outside is never looked at."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_Jump(self))

    def time(self) -> float:
        """Seconds since the beginning."""
        return self.now


class _Jump(selectors.SelectSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        """Nothing comes from outside: the time that would be waited has passed."""
        if timeout is None:
            raise RuntimeError("everybody waits, and nobody for a timer: nothing will ever happen")
        self._loop.now += max(0.0, timeout)
        return []


@contextmanager
def seeded(seed: int, loop: VirtualLoop) -> Iterator[random.Random]:
    """All chance from this seed, all clocks from this loop, until the block ends. Each stored event is decoded once: streams are read
    again and again, and what comes of the same bytes is the same."""
    chance = random.Random(seed)
    with ExitStack() as stack:
        stack.callback(random.setstate, random.getstate())
        random.seed(seed)
        for place, name in ((os, "urandom"), (random, "_urandom")):
            _swap(stack, place, name, chance.randbytes)
        for module in (intake, offsets, relay, supervisor):
            _swap(stack, module, "monotonic", loop.time)
        for module in (folds, relay, checks):
            _swap(stack, module, "decode", cache(upcast.decode))
        yield chance


def _swap(stack: ExitStack, place: Any, name: str, other: object) -> None:
    stack.callback(setattr, place, name, getattr(place, name))
    setattr(place, name, other)
