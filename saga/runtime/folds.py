"""Folds: read from streams, and kept in memory between batches: written after a commit and never before, bounded by bytes, least recently
used out first.

A fold in here may be stale at any moment: another replica may have appended. That is harmless, because every append demands the
expected version and every empty decision is checked against the stream (hazard P5).
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from uuid import UUID

from saga.core.evolve import fold
from saga.core.state import State
from saga.core.upcast import decode
from saga.ports.streams import Transaction

READ_TOGETHER = 50  # streams
ROWS_TOGETHER = 1_000
FOLD, STEP, SENDING, INPUT = 1_600, 450, 745, 140  # bytes of a fold that was read from its stream, its bodies not counted


class FoldCache:
    """A map from saga to fold with a limit in bytes. Sizes are estimates: `size_of`."""

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


async def read_folds(tx: Transaction, sagas: Sequence[UUID]) -> tuple[dict[UUID, State], dict[UUID, Exception]]:
    """The folds of these sagas from their streams, and what those raised that do not fold. A saga without events is in neither.

    Why a part at a time, a smaller one where the last had many rows: streams grow with what people do to them. Those of 500 sagas that had
    been paused often were 57,000 rows at once. Why nothing of ours is left: an error holds our frame and would be held by it, all folds
    with them, until garbage is looked for.
    """
    folds: dict[UUID, State] = {}
    broken: dict[UUID, Exception] = {}
    first, together = 0, READ_TOGETHER
    while first < len(sagas):
        streams = await tx.load(sagas[first : first + together])
        first += together
        together = max(1, min(READ_TOGETHER, together * ROWS_TOGETHER // (1 + sum(map(len, streams.values())))))
        for saga_id, bodies in streams.items():
            try:
                folds[saga_id] = fold(decode(body) for body in bodies)
            except Exception as error:
                broken[saga_id] = error
    try:
        return folds, broken
    finally:
        del folds, broken


def size_of(state: State) -> int:
    """About how many bytes a fold holds; one that was just decided holds a quarter less, for it shares its texts with others."""
    size = FOLD + INPUT * len(state.inputs) + (len(state.started.body) if state.started else 0)
    for step in state.steps.values():
        sendings = [sending for sending in (step.sending, step.undo_sending) if sending]
        size += STEP + len(step.reply or b"") + sum(SENDING + len(sending.body) for sending in sendings)
    return size
