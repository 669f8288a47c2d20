"""Records that may not be read because a writer has not ended its transaction (hazard K7).

Kafka gives a consumer nothing beyond the last stable offset: where the oldest open transaction of the partition begins. A writer that
hangs keeps back whatever everybody writes after it, until the broker ends its transaction (`transaction.timeout.ms` of the writer).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from time import monotonic

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition

from saga.transport.options import Incident

LOOK_EVERY = 1.0  # asking the client takes 1.3 us a partition, and there is a poll for each record where records are few


@dataclass(frozen=True, slots=True)
class _Wait:
    """Since when a stable offset has not moved, by our clock, and which of the broker's answers was the last to say so."""

    stable: int
    since: float
    answer: int | None
    told: bool = False


class OpenTransactions:
    """Told after each poll; tells of a transaction once, as an incident `transaction-open`, when the partition's stable offset has lain
    below its end, and has not moved, for `patience` seconds.

    Why not whether it lies below at all: a topic that is busy with short transactions is never quite stable. Why only with an answer that
    is new: while nothing is fetched the marks stand still.
    """

    def __init__(self, incident: Incident, patience: float) -> None:
        self._incident = incident
        self._patience = patience
        self._waits: Mapping[KafkaPartition, _Wait] = {}
        self._look_at = 0.0

    def look(self, client: AIOKafkaConsumer) -> None:
        """Compare what may be read with what is there, as the brokers' last answers had it; once a second."""
        if monotonic() < self._look_at:
            return
        self._look_at = monotonic() + LOOK_EVERY
        waits = ((place, self._wait(client, place)) for place in client.assignment())
        self._waits = {place: wait for place, wait in waits if wait is not None}

    def _wait(self, client: AIOKafkaConsumer, place: KafkaPartition) -> _Wait | None:
        stable, end, answer = client.last_stable_offset(place), client.highwater(place), client.last_poll_timestamp(place)
        if stable is None or end is None or not 0 <= stable < end:
            return None
        known = self._waits.get(place)
        if known is None or known.stable != stable:
            return _Wait(stable, monotonic(), answer)
        if known.told or known.answer == answer:
            return known
        lasts = monotonic() - known.since
        if lasts >= self._patience:
            what = f"offsets {stable} to {end - 1} have waited {lasts:.0f} s for a writer to end its transaction"
            self._incident("transaction-open", f"{place.topic}/{place.partition} {what}")
        return replace(known, answer=answer, told=lasts >= self._patience)
