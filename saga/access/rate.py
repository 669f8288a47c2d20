"""How often a principal may ask: a bucket of tokens each, filled at a steady rate."""

from collections import OrderedDict
from collections.abc import Callable

MOST = 10_000  # buckets kept; beyond them the one unused for longest is forgotten, which makes it full


class Rate:
    """`per_second` requests of one principal on average, twice as many at once. 0 lets everything pass."""

    def __init__(self, per_second: float, clock: Callable[[], float]) -> None:
        self._per_second = per_second
        self._size = max(1.0, per_second * 2)
        self._clock = clock
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    @property
    def known(self) -> int:
        """How many buckets are kept."""
        return len(self._buckets)

    def wait(self, who: tuple[str, str]) -> float:
        """0 if the request may pass now, else the seconds until one may."""
        if self._per_second <= 0:
            return 0.0
        now = self._clock()
        level, since = self._buckets.pop(who, (self._size, now))
        level = min(self._size, level + (now - since) * self._per_second)
        passes = level >= 1
        self._buckets[who] = (level - 1 if passes else level, now)
        if len(self._buckets) > MOST:
            self._buckets.popitem(last=False)
        return 0.0 if passes else (1 - level) / self._per_second
