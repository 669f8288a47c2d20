"""Folds kept in memory between batches: written after a commit and never before, bounded by bytes, least recently used out first.

A fold in here may be stale at any moment: another replica may have appended. That is harmless, because every append demands the
expected version and every empty decision is checked against the stream (hazard P5).
"""

from collections import OrderedDict
from collections.abc import Iterable
from uuid import UUID

from saga.core.state import State

STATE_OVERHEAD = 2_048


class FoldCache:
    """A map from saga to fold with a limit in bytes. Sizes are estimates: bodies as they are, plus a flat sum a saga."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._folds: OrderedDict[UUID, tuple[State, int]] = OrderedDict()
        self._bytes = 0

    def get(self, saga_id: UUID) -> State | None:
        """The fold, if it is here; it counts as just used."""
        found = self._folds.get(saga_id)
        if found is None:
            return None
        self._folds.move_to_end(saga_id)
        return found[0]

    def put(self, saga_id: UUID, state: State) -> None:
        """Keep a fold that is committed. Ended sagas are not kept: what still comes for them is rare."""
        self.drop((saga_id,))
        if state.ended:
            return
        size = size_of(state)
        self._folds[saga_id] = (state, size)
        self._bytes += size
        while self._bytes > self._limit and self._folds:
            _, (_, freed) = self._folds.popitem(last=False)
            self._bytes -= freed

    def drop(self, sagas: Iterable[UUID]) -> None:
        """Forget these: a conflict or an unknown commit says that they may be wrong."""
        for saga_id in sagas:
            found = self._folds.pop(saga_id, None)
            if found is not None:
                self._bytes -= found[1]

    def clear(self) -> None:
        """Forget all: the server's timeline changed, or partitions were revoked."""
        self._folds.clear()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._folds)


def size_of(state: State) -> int:
    """About how many bytes a fold holds."""
    bodies = len(state.started.body) if state.started else 0
    for step in state.steps.values():
        bodies += len(step.reply or b"")
        bodies += sum(len(sending.body) for sending in (step.sending, step.undo_sending) if sending)
    return STATE_OVERHEAD + 600 * len(state.steps) + bodies
