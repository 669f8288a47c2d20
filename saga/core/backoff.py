"""How long to wait before a command is sent again.

Full jitter (Brooker, "Exponential Backoff and Jitter"): uniform between 0 and min(cap, first * 2^n), seeded by the command id, so that
the same history gives the same wait on every replica and in every replay.
"""

import hashlib
from datetime import timedelta

MAX_RETRY_AFTER = timedelta(hours=1)


def wait_before(command_id: str, used: int, first_ms: int, cap_ms: int, retry_after_ms: int = 0) -> timedelta:
    """The wait after `used` attempts (1 or more). `retry_after_ms`, the participant's wish, lengthens it, never shortens it, and counts
    up to one hour."""
    ceiling = min(cap_ms, first_ms * 2 ** min(used - 1, 30))
    digest = hashlib.blake2b(f"{command_id}/{used}".encode(), digest_size=8).digest()
    share = int.from_bytes(digest) / 2**64
    return max(timedelta(milliseconds=int(ceiling * share)), min(timedelta(milliseconds=retry_after_ms), MAX_RETRY_AFTER))
