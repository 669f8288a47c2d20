"""A DSN with several hosts: whoever answers first and takes writes.

    postgresql://saga@db-1:5432,db-2:5432/saga

Each host is asked by itself, the next one half a second after the one before, or at once when that one has failed (as RFC 8305 does for
addresses). Why not the driver's own way through the list: it waits for one host after the other within one limit of time, and a machine
that is gone without a word uses up all of it. After a failover to the second host nobody would ever reach it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

APART = 0.5

Connect = Callable[..., Awaitable[Any]]


def one_by_one(dsn: str) -> list[str]:
    """A DSN for each host that stands in the authority of this one; itself if there is but one."""
    scheme, separator, rest = dsn.partition("://")
    authority, slash, path = rest.partition("/")
    login, at, places = authority.rpartition("@")
    if not separator or "," not in places:
        return [dsn]
    return [f"{scheme}://{login}{at}{place}{slash}{path}" for place in places.split(",") if place]


def any_host(connect: Connect) -> Connect:
    """`connect` for a DSN with several hosts: it is called for each of them, and the first connection that is made is the one.

    `timeout` holds for all of it. Raises what the server said that refused, if one did, else what went wrong last.
    """

    async def connect_any(dsn: str, *, timeout: float, **arguments: Any) -> Any:
        places = one_by_one(dsn)
        if len(places) == 1:
            return await connect(dsn, timeout=timeout, **arguments)
        async with asyncio.timeout(timeout):
            return await _race([partial(connect, place, timeout=timeout, **arguments) for place in places])

    return connect_any


async def _race(starts: list[Callable[[], Awaitable[Any]]]) -> Any:
    running: set[asyncio.Future[Any]] = set()
    errors: list[BaseException] = []
    waiting = list(starts)
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.ensure_future(waiting.pop(0)()))
            done, running = await asyncio.wait(running, timeout=APART if waiting else None, return_when=asyncio.FIRST_COMPLETED)
            made = [one.result() for one in done if one.exception() is None]
            errors += [error for one in done if (error := one.exception()) is not None]
            if made:
                for spare in made[1:]:
                    spare.terminate()
                return made[0]
    finally:
        await _drop(running)
    raise next((error for error in errors if not isinstance(error, OSError | TimeoutError)), errors[-1])


async def _drop(running: set[asyncio.Future[Any]]) -> None:
    """Attempts that nobody wants any more; a connection that was made all the same is closed."""
    for one in running:
        one.cancel()
    for found in await asyncio.gather(*running, return_exceptions=True):
        if not isinstance(found, BaseException):
            found.terminate()
