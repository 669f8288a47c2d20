"""What came of a case."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Outcome:
    """`about` names the case, so that each fault tells how to see it again. `fired` is False if the point was not reached any more."""

    about: str
    fired: bool = False
    kills: int = 0
    seconds: float = 0.0
    checked: list[str] = field(default_factory=list)
    faults: list[tuple[str, str]] = field(default_factory=list)

    def check(self, invariant: str, faults: Iterable[str]) -> None:
        """An invariant was checked; where it did not hold there are faults."""
        self.checked.append(invariant)
        self.faults += [(invariant, f"{self.about}: {fault}") for fault in faults]
