"""Records that the client cannot read: found, reported, stepped over (hazards K11, K12).

A batch with a wrong checksum, a codec that is not installed, a header whose name is not UTF-8: aiokafka raises while it unpacks them,
does not say for which partition, raises the same at every further call, and has by then dropped what it had unpacked of other
partitions in the same call although their positions have moved on. So after such an error:

    rewind every partition to where it stood before the call      nothing is lost, the offsets tell
    read partition by partition, a record at a time               the one that raises stands at the guilty offset
    read that once more (a fault of the network passes); if only header names are odd, unpack the batch here (tolerant.py);
    else step over it, offset by offset, to the end of the batch
    report the range, read as usual again

If the process dies on any of these lines, the offsets are not committed and the next owner finds the same.
"""

from asyncio import timeout as within
from collections.abc import Mapping
from time import monotonic
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CorruptRecordException, KafkaError, UnsupportedCodecError

from saga.transport.options import Incident
from saga.transport.tolerant import read_tolerantly

PROBE_MS = 100
TOLERANT_SECONDS = 5.0
Found = dict[TopicPartition, list[Any]]
Positions = Mapping[TopicPartition, int]


def is_unreadable(error: Exception) -> bool:
    """Whether it comes from unpacking records, not from a broker."""
    return not isinstance(error, KafkaError) or isinstance(error, CorruptRecordException | UnsupportedCodecError)


def positions(client: AIOKafkaConsumer) -> dict[TopicPartition, int]:
    """The next offset to read per partition, where it is known yet.

    Why past the client's public face: its `position()` waits, and does so without a bound while a broker is away.
    """
    subscription = client._subscription.subscription
    assignment = subscription.assignment if subscription is not None else None
    if assignment is None:
        return {}
    states = {place: assignment.state_value(place) for place in assignment.tps}
    return {place: state.position for place, state in states.items() if state.has_valid_position}


async def rewind(client: AIOKafkaConsumer, before: Positions, seconds: float) -> None:
    """Put every partition back to where it stood before a call that failed. Raises KafkaError or TimeoutError."""
    for place in client.assignment():
        if place in before:
            client.seek(place, before[place])
            continue
        async with within(seconds):
            committed = await client.committed(place)
            if committed is None:
                await client.seek_to_beginning(place)
            else:
                client.seek(place, committed)


class Unreadable:
    """Reads one by one until the guilty record is behind. `skipped` counts the offsets that were stepped over."""

    def __init__(self, incident: Incident) -> None:
        self.skipped = 0
        self._incident = incident
        self._suspects: list[TopicPartition] = []
        self._fault: tuple[TopicPartition, int] | None = None
        self._range: tuple[TopicPartition, int, int, str] | None = None

    @property
    def looking(self) -> bool:
        """Whether reading goes one by one now."""
        return bool(self._suspects)

    def suspect(self, client: AIOKafkaConsumer) -> None:
        """One of these partitions holds a record that cannot be read."""
        self._suspects = sorted(client.assignment())

    def too_large(self, error: Exception) -> None:
        """The client itself stepped over a record larger than a fetch, and says which in its error."""
        self.skipped += 1
        self._incident("unreadable-records", f"{' at '.join(str(fact) for fact in error.args[1:3])}: larger than a fetch")

    async def read(self, client: AIOKafkaConsumer, max_records: int, seconds: float) -> Found:
        """At most `max_records`, partition by partition; what was read before an error is returned, not lost."""
        until = monotonic() + seconds
        found: Found = {}
        while self._suspects and monotonic() < until:
            place = self._suspects[0]
            if place in client.assignment() and not await self._clean(client, place, max_records, found):
                break
            self._suspects.pop(0)
        if not self._suspects:
            self._report()
        return found

    async def _clean(self, client: AIOKafkaConsumer, place: TopicPartition, max_records: int, found: Found) -> bool:
        while sum(map(len, found.values())) < max_records:
            try:
                records = (await client.getmany(place, timeout_ms=0 if place in found else PROBE_MS, max_records=1)).get(place)
            except Exception as error:
                if is_unreadable(error):
                    await self._get_past(client, place, type(error).__name__, max_records, found)
                elif not found:
                    raise
                return False
            if not records:
                return True
            found.setdefault(place, []).extend(records)
        return False

    async def _get_past(self, client: AIOKafkaConsumer, place: TopicPartition, error: str, max_records: int, found: Found) -> None:
        self._suspects = [place]
        offset = positions(client).get(place)
        if offset is None:
            return
        if self._fault == (place, offset):
            records = await read_tolerantly(client, place, offset, TOLERANT_SECONDS)
            room = max_records - sum(map(len, found.values()))
            if records and place in client.assignment():
                found.setdefault(place, []).extend(records[:room])
                client.seek(place, records[:room][-1].offset + 1)
                self._fault = None
                return
        self._step_over(client, place, offset, error)

    def _step_over(self, client: AIOKafkaConsumer, place: TopicPartition, offset: int, error: str) -> None:
        if self._range is not None and self._range[0] == place and self._range[2] == offset - 1:
            self._range = (place, self._range[1], offset, error)
        elif self._fault == (place, offset):
            self._report()
            self._range = (place, offset, offset, error)
        else:
            self._fault = (place, offset)
            client.seek(place, offset)
            return
        self.skipped += 1
        client.seek(place, offset + 1)

    def _report(self) -> None:
        if self._range is not None:
            place, first, last, error = self._range
            self._incident("unreadable-records", f"{place.topic}/{place.partition} offsets {first} to {last}: {error}")
        self._fault = self._range = None
