"""A batch that the client cannot unpack, unpacked here: header names that are not UTF-8 are written out as `\\xff` and belong to nobody.

Why: Kafka says that names are UTF-8 and checks it nowhere; aiokafka decodes them while it unpacks, so one odd name in one record takes
every record of its batch along, and with them replies that somebody waits for. Only what is sound otherwise is read: magic 2, right
checksum, plain or gzip, no transaction. All else is left to be stepped over.
"""

import struct
import zlib
from asyncio import timeout as within
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.util import calc_crc32c, decode_varint

MAX_BYTES = 2 * 1024 * 1024
MAX_UNPACKED = 64 * 1024 * 1024
_HEADER = struct.Struct(">qiibIhiqqqhii")
_CRC_FROM = 21
_PLAIN, _GZIP, _CODECS, _APPEND_TIME, _TRANSACTION_OR_CONTROL = 0, 1, 0x07, 0x08, 0x30
_READ_COMMITTED = 1


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A record, as much of it as this room uses."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


async def read_tolerantly(client: AIOKafkaConsumer, place: TopicPartition, offset: int, seconds: float) -> list[Unpacked]:
    """The records of the batch that holds `offset`, from there on; none if it cannot be read or nobody answers."""
    try:
        async with within(seconds):
            return unpack(await _fetch(client, place, offset), offset)
    except (KafkaError, TimeoutError, OSError, ValueError, IndexError, struct.error, zlib.error, EOFError):
        return []


async def _fetch(client: AIOKafkaConsumer, place: TopicPartition, offset: int) -> bytes:
    """Bytes of the log. Why past the client's public face: that gives records only, and it cannot make them."""
    leader = client._client.cluster.leader_for_partition(place)
    wanted = [(place.topic, [(place.partition, offset, MAX_BYTES)])]
    response = await client._client.send(leader, FetchRequest(100, 1, MAX_BYTES, _READ_COMMITTED, wanted, rack_id=""))
    for _, partitions in response.topics:
        for _, error, *_, log in partitions:
            return bytes(log) if not error else b""
    return b""


def unpack(log: bytes, offset: int) -> list[Unpacked]:
    """The records from `offset` on of the batch in `log` that holds it. Raises what reading broken bytes raises."""
    while len(log) >= _HEADER.size:
        base, length, _, magic, crc, attributes, last, first_time, max_time, _, _, _, count = _HEADER.unpack_from(log)
        batch, log = log[: 12 + length], log[12 + length :]
        if base + last < offset and length > 0:
            continue
        if magic != 2 or len(batch) < 12 + length or calc_crc32c(batch[_CRC_FROM:]) != crc or attributes & _TRANSACTION_OR_CONTROL:
            return []
        times = (max_time, 0) if attributes & _APPEND_TIME else (first_time, 1)
        return [one for one in _records(_plain(batch, attributes & _CODECS), count, base, times) if one.offset >= offset]
    return []


def _plain(batch: bytes, codec: int) -> bytes:
    if codec == _PLAIN:
        return batch[_HEADER.size :]
    if codec != _GZIP:
        raise ValueError("a codec that not every client reads")
    opened = zlib.decompressobj(zlib.MAX_WBITS | 16)
    unpacked = opened.decompress(batch[_HEADER.size :], MAX_UNPACKED)
    if not opened.eof:
        raise ValueError("more than anybody may send")
    return unpacked


def _records(data: bytes, count: int, base: int, times: tuple[int, int]) -> list[Unpacked]:
    buffer, at, found = bytearray(data), 0, []
    for _ in range(count):
        length, at = decode_varint(buffer, at)
        end = at + length
        delta_time, at = decode_varint(buffer, at + 1)  # past the record's attributes
        delta, at = decode_varint(buffer, at)
        key, at = _bytes(buffer, at)
        value, at = _bytes(buffer, at)
        headers, at = _headers(buffer, at)
        if at != end or end > len(buffer):
            raise ValueError("a record is not as long as it says")
        found.append(Unpacked(base + delta, times[0] + delta_time * times[1], key, value, headers))
    return found


def _headers(buffer: bytearray, at: int) -> tuple[tuple[tuple[str, bytes | None], ...], int]:
    count, at = decode_varint(buffer, at)
    headers = []
    for _ in range(count):
        name, at = _bytes(buffer, at)
        value, at = _bytes(buffer, at)
        headers.append(((name or b"").decode("utf-8", "backslashreplace"), value))
    return tuple(headers), at


def _bytes(buffer: bytearray, at: int) -> tuple[bytes | None, int]:
    length, at = decode_varint(buffer, at)
    if length < 0:
        return None, at
    if at + length > len(buffer):
        raise ValueError("a field is longer than its record")
    return bytes(buffer[at : at + length]), at + length
