"""Who reads one partition and leaves out another makes no progress (hazard K5)."""

from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition

from saga.transport import progress
from saga.transport.progress import Progress

LEFT_OUT, READ = TopicPartition("t", 0), TopicPartition("t", 1)


class Client:
    """As much of aiokafka's consumer as is looked at; each `answer` has a stamp of its own."""

    def __init__(self, *places: TopicPartition) -> None:
        self.stamps: dict[TopicPartition, int | None] = dict.fromkeys(places)
        self.leaders = dict.fromkeys(places, 1)
        self._fetcher = SimpleNamespace(_records={})
        self._client = SimpleNamespace(cluster=SimpleNamespace(leader_for_partition=self.leaders.get))

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset(self.stamps)

    def last_poll_timestamp(self, place: TopicPartition) -> int | None:
        return self.stamps[place]

    def answer(self, place: TopicPartition) -> None:
        self.stamps[place] = (self.stamps[place] or 0) + 1

    def wait_to_be_taken(self, place: TopicPartition) -> None:
        self._fetcher._records[place] = [b"record"]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(progress, "monotonic", made.monotonic)
    return made


def after_a_minute(client: Client, clock: Clock, *answered: TopicPartition, has_share: bool = True) -> Progress:
    """Polls a second apart; these partitions are answered before each."""
    watched = Progress()
    for _ in range(61):
        for place in answered:
            client.answer(place)
        watched.note(client, (), has_share=has_share)
        clock.now += 1.0
    return watched


def test_the_partition_that_waits_longest_counts(clock: Clock) -> None:
    client = Client(LEFT_OUT, READ)
    watched = after_a_minute(client, clock, READ)
    assert watched.seconds == 61.0
    client.answer(LEFT_OUT)
    assert watched.note(client, (), has_share=True)
    assert watched.seconds == 1.0


def test_an_answer_without_records_is_progress(clock: Clock) -> None:
    assert after_a_minute(Client(LEFT_OUT, READ), clock, LEFT_OUT, READ).seconds == 1.0


def test_what_waits_to_be_taken_is_not_asked_for(clock: Clock) -> None:
    client = Client(LEFT_OUT, READ)
    client.wait_to_be_taken(LEFT_OUT)
    assert after_a_minute(client, clock, READ).seconds == 1.0


def test_records_are_an_answer_also_before_the_stamp_moves(clock: Clock) -> None:
    client = Client(READ)
    watched = after_a_minute(client, clock)
    watched.note(client, {READ: ["a record"]}, has_share=True)
    assert watched.seconds == 0.0


@pytest.mark.parametrize("leader", [-1, None])
def test_nobody_answers_for_a_partition_without_a_leader_and_a_new_client_would_not_mend_it(clock: Clock, leader: int | None) -> None:
    client = Client(LEFT_OUT, READ)
    client.leaders[LEFT_OUT] = leader  # type: ignore[assignment]
    assert after_a_minute(client, clock, READ).seconds == 1.0


def test_a_member_waits_for_its_share_and_then_for_nothing(clock: Clock) -> None:
    assert after_a_minute(Client(), clock, has_share=False).seconds == 61.0
    assert after_a_minute(Client(), clock, has_share=True).seconds == 1.0


def test_whose_partitions_were_taken_waits_for_others_from_then_on(clock: Clock) -> None:
    client = Client(READ)
    watched = after_a_minute(client, clock, READ)
    client.stamps.clear()
    assert not watched.note(client, (), has_share=False)
    assert watched.seconds == 1.0


def test_who_begins_anew_counts_from_then_on(clock: Clock) -> None:
    watched = after_a_minute(Client(LEFT_OUT), clock)
    watched.restart()
    assert watched.seconds == 0.0
