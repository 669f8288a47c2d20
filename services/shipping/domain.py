"""The carrier that labels are bought from: it takes most shipments, is busy for some at first, and never serves some countries."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field


class CarrierBusy(Exception):
    """The carrier takes nothing just now."""


class CarrierRejects(Exception):
    """The carrier will never take this shipment. `reason` is for machines."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(slots=True)
class Carrier:
    """Busy for the first `busy_calls` calls of a `busy_share` of all orders, chosen by `seed`, and of those whose id holds
    `busy_marker`; refuses `refuses` (country codes).

    The same order always gets the same tracking number: the order id is the carrier's idempotency key. Calls are counted in memory.
    """

    busy_share: float = 0.0
    busy_calls: int = 2
    busy_marker: str = ""
    refuses: frozenset[str] = frozenset()
    seed: int = 0
    _calls: Counter[str] = field(default_factory=Counter)

    def label(self, order_id: str, country: str) -> str:
        """A tracking number. Raises CarrierBusy, CarrierRejects."""
        if country in self.refuses:
            raise CarrierRejects("country-not-served")
        chance = hashlib.sha256(f"{self.seed}:{order_id}".encode()).digest()
        marked = bool(self.busy_marker) and self.busy_marker in order_id
        if marked or int.from_bytes(chance[:8], "big") / 2**64 < self.busy_share:
            self._calls[order_id] += 1
            if self._calls[order_id] <= self.busy_calls:
                raise CarrierBusy
        return f"1Z{chance.hex()[:16].upper()}"
