"""Clients that hold a connection without saying what they want, or say far too much (A4): how each must end, within which time."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping

from tests.hostile.asking import read_answer

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
BODY_WITHIN = 10.0 + 5.0
CANCEL = "POST /v1/sagas/00000000-0000-0000-0000-000000000001/cancel HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


async def _status(reader: Reader, seconds: float) -> int:
    """0: closed without a word. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        try:
            return (await read_answer(reader)).status
        except (asyncio.IncompleteReadError, ConnectionError):
            return 0


def _expect(status: int, *wanted: int) -> str:
    return "" if status in wanted else f"answered {status} instead of {wanted}"


async def _slow_body(reader: Reader, writer: Writer, key: str) -> str:
    writer.write(f"{CANCEL}Authorization: Bearer {key}\r\nContent-Length: 1000\r\n\r\n".encode())
    trickling = asyncio.create_task(_trickle(writer, b"{", 0.5))
    try:
        return _expect(await _status(reader, BODY_WITHIN), 408)
    finally:
        trickling.cancel()


async def _trickle(writer: Writer, byte: bytes, every: float) -> None:
    with contextlib.suppress(ConnectionError):
        while not writer.is_closing():
            writer.write(byte)
            await writer.drain()
            await asyncio.sleep(every)


async def _no_body(reader: Reader, writer: Writer, key: str) -> str:
    writer.write(f"{CANCEL}Authorization: Bearer {key}\r\nContent-Length: 100\r\n\r\n".encode())
    return _expect(await _status(reader, BODY_WITHIN), 408)


async def _huge_length(reader: Reader, writer: Writer, key: str) -> str:
    writer.write(f"{CANCEL}Authorization: Bearer {key}\r\nContent-Length: 99999999999\r\n\r\n".encode())
    return _expect(await _status(reader, BODY_WITHIN), 413)


async def _endless_body(reader: Reader, writer: Writer, key: str) -> str:
    writer.write(f"{CANCEL}Authorization: Bearer {key}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    with contextlib.suppress(ConnectionError):
        for _ in range(160):  # ten MiB
            if writer.is_closing():
                break
            writer.write(chunk)
            await writer.drain()
    return _expect(await _status(reader, BODY_WITHIN), 413, 0)


async def _endless_headers(reader: Reader, writer: Writer, key: str) -> str:
    writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n")
    with contextlib.suppress(ConnectionError):
        for number in range(20_000):
            if writer.is_closing():
                break
            writer.write(f"X-{number}: {'y' * 50}\r\n".encode())
            if number % 100 == 0:
                await writer.drain()
    return _expect(await _status(reader, BODY_WITHIN), 400, 431, 0)


async def _slow_headers(reader: Reader, writer: Writer, key: str) -> str:
    """The server may wait; it must only go on answering others meanwhile, and survive that we leave."""
    for byte in b"GET /livez HTTP/1.1\r\nX: ":
        writer.write(bytes((byte,)))
        await asyncio.sleep(0.02)
    return ""


async def _half(reader: Reader, writer: Writer, key: str) -> str:
    writer.write(b"POST /v1/definitions/order-bank/sa")
    await writer.drain()
    return ""


async def _garbage(reader: Reader, writer: Writer, key: str) -> str:
    writer.write(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) + b"\r\n\r\n")
    return _expect(await _status(reader, BODY_WITHIN), 400, 0)


async def _pipelined(reader: Reader, writer: Writer, key: str) -> str:
    writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
    statuses = {await _status(reader, BODY_WITHIN) for _ in range(50)}
    return "" if statuses == {200} else f"answered {statuses}"


async def _two_lengths(reader: Reader, writer: Writer, key: str) -> str:
    writer.write(f"{CANCEL}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}".encode())
    return _expect(await _status(reader, BODY_WITHIN), 400, 0)


SLOW: Mapping[str, Callable[[Reader, Writer, str], Awaitable[str]]] = {
    "slow body": _slow_body,
    "no body": _no_body,
    "huge length": _huge_length,
    "endless body": _endless_body,
    "endless headers": _endless_headers,
    "slow headers": _slow_headers,
    "half a request": _half,
    "garbage": _garbage,
    "pipelined": _pipelined,
    "two lengths": _two_lengths,
}


async def play(kind: str, port: int, key: str) -> str:
    """Be that client once; what was wrong, or nothing."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
    try:
        return await SLOW[kind](reader, writer, key)
    except TimeoutError:
        return "no answer in time"
    finally:
        writer.close()
