"""How long nothing went on after a fault.

Silence of a group is the time between two consecutive events of sagas whose record keys hash to the same one of six partitions, for that
is what a coordinator owns. The stall of a fault is the longest silence of any group that begins, or is going on, between the strike and
the next strike (at most 30 s later); a silence that is going on counts from the strike. Orders come evenly, so a group that is silent has
something to do.

Why not the time in which no saga at all made progress: two of three coordinators go on when one dies, so that would be nothing.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence

from aiokafka.partitioner import murmur2

from saga.core.identity import key_bytes

GROUPS = 6
WINDOW = 30.0


def stalls(moments: Iterable[tuple[float, str]], strikes: Sequence[tuple[float, str]], until: float) -> dict[str, list[float]]:
    """Stalls in seconds by fault class. `moments` are times and partition keys of events, `strikes` times and classes, in order; `until`
    is when the load ended: what would be silent after it counts for nothing."""
    groups: list[list[float]] = [[] for _ in range(GROUPS)]
    for at, key in sorted(moments):
        groups[group_of(key)].append(at)
    found: dict[str, list[float]] = {}
    for place, (at, name) in enumerate(strikes):
        following = strikes[place + 1][0] if place + 1 < len(strikes) else until
        end = min(at + WINDOW, following, until)
        if end > at:
            found.setdefault(name, []).append(max(_longest(times, at, end) for times in groups if times))
    return found


def group_of(key: str) -> int:
    """Which of the partitions a saga's record key goes to."""
    return int(murmur2(key_bytes(key)) & 0x7FFFFFFF) % GROUPS


def percentile(values: Sequence[float], share: float) -> float:
    """The value below or at which this share of the values lies; 0 of none."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, round(share * len(ordered) + 0.5) - 1))] if ordered else 0.0


def told(found: Mapping[str, Sequence[float]]) -> dict[str, dict[str, float]]:
    """Per class: how many, median, p99, longest."""
    return {
        name: {"n": len(values), "p50": _s(percentile(values, 0.5)), "p99": _s(percentile(values, 0.99)), "max": _s(max(values))}
        for name, values in sorted(found.items())
    }


def _longest(times: Sequence[float], begin: float, end: float) -> float:
    """The longest silence that is going on at `begin` or begins before `end`."""
    longest, last = 0.0, begin
    for at in times[bisect_right(times, begin) :]:
        longest = max(longest, at - last)
        last = at
        if at >= end:
            return longest
    return max(longest, end - last) if last < end else longest


def _s(seconds: float) -> float:
    return round(seconds, 2)
