"""New ids. UUIDv7 (RFC 9562 section 5.7): 48 bits of milliseconds, then chance, so that ids made later sort later."""

import secrets
from datetime import datetime
from uuid import UUID


def uuid7(now: datetime) -> UUID:
    """A UUIDv7 of the given time, which is the database's."""
    milliseconds = int(now.timestamp() * 1000) & (1 << 48) - 1
    chance = secrets.randbits(74)
    value = milliseconds << 80 | 0x7 << 76 | (chance >> 62) << 64 | 0b10 << 62 | chance & (1 << 62) - 1
    return UUID(int=value)
