"""Our own unpacking of a batch: the client's own result where that has one, and never more than an empty list or a known error."""

import struct
import zlib
from contextlib import suppress

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c
from hypothesis import given
from hypothesis import strategies as st

from saga.transport.tolerant import Unpacked, unpack

PLAIN, GZIP = 0, 1
NAME = b"a-header-name"
BROKEN = (ValueError, IndexError, struct.error, zlib.error, EOFError)
_records = st.lists(
    st.tuples(
        st.one_of(st.none(), st.binary(max_size=20)),
        st.one_of(st.none(), st.binary(max_size=200)),
        st.lists(st.tuples(st.text(st.characters(exclude_categories=("Cs",)), max_size=8), st.one_of(st.none(), st.binary())), max_size=3),
    ),
    min_size=1,
    max_size=5,
)
Given = list[tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]]


def a_batch(records: Given, base: int = 0, codec: int = PLAIN, transactional: int = 0) -> bytes:
    builder = DefaultRecordBatchBuilder(2, codec, transactional, -1, -1, -1, 1_000_000)
    for offset, (key, value, headers) in enumerate(records):
        assert builder.append(offset, 1_000 + offset, key, value, headers) is not None
    return base.to_bytes(8, "big") + bytes(builder.build())[8:]


def damaged(batch: bytes, old: bytes, new: bytes) -> bytes:
    changed = bytearray(batch.replace(old, new))
    changed[17:21] = calc_crc32c(bytes(changed[21:])).to_bytes(4, "big")
    return bytes(changed)


def by_client(log: bytes) -> list[Unpacked]:
    records, found = MemoryRecords(log), []
    while records.has_next():
        found += [Unpacked(one.offset, one.timestamp, one.key, one.value, tuple(one.headers)) for one in records.next_batch()]
    return found


@given(records=_records, base=st.integers(0, 2**40), codec=st.sampled_from([PLAIN, GZIP]))
def test_what_the_client_can_unpack_comes_out_the_same(records: Given, base: int, codec: int) -> None:
    batch = a_batch(records, base, codec)
    assert unpack(batch, base) == by_client(batch)


@given(records=_records, at=st.integers(0, 10))
def test_reading_begins_at_the_offset_in_the_batch_that_holds_it(records: Given, at: int) -> None:
    log = a_batch(records) + a_batch(records, len(records))
    inside = [one for one in by_client(log) if one.offset >= at]
    here = len(records) if at < len(records) else 2 * len(records)
    assert unpack(log, at) == [one for one in inside if one.offset < here]


def test_an_odd_name_is_written_out() -> None:
    batch = damaged(a_batch([(b"k", b"v", [(NAME.decode(), b"x")])]), NAME, b"\xff\xfe" + NAME[2:])
    assert unpack(batch, 0)[0].headers == (("\\xff\\xfeheader-name", b"x"),)


SOUND = a_batch([(b"k", b"v", [(NAME.decode(), b"x")])])


@pytest.mark.parametrize(
    "log",
    [
        b"",
        SOUND[:-1],
        SOUND[:-1] + b"?",
        a_batch([(b"k", b"v", [])], transactional=1),
        damaged(SOUND, SOUND[21:23], b"\x00\x20"),
        damaged(SOUND, SOUND[16:17] + SOUND[17:21], b"\x01" + SOUND[17:21]),
    ],
    ids=["nothing", "cut", "wrong checksum", "transaction", "control", "old format"],
)
def test_what_is_not_sound_otherwise_is_left_alone(log: bytes) -> None:
    assert unpack(log, 0) == []


@pytest.mark.parametrize("codec", [2, 3, 4])
def test_a_codec_of_others_is_left_alone(codec: int) -> None:
    batch = bytearray(SOUND)
    batch[22] = codec
    with pytest.raises(ValueError, match="codec"):
        unpack(damaged(bytes(batch), b"", b""), 0)


@given(st.integers(57, len(SOUND) - 1), st.integers(0, 255))
def test_bytes_that_are_anything_raise_nothing_unknown(at: int, byte: int) -> None:
    batch = bytearray(SOUND)
    batch[at] = byte
    batch[17:21] = calc_crc32c(bytes(batch[21:])).to_bytes(4, "big")
    with suppress(*BROKEN):
        unpack(bytes(batch), 0)
