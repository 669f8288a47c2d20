"""Who waits for a saga in this process: woken after the commit that changed it. A wake-up is a hint, for other replicas commit unheard."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from uuid import UUID


class Changes:
    """Signals by saga. Costs intake nothing while nobody waits."""

    def __init__(self) -> None:
        self._waiting: defaultdict[UUID, set[asyncio.Event]] = defaultdict(set)

    def tell(self, sagas: Iterable[UUID]) -> None:
        """These sagas have new events, committed."""
        if self._waiting:
            for saga_id in sagas:
                for signal in self._waiting.get(saga_id, ()):
                    signal.set()

    @contextmanager
    def watched(self, saga_id: UUID) -> Iterator[asyncio.Event]:
        """A signal that is set by every change from now on. Look at the saga after this, not before, so that no change is missed."""
        signal = asyncio.Event()
        self._waiting[saga_id].add(signal)
        try:
            yield signal
        finally:
            self._waiting[saga_id].discard(signal)
            if not self._waiting[saga_id]:
                del self._waiting[saga_id]

    @property
    def watched_sagas(self) -> int:
        """How many sagas somebody waits for."""
        return len(self._waiting)


async def signalled(signal: asyncio.Event, seconds: float) -> None:
    """Wait for the signal, at most so long, and take it back."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await signal.wait()
    signal.clear()
