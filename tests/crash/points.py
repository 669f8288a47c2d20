"""What happens at a point of the woven product: it is counted, and at the one that is armed the process dies, stops, or loses the network.

    before      SIGKILL when the await is reached, before any of it has run
    after       SIGKILL when it has returned, before anything else runs
    lost        the servers do what they were asked; no answer arrives and the network is gone for a second (acknowledgement lost)
    unsent      the network is gone for a second: what is asked from here on never arrives
    pause       SIGSTOP when it is reached (`pause-after`: when it has returned); somebody else takes over; SIGCONT, and a zombie goes on

A place is named by the loop that runs there and by the await: `relay | store.pool.Session.commit: sent`. The n-th arrival fires, once.
`lost` fires at the first arrival from the n-th on during which an answer came and was dropped.
"""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from tests.crash.wire_cut import WIRE

SIGNALS = {
    "before": signal.SIGKILL,
    "after": signal.SIGKILL,
    "pause": signal.SIGSTOP,
    "pause-after": signal.SIGSTOP,
}
WHEN_PASSED = ("after", "pause-after")
NO_LOOPS = ("Supervisor._forever", "Service.run", "Service._work", "Service._keep_up", "Service._wait_for")  # they only call what is one

_LOOP: ContextVar[str] = ContextVar("crash_loop", default="")
_OUTER: ContextVar["_Await | None"] = ContextVar("crash_outer", default=None)


@dataclass(slots=True)
class _Await:
    """An await that is going on; `holds` another one of ours?"""

    holds: bool = False


@dataclass(slots=True)
class Armed:
    """One fault that waits for its place."""

    place: str
    mode: str
    left: int
    number: int


class Points:
    """All points of this process. `tell` hears the number of the fault just before it happens."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.answered: set[str] = set()  # innermost places during which something arrived from a server
        self.fresh: dict[str, set[str]] = {"before": set(), "after": set()}
        self._traffic = -1
        self.recording = False
        self.tell: Callable[[int], None] = lambda _number: None
        self._armed: Armed | None = None

    def begin(self) -> None:
        """Record from now on."""
        self.counts.clear()
        self.answered.clear()
        self.fresh = {"before": set(), "after": set()}
        self.recording = True

    def recorded(self) -> list[tuple[str, int, bool, bool, bool]]:
        """Every place that was reached since `begin`: how often, whether servers answer there, and whether anything had gone over the
        network between the point before it and its beginning, and its end."""
        fresh = self.fresh
        return [
            (place, count, place in self.answered, place in fresh["before"], place in fresh["after"])
            for place, count in self.counts.items()
        ]

    def arm(self, place: str, mode: str, arrival: int, number: int = 0) -> None:
        """The `arrival`-th time from now on that this place is reached, the fault happens."""
        self._armed = Armed(place, mode, arrival, number)

    def disarm(self) -> None:
        """Nothing happens any more."""
        self._armed = None

    async def at(self, name: str, awaitable: Awaitable[Any]) -> Any:
        """In place of the await itself."""
        loop = _loop(name)
        place = f"{loop} | {name}"
        self._note(place, "before")
        token = _LOOP.set(loop)
        try:
            losing = self._reached(place)
            if losing:
                WIRE.lose(self._fired)
            arrived, here = WIRE.arrived, _Await()
            if (outer := _OUTER.get()) is not None:
                outer.holds = True
            inner = _OUTER.set(here)
            try:
                result = await awaitable
            finally:
                if losing:
                    WIRE.keep()
                _OUTER.reset(inner)
                if self.recording and WIRE.arrived > arrived and not here.holds:
                    self.answered.add(place)
        finally:
            _LOOP.reset(token)
        self._note(place, "after")
        self._passed(place)
        return result

    def within(self, name: str, context: Any) -> "_Within":
        """In place of a context whose entering and leaving are awaits."""
        return _Within(self, name, context)

    async def walking(self, name: str, items: Any) -> AsyncIterator[Any]:
        """In place of an iterator whose steps are awaits."""
        iterator = aiter(items)
        while True:
            try:
                item = await self.at(f"[next] {name}", anext(iterator))
            except StopAsyncIteration:
                return
            yield item

    def _note(self, place: str, when: str) -> None:
        if self.recording:
            self.counts[place] += when == "before"
            if self._traffic != WIRE.traffic:
                self.fresh[when].add(place)
            self._traffic = WIRE.traffic

    def _reached(self, place: str) -> bool:
        """Whether answers are to be lost from now on."""
        armed = self._armed
        if armed is None or armed.place != place or armed.mode in WHEN_PASSED:
            return False
        armed.left -= 1
        if armed.left > 0:
            return False
        if armed.mode == "lost":
            return True
        self._fired()
        if armed.mode == "unsent":
            WIRE.cut()
        else:
            os.kill(os.getpid(), SIGNALS[armed.mode])
        return False

    def _passed(self, place: str) -> None:
        armed = self._armed
        if armed is None or armed.place != place or armed.mode not in WHEN_PASSED:
            return
        armed.left -= 1
        if armed.left <= 0:
            self._fired()
            os.kill(os.getpid(), SIGNALS[armed.mode])

    def _fired(self) -> None:
        if self._armed is not None:
            self.tell(self._armed.number)
            self._armed = None


class _Within:
    def __init__(self, points: Points, name: str, context: Any) -> None:
        self._points, self._name, self._context = points, name, context

    async def __aenter__(self) -> Any:
        return await self._points.at(f"[enter] {self._name}", self._context.__aenter__())

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> Any:
        return await self._points.at(f"[leave] {self._name}", self._context.__aexit__(kind, error, trace))


def _loop(name: str) -> str:
    """The loop at work: the name of its task where it has one, else the outermost function that is no mere caller of loops."""
    known = _LOOP.get()
    if known and not known.endswith(NO_LOOPS):
        return known
    task = asyncio.current_task()
    title = task.get_name() if task is not None else ""
    if title and not title.startswith("Task-"):
        return title
    function = name.removeprefix("[enter] ").removeprefix("[leave] ").removeprefix("[next] ").partition(":")[0]
    return known if known and function.endswith(NO_LOOPS) else function


POINTS = Points()
