"""When files change: load them apart, and only if they are right let fresh processes take the place of those that run."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from saga.embedded.loading import Loaded
from saga.embedded.watching import Seen, changed
from saga.errors import Fault

Version = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Steps:
    """What a reload is made of. `look` gives the files as they are, with those that were loaded besides; `published` the hash of every
    definition version that the database knows; `replace` drains what runs and starts it anew, and raises nothing; `tell` hears faults."""

    look: Callable[[Sequence[str]], Seen]
    load: Callable[[], Awaitable[Loaded]]
    published: Callable[[], Awaitable[Mapping[Version, str]]]
    replace: Callable[[Loaded], Awaitable[None]]
    tell: Callable[[Sequence[str], Sequence[Fault], bool], None]


class Reloading:
    """Call `turn` again and again. `running`: whether something was started."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._files: Sequence[str] = ()
        self._settled: Seen | None = None  # the files that were dealt with
        self._last: Seen | None = None
        self.running = False

    async def turn(self) -> bool:
        """Look once. Whoever saves five files means one change: it is dealt with when nothing has moved since the turn before. True if
        something was replaced."""
        now = self._steps.look(self._files)
        moved, self._last = now != self._last, now
        if now == self._settled or (moved and self._settled is not None):
            return False
        files = changed(self._settled, now) if self._settled is not None else []
        loaded = await self._steps.load()
        self._files = loaded.files or self._files
        # What was read on the way is watched from now on; it counts as seen as it was before, where it was seen before.
        self._settled = self._last = {**self._steps.look(self._files), **now}
        faults = loaded.faults or conflicts(loaded, await self._steps.published())
        if faults:
            self._steps.tell(files, faults, self.running)
            return False
        self._steps.tell(files, (), self.running)
        await self._steps.replace(loaded)
        self.running = True
        return True


def conflicts(loaded: Loaded, published: Mapping[Version, str]) -> tuple[Fault, ...]:
    """Versions whose graph is another one than the database knows: no coordinator would start with them."""
    return tuple(
        Fault(
            f"{one.name} version {one.version}",
            "its graph was changed under a version that sagas may follow already",
            f"write version={1 + max(version for name, version in published if name == one.name)}, or begin anew with `saga dev --fresh`",
        )
        for one in loaded.definitions
        if published.get((one.name, one.version), one.hash) != one.hash
    )
