"""TCP links between a client and a server that can be cut, slowed and silenced: the network of the cluster.

Why proxies and not network namespaces: what a client sees is the same (nothing passes, both ends believe in the connection), it needs no
privileges, and each pair of client and server has a link of its own. What a proxy cannot show: a SYN that nobody answers. A new
connection through a silent link is made, and then silent.
"""

import asyncio
import contextlib
import socket
import struct


class Link:
    """Listens on `port` and passes to `target`. `touched` counts what its faults did to bytes or connections."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.delay = 0.0
        self.touched = 0
        self._passing = asyncio.Event()
        self._passing.set()
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on a free port of loopback."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close everything."""
        if self._server is not None:
            self._server.close()
        self.reset()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def silence(self) -> None:
        """From now on nothing passes, in either direction."""
        self._passing.clear()

    def speak(self) -> None:
        """What was kept back passes, as a network would send it again."""
        self.delay = 0.0
        self._passing.set()

    def reset(self) -> int:
        """Reset every connection; how many there were."""
        cut = 0
        for writer in list(self._open):
            sock = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            cut += 1
        self.touched += cut // 2
        return cut // 2

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            await self._gate()
            above_reader, above_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        pair = {writer, above_writer}
        self._open |= pair
        pumps = [asyncio.create_task(self._pump(reader, above_writer)), asyncio.create_task(self._pump(above_reader, writer))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for side in pair:
                side.close()
            self._open -= pair

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                await self._gate()
                writer.write(data)
                await writer.drain()

    async def _gate(self) -> None:
        if self.delay:
            self.touched += 1
            await asyncio.sleep(self.delay)
        if not self._passing.is_set():
            self.touched += 1
            await self._passing.wait()
