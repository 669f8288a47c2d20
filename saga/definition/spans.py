"""Spans of time as an author writes them: "200ms", "10s", "5m", "1h", "2d", or a timedelta."""

import re
from datetime import timedelta

Span = str | timedelta

LONGEST = timedelta(days=365)
HOW_TO_WRITE = 'write a span as "200ms", "10s", "5m", "1h" or a timedelta: at least 1 ms, at most 365 days'

_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_TEXT = re.compile(r"([0-9]{1,12})(ms|s|m|h|d)")


def read_span(written: object) -> timedelta | None:
    """The span, or None for what is none: the caller knows what to blame. Whole milliseconds, because the wire counts in them."""
    if isinstance(written, str):
        match = _TEXT.fullmatch(written)
        if match is None:
            return None
        milliseconds = int(match[1]) * _UNITS[match[2]]
    elif isinstance(written, timedelta):
        milliseconds = written // timedelta(milliseconds=1)
    else:
        return None
    return timedelta(milliseconds=milliseconds) if 1 <= milliseconds <= LONGEST // timedelta(milliseconds=1) else None
