"""Defects that the rung must find: each a change of the product's source that only a nursery makes, while it imports.

By name: module, what stands there (once), what is to stand there. A change that does not fit any more fails the run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Defect:
    """What is planted, and what it is. `shape`, `at` and `modes` say where it is looked for: a place whose name holds `at`."""

    module: str
    old: str
    new: str
    what: str
    shape: str
    at: str
    modes: tuple[str, ...] = ("after",)


_COMMITTED = "                    await consumer.commit(next_offsets(records))\n"
_HANDLED = "                    await self.handle(records)\n"
_SENT = "        acknowledged = await self._producer.send(records)\n"
_REPLIED = "        sent = await self._producer.send([staged.record for staged in batch])\n"

DEFECTS: Mapping[str, Defect] = {
    "offset-first": Defect(
        "saga.runtime.supervisor",
        "            await self._intake.records(records)\n",
        "            self._offsets.handled(records)\n            await self._offsets.commit(consumer)\n"
        "            await self._intake.records(records)\n",
        "the coordinator commits offsets before the transaction",
        "refused",
        "records | transport.consumer.KafkaConsumer.commit",
    ),
    "participant-offset-first": Defect(
        "saga.sdk.intake",
        _HANDLED + _COMMITTED,
        _COMMITTED + _HANDLED,
        "the participant commits offsets before the transaction",
        "refused",
        "KafkaConsumer.commit",
    ),
    "pointer-first": Defect(
        "saga.runtime.relay",
        _SENT,
        "        await self._store.delete_pointers([out.pointer for out in outgoing])\n" + _SENT,
        "pointers are deleted before their commands are sent",
        "refused",
        "relay | store.",
    ),
    "every-send-counts": Defect(
        "saga.runtime.relay",
        "        self._acknowledged.update(out.pointer for out in outgoing if out.pointer not in missing)\n",
        "        self._acknowledged.update(out.pointer for out in outgoing)\n",
        "pointers are deleted although the broker did not acknowledge",
        "refused",
        "relay | transport.producer",
        ("unsent",),
    ),
    "unknown-commit-is-done": Defect(
        "saga.runtime.intake",
        "                self._doubt_commit()\n                await asyncio.sleep(0.05)\n",
        "                return\n",
        "a commit of unknown outcome is taken for done",
        "refused",
        "records | store.pool.Session._say",
        ("unsent",),
    ),
    "no-transaction": Defect(
        "saga.sdk.barrier.database",
        'async with self._connection() as connection, connection.transaction(isolation="read_committed"):',
        "async with self._connection() as connection:",
        "effect and answer of a participant are no transaction",
        "refused",
        "sdk.barrier.transaction.LocalTransaction",
    ),
    "answer-not-remembered": Defect(
        "saga.sdk.barrier.gate",
        "        if db.first is None:\n",
        "        if True:\n",
        "the barrier does not keep the answer of a do",
        "refused",
        "sdk.barrier.database.Database",
    ),
    "reply-deleted-first": Defect(
        "saga.sdk.relay",
        _REPLIED,
        "        await self._outbox.delete([staged.id for staged in batch])\n" + _REPLIED,
        "the participant's outbox is emptied before it is sent",
        "refused",
        "Relay.run | sdk.barrier",
    ),
}


def changes(name: str) -> Mapping[str, Sequence[tuple[str, str]]]:
    """What a defect of this name changes, by module."""
    defect = DEFECTS[name]
    return {defect.module: [(defect.old, defect.new)]}
