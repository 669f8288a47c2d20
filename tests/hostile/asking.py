"""A client that sends what no library would: any bytes, on real sockets, and reads what comes back."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

ANSWER_WITHIN = 20.0
ENDLESS = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Call:
    """A request. `operation` is what the document calls it; empty where nothing of the document fits. `tenant` is whose key it carries."""

    kind: str
    operation: str
    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    tenant: str = ""

    def raw(self) -> bytes:
        """The bytes on the wire."""
        lines = [f"{self.method} {self.target} HTTP/1.1", "Host: proof"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.method != "GET" or self.body:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join(lines).encode("utf-8", "surrogatepass") + b"\r\n\r\n" + self.body


@dataclass(frozen=True, slots=True)
class Said:
    """What came back; status 0: the server closed the connection without a word."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Client:
    """One connection, made again whenever it was closed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, call: Call) -> Said:
        """Send and read the answer. Raises TimeoutError when none comes in time."""
        for _ in range(2):
            fresh = self._writer is None
            async with asyncio.timeout(ANSWER_WITHIN):
                said = await self._once(call.raw())
            if said.status or fresh:
                return said
        return said

    async def _once(self, raw: bytes) -> Said:
        try:
            if self._writer is None:
                self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, limit=2**24)
            self._writer.write(raw)
            assert self._reader is not None
            said = await read_answer(self._reader, bodiless=raw.startswith(b"HEAD "))
        except (ConnectionError, asyncio.IncompleteReadError):
            self.close()
            return Said(0, {}, b"")
        if said.headers.get("connection") == "close" or said.headers.get("content-type", "").startswith(ENDLESS):
            self.close()
        return said

    def close(self) -> None:
        """Drop the connection."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


async def read_answer(reader: asyncio.StreamReader, *, bodiless: bool = False) -> Said:
    """One answer; of one that does not end, its beginning. What is told before the answer is passed over."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    status = int(head[0].split(" ")[1])
    if status < 200:
        return await read_answer(reader, bodiless=bodiless)
    if bodiless or headers.get("content-type", "").startswith(ENDLESS):
        return Said(status, headers, b"")
    if "content-length" in headers:
        return Said(status, headers, await reader.readexactly(int(headers["content-length"])))
    body = b""
    while headers.get("transfer-encoding") == "chunked":
        size = int((await reader.readuntil(b"\r\n")).strip(), 16)
        body += (await reader.readexactly(size + 2))[:-2]
        if not size:
            break
    return Said(status, headers, body)
