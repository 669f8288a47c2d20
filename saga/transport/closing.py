"""Closing a Kafka client within a bound, whatever it does meanwhile."""

import asyncio
from typing import Protocol


class _Client(Protocol):
    async def stop(self) -> None: ...


async def close(client: _Client, seconds: float) -> None:
    """Stop it, for at most so long. Its errors are of no use to anybody any more.

    Why a task of its own: aiokafka awaits its cancelled fetches and lets their CancelledError out, which would look like ours.
    """
    task = asyncio.ensure_future(client.stop())
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if not done:
        task.cancel()
    elif not task.cancelled():
        task.exception()
