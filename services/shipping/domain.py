"""Which carrier takes a parcel. Pure: no database, no clock."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


class CarrierFull(Exception):
    """The carrier takes nothing just now; it may in `retry_after` seconds."""

    def __init__(self, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__(f"in {retry_after} s")


class CarrierRejects(Exception):
    """The carrier will never take this parcel. `reason` is for machines."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Mood:
    """A carrier is full for the first `calls` calls about an order whose id holds `marker`, and says "in `pause` seconds"."""

    marker: str
    calls: int = 1
    pause: float = 0.2


@dataclass(frozen=True, slots=True)
class Carrier:
    """An outside carrier: how long it takes to answer (`latency`, seconds), how many parcels it fetches per `window` seconds (`capacity`,
    0: any number), where it never goes (`refuses`, country codes), and its moods, for demonstrations: by mark, and for a `busy_share` of
    all orders chosen by `seed`.

    It gives us numbers to print on labels in advance, `prefix` and a running number: we draw the next one.
    """

    name: str
    prefix: str = "1Z"
    latency: float = 0.0
    capacity: int = 0
    window: float = 60.0
    refuses: frozenset[str] = frozenset()
    moods: Sequence[Mood] = ()
    busy_share: float = 0.0
    seed: int = 0
    _calls: Counter[str] = field(default_factory=Counter, compare=False)

    def offer(self, order_id: str, country: str) -> None:
        """Whether it takes a parcel: nothing is booked by asking. Raises CarrierFull, CarrierRejects."""
        if country in self.refuses:
            raise CarrierRejects("country-not-served")
        for mood in self._moods(order_id):
            self._calls[order_id] += 1
            if self._calls[order_id] <= mood.calls:
                raise CarrierFull(mood.pause)

    def tracking_number(self, number: int) -> str:
        """What is printed on the label with this number."""
        return f"{self.prefix}{number:012}"

    def _moods(self, order_id: str) -> Iterable[Mood]:
        yield from (mood for mood in self.moods if mood.marker in order_id)
        chance = hashlib.sha256(f"{self.seed}:{self.name}:{order_id}".encode()).digest()
        if int.from_bytes(chance[:8], "big") / 2**64 < self.busy_share:
            yield Mood("", calls=2)


def carrier_of(name: str, seed: Mapping[str, Any]) -> Carrier:
    """A carrier from its settings, as in {"prefix": "SW", "capacity": 20, "moods": [{"marker": "-full"}]}.

    Raises TypeError for a setting that no carrier has.
    """
    lists = {"moods": tuple(Mood(**mood) for mood in seed.get("moods", ())), "refuses": frozenset(seed.get("refuses", ()))}
    return Carrier(name, **{**seed, **lists})
