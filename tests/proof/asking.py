"""The options that each rung knows, so that who runs one can run all."""

import argparse
import secrets
from time import monotonic


def options(rung: str, description: str) -> argparse.ArgumentParser:
    """A parser with the common options; the rung adds its own. Without a seed a new one is drawn, which the report prints."""
    parser = argparse.ArgumentParser(
        prog=f"python -m tests.{rung}", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seed", type=int, default=secrets.randbelow(1_000_000), help="what the run is drawn from; the same seed asks the same"
    )
    parser.add_argument("--max-seconds", type=float, default=float("inf"), help="begin nothing new after so many seconds")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON instead of a table")
    parser.add_argument("--record", action="store_true", help="keep the outcome as a page under docs/campaigns")
    return parser


class Budget:
    """The time that a run has. Why monotonic: a rung may move the wall clock on purpose."""

    def __init__(self, seconds: float) -> None:
        self._begun = monotonic()
        self._seconds = seconds

    @property
    def spent(self) -> float:
        """Seconds since the run began."""
        return monotonic() - self._begun

    @property
    def left(self) -> float:
        """Seconds until nothing new is begun; below zero when they are over."""
        return self._seconds - self.spent

    def end(self) -> None:
        """Nothing more is begun."""
        self._seconds = 0.0

    @property
    def over(self) -> bool:
        """Whether nothing new may begin."""
        return self.left <= 0
