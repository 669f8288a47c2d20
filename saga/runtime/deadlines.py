"""Deadlines: due sagas become Ticks, and intake handles them like records, in batches of their own.

Due sagas are read without a lock: two replicas may tick one saga, and the append lets one of them win. What a sweep read may be old by
the time it is decided; `decide` looks at the fold, not at the row, and a row that was wrong is mended under its version (hazard P6).
"""

from collections.abc import Callable
from datetime import timedelta

from saga.core.inputs import Tick
from saga.ports.streams import Store
from saga.runtime.intake import Intake
from saga.runtime.work import Work


class Deadlines:
    """One round at a time, bounded: the oldest first, at most `limit` sagas (hazard S13)."""

    def __init__(self, store: Store, intake: Intake, limit: int, remembered: timedelta) -> None:
        self._store = store
        self._intake = intake
        self._limit = limit
        self._tick = Tick(remembered)

    async def round(self, go_on: Callable[[], bool] = lambda: True) -> int:
        """Fire what is due now, unless `go_on` forbids it; how many sagas were."""
        if not go_on():
            return 0
        due = await self._store.due_sagas(self._intake.loaded, self._limit)
        if due:
            await self._intake.inputs([Work(given=self._tick, saga_id=saga_id, target=str(saga_id)) for saga_id in due])
        return len(due)
