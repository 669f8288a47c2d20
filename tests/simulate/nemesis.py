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
GONE = ("begin", "write", "due_sagas", "claim_pointers", "delete_pointers")
ON_STORE = {
    "database gone": frozenset(GONE),
    "commit unknown, not done": frozenset(("commit",)),
    "commit unknown, done": frozenset(("committed",)),
}
AT_POINTS = ("slow database", "crash at a point", "zombie")
ON_SERVERS = (
    "crash",
    "drain",
    "expelled",
    "rewind",
    "kafka down",
    "database down",
    "failover",
    "clock jumps",
    "partitions grow",
    "retention",
)
AT_CLIENTS = ("producer wedged", "crash after sending", "crash before offsets", "rebalance")
BY_PEOPLE = ("cancel", "pause", "resume", "retry", "skip", "doubt", "fence", "answer", "start again", "definition paused")
IMPATIENT = frozenset(("cancel", "doubt", "fence", "pause"))
PARTICIPANT = ("refused", "failed", "long work", "reply lost", "reply slow", "reply twice", "command twice", "undo refused", "clocks apart")
CRASHING = "participant crash"
ALL = (*ON_SEND, *ON_STORE, *AT_POINTS, *ON_SERVERS, *AT_CLIENTS, *BY_PEOPLE, *PARTICIPANT, CRASHING)
RATES = {
    **dict.fromkeys(ON_SEND, (0.002, 0.01, 0.05)),
    **dict.fromkeys(ON_STORE, (0.005, 0.02, 0.08)),
    **dict.fromkeys(AT_POINTS, (0.001, 0.003, 0.01)),
    **dict.fromkeys(ON_SERVERS, (0.005, 0.015, 0.04)),
    **dict.fromkeys(AT_CLIENTS, (0.01, 0.03, 0.06)),
    **dict.fromkeys(BY_PEOPLE, (0.05, 0.15, 0.5)),
    **dict.fromkeys(PARTICIPANT, (0.01, 0.05, 0.2)),
    CRASHING: (0.01, 0.05, 0.1),
    "rewind": (0.002, 0.006, 0.015),  # dear: everything is read, folded and found to be known
    "slow database": (0.005, 0.02, 0.05),
    "start again": (0.01, 0.05, 0.2),
    "definition paused": (0.01, 0.03, 0.1),
}


@dataclass
class Nemesis:
    """The faults of one world. After `heal` nothing happens any more."""

    chance: random.Random
    rates: Mapping[str, float]
    fired: Counter[str] = field(default_factory=Counter)
    healed: bool = False
    database_down: bool = False

    def __post_init__(self) -> None:
        self._on_send = [(kind, fault) for kind, fault in ON_SEND.items() if kind in self.rates]
        self._on_store = {
            point: [kind for kind, points in ON_STORE.items() if point in points and kind in self.rates]
            for point in (*GONE, "commit", "committed")
        }

    def heal(self) -> None:
        """From now on all goes well."""
        self.healed = True
        self.database_down = False

    def strikes(self, kind: str) -> bool:
        """Whether this kind of fault happens now; counted if it does."""
        rate = self.rates.get(kind)
        if rate is None or self.healed or self.chance.random() >= rate:
            return False
        self.fired[kind] += 1
        return True

    def on_send(self, record: OutboundRecord) -> Fault:
        """What becomes of a record. What nobody would ask for again is not lost: domain events, and what is told of sagas' lives."""
        for kind, fault in self._on_send:
            if kind == "record lost" and (record.topic == "saga.lifecycle" or not any(name == "ce_sagaid" for name, _ in record.headers)):
                continue
            if self.strikes(kind):
                return fault
        return Fault.NONE

    def on_store(self, point: str) -> None:
        """Raise what the database does at this point."""
        if self.database_down and point in GONE:
            raise Unavailable("postgres", "down")
        for kind in self._on_store.get(point, ()):
            if self.strikes(kind):
                raise Unavailable("postgres", kind) if kind == "database gone" else UnknownOutcome(kind)


def drawn(chance: random.Random) -> dict[str, float]:
    """A mix: each kind is in it with even odds, rare in one world and frequent in another. One world in ten knows no fault at all."""
    if chance.random() < 0.1:
        return {}
    return {kind: chance.choice(RATES[kind]) for kind in ALL if chance.random() < 0.5}
