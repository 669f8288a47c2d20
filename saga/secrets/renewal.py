"""SIGHUP: settings are read again, and what may change at run time is taken over, part by part.

read again ── faulty? ──> the old stay, one line says why
    └─> for each part with changes: try it (take) ── refused? ──> its old stay, one line says why
                                            └─> in force from now on
    └─> what else changed waits for a restart: one line names it. Lines name variables, never values.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from saga.errors import ConfigurationError, SagaError
from saga.secrets.servers import ServerSettings
from saga.secrets.sources import variables

S = TypeVar("S", bound=ServerSettings)


class Say(Protocol):
    """A line of the log: `level` is info or error."""

    def __call__(self, level: str, event: str, **facts: object) -> None:
        """Write it."""


@dataclass(frozen=True, slots=True)
class Part(Generic[S]):
    """Something that can change while it runs. `take` raises a SagaError when the new settings do not work; then nothing has changed."""

    what: str
    names: frozenset[str]
    take: Callable[[S], Awaitable[None]]


class Renewal(Generic[S]):
    """The settings in force. Ask it for them, rather than keeping them, where a new connection is made."""

    def __init__(self, settings: S, say: Say) -> None:
        self.settings = settings
        self._say = say
        self._parts: list[Part[S]] = []
        self._lock = asyncio.Lock()
        self._asked: set[asyncio.Task[None]] = set()

    def add(self, part: Part[S]) -> None:
        """From now on this part is asked to take what changes."""
        self._parts.append(part)

    def ask(self) -> None:
        """For a signal handler: read again soon."""
        task = asyncio.get_running_loop().create_task(self.reread())
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)

    async def reread(self) -> None:
        """Read again and take over what may change. Raises nothing: what does not work is said and left as it was."""
        async with self._lock:
            try:
                fresh = await asyncio.to_thread(self.settings.read_again)
            except ConfigurationError as error:
                self._say("error", "settings refused; the old ones stay", fault=str(error))
                return
            changed = self.settings.changed(fresh)
            now = changed & self.settings.may_change(fresh)
            for part in self._parts:
                await self._take(part, fresh, now & part.names)
            if nobodys := now.difference(*(part.names for part in self._parts)):  # nothing holds these yet: whoever needs them will ask
                self.settings = self.settings.taking(fresh, nobodys)
            self._tell(changed, now)

    async def _take(self, part: Part[S], fresh: S, names: frozenset[str]) -> None:
        if not names:
            return
        wanted = self.settings.taking(fresh, names)
        try:
            await part.take(wanted)
        except Exception as error:
            fault = str(error) if isinstance(error, SagaError) else type(error).__name__
            self._say("error", "settings refused; the old ones stay", part=part.what, variables=self._words(names), fault=fault)
            return
        self.settings = wanted
        self._say("info", "settings taken over", part=part.what, variables=self._words(names))

    def _tell(self, changed: frozenset[str], now: frozenset[str]) -> None:
        if later := changed - now:
            self._say("info", "settings that wait for a restart", variables=self._words(later))
        if not changed:
            self._say("info", "settings read again; nothing has changed")

    def _words(self, names: frozenset[str]) -> list[str]:
        known = variables(type(self.settings))
        return sorted(known[name] for name in names)
