"""What a row of the table is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a row. `goal` None: only told. `more`: more is better."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    more: bool = False

    @property
    def met(self) -> bool | None:
        """Whether it meets its goal; None without one."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.more else self.value <= self.goal


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of everything. `repeats`: how often a comparison goes A B. `stored` sagas have ended, `begun` ones wait, `due` ones wait
    for a deadline that has passed; `backlog` records lie there; `warm` orders go before those that come at a rate. `commands` for one
    participant, `carts` for the whole application."""

    orders: int
    repeats: int
    slow_seconds: float
    in_flight: int = 2_000
    warm: int = 8_000
    stored: int = 5_000_000
    begun: int = 100_000
    due: int = 1_000_000
    backlog: int = 1_000_000
    commands: int = 20_000
    carts: int = 4_000


FULL = Sizes(orders=30_000, repeats=2, slow_seconds=30.0)
SHORT = Sizes(
    *(2_000, 1, 8.0),
    in_flight=400,
    warm=300,
    stored=20_000,
    begun=2_000,
    due=20_000,
    backlog=20_000,
    commands=1_000,
    carts=300,
)


@dataclass(slots=True)
class Outcome:
    """What a row came to."""

    figures: list[Figure]
    faults: list[str] = field(default_factory=list)
    more: Mapping[str, Any] = field(default_factory=dict)
