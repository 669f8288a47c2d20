"""Closing a Kafka client within a bound, whatever it does meanwhile.

Why not only `stop()`: it waits for a join that another member holds up, or flushes to a broker that is gone. Cancelling it leaves the
client's own tasks behind, and a heart that goes on beating keeps partitions from everybody (hazard K5). So what `stop()` does not end
in time is ended by hand: its tasks, then its connections.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

_TASKS = (
    ("_coordinator", "_coordination_task"),
    ("_coordinator", "_heartbeat_task"),
    ("_coordinator", "_commit_refresh_task"),
    ("_fetcher", "_fetch_task"),
    ("_sender", "_sender_task"),
)
ABANDON_WITHIN = 1.0


async def close(client: Any, seconds: float) -> None:
    """Stop an aiokafka client, for at most `seconds` and one more. Its errors are of no use to anybody any more.

    Why a task of its own: aiokafka awaits its cancelled fetches and lets their CancelledError out, which would look like ours.
    """
    task = asyncio.ensure_future(client.stop())
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if done:
        _forget(task)
        return
    task.add_done_callback(_forget)
    task.cancel()
    await _abandon(client)


async def _abandon(client: Any) -> None:
    left = list(_tasks(client))
    for task in left:
        task.cancel()
        task.add_done_callback(_forget)
    connections = getattr(client, "_client", None) or getattr(client, "client", None)
    if connections is not None:
        closing = asyncio.ensure_future(connections.close())
        closing.add_done_callback(_forget)
        left.append(closing)
    if left:
        await asyncio.wait(left, timeout=ABANDON_WITHIN)


def _tasks(client: Any) -> Iterator[asyncio.Future[Any]]:
    for owner, name in _TASKS:
        task = getattr(getattr(client, owner, None), name, None)
        if isinstance(task, asyncio.Future) and not task.done():
            yield task


def _forget(task: "asyncio.Future[Any]") -> None:
    if not task.cancelled():
        task.exception()
