"""I11 at every commit of offsets: whatever lies below them is in the database at that moment.

A start is there when its keys are, or while it is held; a lasting answer when its command is no longer awaited. Read off the bytes of the
streams, with nothing of the coordinator's folds.
"""

import re
from collections.abc import Mapping
from uuid import UUID

from saga.ports.messaging import InboundRecord, TopicPartition
from saga.ports.streams import SagaKey
from saga.testing.bus import MemoryBus
from saga.testing.store import MemoryStore
from tests.simulate.checks import Judge
from tests.simulate.shapes import DEFINITIONS

LASTING = frozenset((b"succeeded", b"refused", b"nothing-to-undo"))
SENDING = tuple(
    b'\x00{"event":"%s"' % name for name in (b"StepIssued", b"StepResent", b"UndoIssued", b"UndoResent", b"StepFailed", b"UndoFailed")
)
SUCCEEDED = b'\x00{"event":"StepSucceeded"'
_UNDOES = re.compile(rb'"undoes":"([^"]+)"')


class Offsets:
    """The check of one world."""

    def __init__(self, judge: Judge, bus: MemoryBus, store: MemoryStore) -> None:
        self._judge = judge
        self._bus = bus
        self._store = store
        self._seen: dict[TopicPartition, int] = {}

    def check(self, _before: Mapping[TopicPartition, int], offsets: Mapping[TopicPartition, int]) -> None:
        """Look at what nobody has looked at yet."""
        for place, offset in offsets.items():
            first = self._seen.get(place, 0)
            if offset > first:
                self._seen[place] = offset
                for record in self._bus.log(place.topic)[place.partition][first:offset]:
                    self._record(record)
                self._judge.held(("I11",), offset - first)

    def _record(self, record: InboundRecord) -> None:
        headers = dict(record.headers)
        tenant = (headers["ce_tenant"] or b"").decode()
        if "ce_outcome" not in headers:
            lost = {name for name in DEFINITIONS if SagaKey(tenant, name, (record.key or b"").decode()) not in self._store.data.keys}
            if lost and (lost := lost - {held.target for held in self._store.data.held.values() if held.record == record}):
                self._judge.say("I11", f"the offset of {record} is committed, and {sorted(lost)} did not start")
        elif headers["ce_outcome"] in LASTING and not self._is_settled(headers):
            self._judge.say("I11", f"the offset of {record} is committed, and its command is still awaited")

    def _is_settled(self, headers: Mapping[str, bytes | None]) -> bool:
        """Events of a command that say more than that it was sent. A fence is settled too once its do is known to have succeeded: then
        nobody asks any more what came of the fence."""
        command_id = headers["ce_causationid"] or b"?"
        stream = self._store.data.events.get(UUID((headers["ce_sagaid"] or b"").decode()), ())
        named = [body for body in stream if command_id in body]
        if any(not body.startswith(SENDING) for body in named):
            return True
        fenced = {found[1] for body in named if b'"kind":"fence"' in body and (found := _UNDOES.search(body))}
        return any(body.startswith(SUCCEEDED) and do in body for do in fenced for body in stream)
