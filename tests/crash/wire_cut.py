"""The network of a process as it sees it: an event loop whose connections can lose answers, or everything, at a moment that the process
itself chooses. For the servers it is a client that has gone; what they were asked, they do.

    up → lose: requests pass; the first answer that arrives is not seen → down
    up → cut: what is written from here on is dropped → down
    down: what is written or arrives is dropped, its connection breaks, no connection can be made → up, a second later

Why not a proxy between: Kafka's clients go where the broker says it is, and the moment is known only in here, to the await.
"""

import asyncio
from asyncio import selector_events
from collections.abc import Callable
from typing import Any

DOWN = 1.0


class Wire:
    """All connections of this process."""

    def __init__(self) -> None:
        self.down = False
        self.arrived = 0
        self.written = 0
        self._lost: Callable[[], None] | None = None

    @property
    def traffic(self) -> int:
        """Rises whenever something is read or written: while it does not, the world outside sees no difference."""
        return self.arrived + self.written

    def lose(self, lost: Callable[[], None]) -> None:
        """The next answer is not seen, and with it the network is gone for a while; `lost` hears of it at that moment."""
        self._lost = lost

    def keep(self) -> None:
        """No answer is lost any more, if none was."""
        self._lost = None

    def cut(self) -> None:
        """The network is gone for a while."""
        self.down = True
        asyncio.get_running_loop().call_later(DOWN, self._mended)

    def takes(self) -> bool:
        """Whether an answer that has arrived may be seen."""
        self.arrived += 1
        if self._lost is not None:
            lost, self._lost = self._lost, None
            self.cut()
            lost()
        return not self.down

    def _mended(self) -> None:
        self.down = False


WIRE = Wire()


class _Listening(asyncio.Protocol):
    """Between the socket and the client's own protocol."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self.inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._transport.is_closing():
            return
        if WIRE.takes():
            self.inner.data_received(data)
        else:
            self._transport.abort()

    def eof_received(self) -> bool | None:
        return self.inner.eof_received()  # type: ignore[no-any-return]

    def pause_writing(self) -> None:
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        self.inner.resume_writing()


class _Writing(selector_events._SelectorSocketTransport):  # type: ignore[misc,name-defined]
    """Counts what is written, and drops it while the network is gone. Clients that hand over another protocol later stay listened to."""

    def set_protocol(self, protocol: Any) -> None:
        if isinstance(listening := getattr(self, "_protocol", None), _Listening):
            listening.inner = protocol
        else:
            super().set_protocol(protocol)

    def write(self, data: Any) -> None:
        WIRE.written += 1
        if WIRE.down:
            self._loop.call_soon(self.abort)
        else:
            super().write(data)


class CuttingLoop(asyncio.SelectorEventLoop):
    """An ordinary loop but for what its connections may lose."""

    def _make_socket_transport(self, sock: Any, protocol: Any, waiter: Any = None, *, extra: Any = None, server: Any = None) -> Any:
        return _Writing(self, sock, protocol, waiter, extra, server)

    async def create_connection(self, protocol_factory: Callable[[], Any], *args: Any, **options: Any) -> Any:  # type: ignore[override]
        """The client gets its own protocol back; the socket speaks to the one between."""
        if WIRE.down:
            raise ConnectionRefusedError("the network is gone")
        transport, between = await super().create_connection(lambda: _Listening(protocol_factory()), *args, **options)
        return transport, between.inner
