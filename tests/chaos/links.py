"""TCP links between a client and a server that can be cut, slowed and silenced: the network of the cluster.

Why proxies and not network namespaces: what a client sees is the same (nothing passes, both ends believe in the connection), it needs no
privileges, and each pair of client and server has a link of its own. What a proxy cannot show: a SYN that nobody answers. A new
connection through a silent link is made, and then silent.

Why protocols and not streams: everything that the cluster says passes here, in one process, and a stream wakes a task for each piece.
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
        self.ends: set[_End] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self._passing = asyncio.Event()
        self._passing.set()
        self._server: asyncio.Server | None = None
        self.stopped = False

    async def start(self) -> None:
        """Listen on a free port of loopback."""
        self._server = await asyncio.get_running_loop().create_server(lambda: _End(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close everything. Connections last: who is connecting now would leave one open."""
        self.stopped = True
        if self._server is not None:
            self._server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.reset()

    def silence(self) -> None:
        """From now on nothing passes, in either direction."""
        self._passing.clear()

    def speak(self) -> None:
        """What was kept back passes, as a network would send it again."""
        self.delay = 0.0
        self._passing.set()

    def reset(self) -> int:
        """Reset every connection; how many there were."""
        ends = list(self.ends)
        for end in ends:
            end.reset()
        self.touched += len(ends) // 2
        return len(ends) // 2

    @property
    def holds(self) -> bool:
        """Whether anything is late or kept back now."""
        return self.delay > 0 or not self._passing.is_set()

    async def gate(self) -> None:
        """What passes waits here."""
        if self.delay:
            self.touched += 1
            await asyncio.sleep(self.delay)
        if not self._passing.is_set():
            self.touched += 1
            await self._passing.wait()

    def spawn(self, work: "asyncio.Task[None]") -> None:
        """Keep a task until it has ended."""
        self.tasks.add(work)
        work.add_done_callback(self.tasks.discard)


class _End(asyncio.Protocol):
    """One end of a connection: the client's, which makes the one to the server. What it receives goes out at the other end; while a fault
    is on, a piece at a time, and it reads no more until that has gone."""

    def __init__(self, link: Link, other: "_End | None" = None) -> None:
        self._link = link
        self._other = other
        self._kept: list[bytes] = []
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._link.ends.add(self)
        if self._link.stopped:
            self.reset()
        elif self._other is None:
            transport.pause_reading()
            self._link.spawn(asyncio.ensure_future(self._connect()))

    def data_received(self, data: bytes) -> None:
        if not self._kept and not self._link.holds:
            self._pass(data)
            return
        self._kept.append(data)
        if len(self._kept) == 1:
            self._read(on=False)
            self._link.spawn(asyncio.ensure_future(self._late()))

    def pause_writing(self) -> None:
        if self._other is not None:
            self._other._read(on=False)

    def resume_writing(self) -> None:
        if self._other is not None and not self._other._kept:
            self._other._read(on=True)

    def connection_lost(self, exc: Exception | None) -> None:
        self._link.ends.discard(self)
        if self._other is not None and self._other._transport is not None:
            self._other._transport.close()

    def reset(self) -> None:
        """The other side sees a reset, and not an end."""
        if self._transport is not None:
            with contextlib.suppress(OSError):
                self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()

    async def _connect(self) -> None:
        await self._link.gate()
        try:
            _, other = await asyncio.get_running_loop().create_connection(lambda: _End(self._link, self), "127.0.0.1", self._link.target)
        except OSError:
            self.reset()
            return
        self._other = other
        if self._transport is None or self._transport.is_closing():
            other.reset()
        self._read(on=True)

    async def _late(self) -> None:
        while self._kept:
            await self._link.gate()
            self._pass(self._kept[0])
            self._kept.pop(0)
        self._read(on=True)

    def _pass(self, data: bytes) -> None:
        if self._other is not None and self._other._transport is not None:
            self._other._transport.write(data)

    def _read(self, *, on: bool) -> None:
        if self._transport is not None and not self._transport.is_closing():
            (self._transport.resume_reading if on else self._transport.pause_reading)()
