"""The HTTP server of a replica, in the loop that the replica runs in."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import uvicorn

ANSWER_WITHIN = 2


class Web:
    """A server that runs."""

    def __init__(self, server: uvicorn.Server) -> None:
        self._server = server
        self._task = asyncio.create_task(server.serve())

    async def stop(self) -> None:
        """Answer what was asked, for at most two seconds, and take nothing new."""
        self._server.should_exit = True
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_WITHIN + 1):
                await self._task


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the replica's: it drains first, and its last answers are given meanwhile."""
        yield


def serve_http(app: Any, host: str, port: int) -> Web:
    """Serve an ASGI application from now on.

    Why h11 and not whatever is installed: httptools takes headers without an end, and keeps them. 200 MB of them made a server grow by 194
    MiB; h11 hangs up after 64 kB.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http="h11",
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=ANSWER_WITHIN,
    )
    return Web(_Server(config))
