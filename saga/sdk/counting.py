"""What a participant counts: answers, repetitions, records set aside, and how long answering takes (saga.observability.names)."""

from dataclasses import dataclass

from saga.observability import names
from saga.observability.metrics import Metrics
from saga.sdk.incoming import Incoming, Unusable


@dataclass(frozen=True, slots=True)
class Counting:
    """Told once a commit is known. Without metrics nothing is counted: tests and tools that have a gate and no process."""

    metrics: Metrics | None = None

    def answered(self, command: Incoming, outcome: str, seconds: float) -> None:
        """An answer was committed for the first time; `failed` and `in-progress` are not remembered, so each of them is one."""
        if self.metrics is not None:
            self.metrics.count(names.PARTICIPANT_ANSWERS, kind=command.kind.value, outcome=outcome)
            self.metrics.observe(names.PARTICIPANT_SECONDS, seconds, kind=command.kind.value)

    def repeated(self, command: Incoming) -> None:
        """A command came again and was given its first answer."""
        if self.metrics is not None:
            self.metrics.count(names.PARTICIPANT_REPEATED, kind=command.kind.value)

    def set_aside(self, unusable: Unusable) -> None:
        """A record was kept that cannot be answered."""
        if self.metrics is not None:
            self.metrics.count(names.PARTICIPANT_SET_ASIDE, reason=unusable.reason)
