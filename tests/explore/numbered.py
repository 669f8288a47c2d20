"""Things by number, so that a state of the world is a handful of small integers."""

from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Numbered(Generic[T]):
    """Each thing once. `things[number]` is the thing."""

    def __init__(self, *first: T) -> None:
        self.things: list[T] = []
        self._numbers: dict[Hashable, int] = {}
        for thing in first:
            self.number(thing)

    def number(self, thing: T, key: Hashable = None) -> int:
        """The number of a thing, or of the first that had this key."""
        number = self._numbers.setdefault(thing if key is None else key, len(self.things))
        if number == len(self.things):
            self.things.append(thing)
        return number


def numbered(kept: Numbered[T]) -> tuple[Numbered[T], list[T]]:
    """Both ways of asking: what number a thing has, and which thing a number is."""
    return kept, kept.things
