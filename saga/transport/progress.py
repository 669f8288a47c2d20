"""Whether brokers answer us, partition by partition (hazard K5).

Why not only whether anybody answers: a client can go on reading one partition and never again ask for another. Why not the positions
of what is read: a partition without news does not move, nor does one that waits for somebody's transaction.
"""

from collections.abc import Collection
from time import monotonic

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition


class Progress:
    """Told after each poll that came back; `seconds` since a fetch of the partition that waits longest was answered."""

    def __init__(self) -> None:
        self._answers: dict[KafkaPartition, tuple[int | None, float]] = {}
        self._at = monotonic()

    @property
    def seconds(self) -> float:
        """Of a member without partitions: since it last had its share."""
        return monotonic() - min((at for _, at in self._answers.values()), default=self._at)

    def restart(self) -> None:
        """Count from now: a client that was just started, or reads nothing because it was told so."""
        self._answers, self._at = {}, monotonic()

    def note(self, client: AIOKafkaConsumer, found: Collection[KafkaPartition], *, has_share: bool) -> bool:
        """What a poll found, and what else was answered meanwhile; whether anything was. `has_share`: a member for whom there are no
        partitions is at rest, one that was given none yet is not."""
        before, mine = self._answers, client.assignment()
        if mine or has_share:
            self._at = monotonic()
        self._answers = {place: self._answer(client, place, place in found) for place in mine}
        return self._answers != before if mine else has_share

    def _answer(self, client: AIOKafkaConsumer, place: KafkaPartition, found: bool) -> tuple[int | None, float]:
        """Why `!=`: the client stamps answers with the node's clock, which may jump (hazard K15)."""
        stamp, known = client.last_poll_timestamp(place), self._answers.get(place)
        if found or known is None or stamp != known[0] or not _is_asked_for(client, place):
            return stamp, monotonic()
        return known


def _is_asked_for(client: AIOKafkaConsumer, place: KafkaPartition) -> bool:
    """Not while records of it wait in the client to be taken, nor while it has no leader: a new client would find none either."""
    leader = client._client.cluster.leader_for_partition(place)
    return place not in client._fetcher._records and leader is not None and leader >= 0
