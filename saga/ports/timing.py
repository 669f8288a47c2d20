"""Time in a process. Decisions never use it: they use the database's time, which is an argument."""

from typing import Protocol


class Clock(Protocol):
    """A monotonic clock that can also wait; tests pass one that they turn by hand."""

    def monotonic(self) -> float:
        """Seconds since some moment, never going back."""

    async def sleep(self, seconds: float) -> None:
        """Wait that long."""
