"""Cursors: where the next page begins. Opaque to clients, so that the order of a list may change without a new API."""

import base64
import binascii
from uuid import UUID

from saga.api.problems import invalid

_SAGAS = b"s"
_DEAD = b"d"
_AUDIT = b"a"
_HELD = b"h"


def of_saga(after: UUID) -> str:
    """The cursor behind this saga."""
    return _text(_SAGAS + after.bytes)


def of_dead_letter(after: str) -> str:
    """The cursor behind the dead letter of this id (hex)."""
    return _text(_DEAD + bytes.fromhex(after))


def of_audit(before: int) -> str:
    """The cursor behind the row of audit at this position."""
    return _text(_AUDIT + before.to_bytes(8))


def audit_before(cursor: str | None) -> int | None:
    """What `of_audit` was given. Raises RequestRefused for anything else."""
    return None if cursor is None else int.from_bytes(_bytes(cursor, _AUDIT, 8)) & (2**63 - 1)


def saga_after(cursor: str | None) -> UUID | None:
    """What `of_saga` was given. Raises RequestRefused for anything else."""
    return None if cursor is None else UUID(bytes=_bytes(cursor, _SAGAS, 16))


def dead_letter_after(cursor: str | None) -> str | None:
    """What `of_dead_letter` was given. Raises RequestRefused for anything else."""
    return None if cursor is None else _bytes(cursor, _DEAD, None).hex()


def of_held(place: str) -> str:
    """The cursor behind the held record at this place."""
    return _text(_HELD + base64.urlsafe_b64decode(place))


def held_after(cursor: str | None) -> str | None:
    """What `of_held` was given. Raises RequestRefused for what is no cursor of this list; the store says whether it is a place."""
    return None if cursor is None else base64.urlsafe_b64encode(_bytes(cursor, _HELD, None)).decode()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(cursor: str, kind: bytes, length: int | None) -> bytes:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise invalid("query", "cursor", "this is no cursor: take it from `next` of the page before") from None
    if raw[:1] != kind or not raw[1:] or (length is not None and len(raw) != length + 1):
        raise invalid("query", "cursor", "this cursor is not one of this list")
    return raw[1:]
