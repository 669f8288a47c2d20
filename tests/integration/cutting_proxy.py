"""A proxy between a client and Postgres that cuts, or keeps back, what passes around a COMMIT (hazard P1)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum
from urllib.parse import urlsplit

_CANCEL_REQUEST = b"\x00\x00\x00\x10\x04\xd2\x16\x2e"
_COMMIT = b"Q\x00\x00\x00\x0bcommit\x00"


class At(Enum):
    """What happens to the next COMMIT."""

    NOTHING = "it passes"
    REQUEST_CUT = "it never reaches the server"
    ANSWER_CUT = "the server commits, the answer does not come back, the connection breaks"
    ANSWER_KEPT = "the server commits, the answer is kept back until `release`"


class CuttingProxy:
    """Listens on a loopback port; `dsn` is the server's DSN through it, `cancels` counts cancel requests."""

    def __init__(self, dsn: str) -> None:
        self.at = At.NOTHING
        self.dsn = dsn
        self.cancels = 0
        self.committing = asyncio.Event()
        self.release = asyncio.Event()
        self._server = urlsplit(dsn)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["CuttingProxy"]:
        listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        self.dsn = self.dsn.replace(f":{self._server.port}/", f":{port}/")
        yield self
        self.release.set()
        listener.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen = asyncio.Event()
        with contextlib.closing(writer):
            above_reader, above_writer = await asyncio.open_connection(self._server.hostname, self._server.port)
            with contextlib.closing(above_writer):
                try:
                    async with asyncio.TaskGroup() as both:
                        both.create_task(self._down(reader, above_writer, seen))
                        both.create_task(self._up(above_reader, writer, seen))
                except* OSError:
                    pass  # one side is gone, so the other is closed too

    async def _down(self, reader: asyncio.StreamReader, server: asyncio.StreamWriter, seen: asyncio.Event) -> None:
        while data := await reader.read(65_536):
            self.cancels += data.startswith(_CANCEL_REQUEST)
            if _COMMIT in data and self.at is not At.NOTHING:
                self.committing.set()
                if self.at is At.REQUEST_CUT:
                    raise ConnectionResetError
                seen.set()
            server.write(data)
            await server.drain()
        raise ConnectionResetError

    async def _up(self, server: asyncio.StreamReader, client: asyncio.StreamWriter, seen: asyncio.Event) -> None:
        while data := await server.read(65_536):
            if seen.is_set() and self.at is At.ANSWER_CUT:
                raise ConnectionResetError
            if seen.is_set() and self.at is At.ANSWER_KEPT:
                await self.release.wait()
            client.write(data)
            await client.drain()
        raise ConnectionResetError
