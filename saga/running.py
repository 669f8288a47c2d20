"""Runs a process that stays, a replica or a participant: on the fastest event loop that is installed, with garbage collected seldom."""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

YOUNG = 50_000


def run(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` for as long as the process lives, on uvloop's event loop with the extra `speed`. Raises what `main` raises.

    Why garbage is looked for after 50,000 new containers instead of 700: what a batch makes is freed when the batch is over, and hardly
    anything of it is a cycle; looking through it again and again took a sixth of the CPU time of a saga in memory.
    """
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
    with asyncio.Runner(loop_factory=_fastest()) as runner:
        return runner.run(main)


def _fastest() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - an extra
    except ImportError:
        return None
    return uvloop.new_event_loop
