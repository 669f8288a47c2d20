"""What becomes of a record that is kept: its name among all records, what is cut off, how its headers are packed. Pure."""

import hashlib
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress
from dataclasses import replace

import orjson

from saga.errors import ContractError
from saga.ports.messaging import Headers, InboundRecord
from saga.ports.records import DeadLetter, HeldRecord

CAP = 64 * 1024

RecordKey = tuple[str, int, int, bytes, str]


def digest(record: InboundRecord) -> bytes:
    """SHA-256 over key, value and headers: tells a record from another one that has its place in a topic made again (hazard K8)."""
    seen = hashlib.sha256()
    for part in (record.key, record.value, pack_headers(record.headers)):
        seen.update(b"-" if part is None else b"%d:" % len(part))
        seen.update(part or b"")
    return seen.digest()


def key_of(kept: HeldRecord | DeadLetter) -> RecordKey:
    """The primary key of a held record or dead letter, in the order of its columns."""
    record = kept.record
    return record.topic, record.partition, record.offset, digest(record), plain(kept.target)


def id_of(key: RecordKey) -> bytes:
    """What people call a dead letter by: the digest of its primary key."""
    topic, partition, offset, content, target = key
    return hashlib.sha256(f"{topic}\0{partition}\0{offset}\0{content.hex()}\0{target}".encode()).digest()


def place_of(key: RecordKey) -> str:
    """A primary key as one word, for going on behind it."""
    topic, partition, offset, content, target = key
    return urlsafe_b64encode(orjson.dumps([topic, partition, offset, content.hex(), target])).decode()


def key_at(place: str) -> RecordKey:
    """The reverse of place_of. Raises ContractError for what is no place."""
    with suppress(ValueError):
        match orjson.loads(urlsafe_b64decode(place.encode())):
            case [str(topic), int(partition), int(offset), str(content), str(target)] if 0 <= partition < 2**31 and 0 <= offset < 2**63:
                if "\0" not in topic + target:
                    return topic, partition, offset, bytes.fromhex(content), target
    raise ContractError("invalid-place", "this is no place in a list of records: take it from the answer before")


def capped(letter: DeadLetter) -> DeadLetter:
    """The letter as it is stored: key, value and headers cut at 64 KiB each, text that Postgres can hold."""
    record = letter.record
    headers: list[tuple[str, bytes | None]] = []
    room = CAP
    for name, value in record.headers:
        room -= len(name.encode("utf-8", "replace")) + len(value or b"")
        if room < 0:
            break
        headers.append((plain(name), value))
    kept = replace(record, key=_cut(record.key), value=_cut(record.value), headers=tuple(headers))
    return replace(
        letter,
        record=kept,
        target=plain(letter.target),
        reason=plain(letter.reason),
        detail=plain(letter.detail),
        tenant=plain(letter.tenant),
    )


def plain(text: str) -> str:
    """Text that came from outside, without what a text column refuses: U+0000 and half surrogate pairs (hazard P14)."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def pack_headers(headers: Headers) -> bytes:
    """Headers as JSON in bytes: order, copies and missing values survive."""
    return orjson.dumps([[plain(name), None if value is None else b64encode(value).decode()] for name, value in headers])


def unpack_headers(packed: bytes) -> Headers:
    """The reverse of pack_headers."""
    return tuple((name, None if value is None else b64decode(value)) for name, value in orjson.loads(packed))


def _cut(value: bytes | None) -> bytes | None:
    return None if value is None else value[:CAP]
