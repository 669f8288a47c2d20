"""What goes wrong. A seed draws which kinds of fault its world has and how often; each that happens is counted (invariant I21)."""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from saga.errors import Unavailable, UnknownOutcome
from saga.ports.messaging import OutboundRecord
from saga.testing.bus import Fault

ON_SEND = {
    "send refused": Fault.REFUSED,
    "acknowledgement lost": Fault.UNKNOWN,
    "record lost": Fault.LOST,
    "record doubled": Fault.TWICE,
    "record late": Fault.LATE,
}
ON_STORE = {
    "database gone": ("begin", "write", "due_sagas", "claim_pointers", "delete_pointers"),
    "commit unknown, not done": ("commit",),
    "commit unknown, done": ("committed",),
}
ELSEWHERE = ("slow database", "crash", "zombie", "rewind", "kafka down", "database down", "failover", "partitions grow")
BY_PEOPLE = ("cancel", "pause", "retry", "skip", "doubt", "fence", "start again", "definition paused")
PARTICIPANT = ("refused", "failed", "long work", "reply lost", "reply slow", "command twice", "undo refused")
ALL = (*ON_SEND, *ON_STORE, *ELSEWHERE, *BY_PEOPLE, *PARTICIPANT)


@dataclass
class Nemesis:
    """The faults of one world. After `heal` nothing happens any more."""

    chance: random.Random
    rates: Mapping[str, float]
    fired: Counter[str] = field(default_factory=Counter)
    healed: bool = False

    def heal(self) -> None:
        """From now on all goes well."""
        self.healed = True

    def strikes(self, kind: str) -> bool:
        """Whether this kind of fault happens now; counted if it does."""
        rate = self.rates.get(kind, 0.0)
        if self.healed or rate == 0.0 or self.chance.random() >= rate:
            return False
        self.fired[kind] += 1
        return True

    def on_send(self, record: OutboundRecord) -> Fault:
        """What becomes of a record. Domain events from outside are not lost: nobody would know of them."""
        for kind, fault in ON_SEND.items():
            if kind == "record lost" and not any(name == "ce_sagaid" for name, _ in record.headers):
                continue
            if self.strikes(kind):
                return fault
        return Fault.NONE

    def on_store(self, point: str) -> None:
        """Raise what the database does at this point."""
        for kind, points in ON_STORE.items():
            if point in points and self.strikes(kind):
                raise Unavailable("postgres", kind) if kind == "database gone" else UnknownOutcome(kind)


def drawn(chance: random.Random) -> dict[str, float]:
    """A mix: each kind is in it with even odds, rare in one world and frequent in another; participants have the worst manners."""
    rates = {kind: chance.choice((0.005, 0.02, 0.1)) for kind in ALL if chance.random() < 0.5}
    return {**rates, **{kind: rates[kind] * 4 for kind in PARTICIPANT if kind in rates}}
