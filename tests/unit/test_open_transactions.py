"""A writer's transaction that stays open is told once, a busy topic never (hazard K7)."""

import pytest
from aiokafka import TopicPartition

from saga.transport import transactions
from saga.transport.transactions import OpenTransactions

PLACE, OTHER = TopicPartition("t", 0), TopicPartition("t", 1)
PATIENCE = 60.0


class Log:
    """A partition as the client knows it: its marks, and the stamp of the answer that they came with."""

    def __init__(self) -> None:
        self.marks: dict[TopicPartition, tuple[int | None, int | None]] = {PLACE: (None, None), OTHER: (7, 7)}
        self.stamp = 0

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset(self.marks)

    def last_stable_offset(self, place: TopicPartition) -> int | None:
        return self.marks[place][0]

    def highwater(self, place: TopicPartition) -> int | None:
        return self.marks[place][1]

    def last_poll_timestamp(self, _place: TopicPartition) -> int:
        return self.stamp


class Watched:
    """A log, a clock, and who looks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.log, self.now, self.told = Log(), 100.0, list[str]()
        self._looks = OpenTransactions(lambda what, detail: self.told.append(f"{what}: {detail}"), PATIENCE)
        monkeypatch.setattr(transactions, "monotonic", lambda: self.now)

    def see(self, stable: int | None, end: int | None, after: float = 1.0, *, answered: bool = True) -> list[str]:
        """Look so many seconds later; everything that was told until then."""
        self.now += after
        if answered:
            self.log.marks[PLACE] = (stable, end)
            self.log.stamp += 1
        self._looks.look(self.log)  # type: ignore[arg-type]
        return self.told


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(monkeypatch)


def test_a_transaction_that_stays_open_is_told_once_with_what_it_keeps_back(watched: Watched) -> None:
    assert watched.see(3, 5) == []
    assert watched.see(3, 8, PATIENCE - 1) == []
    told = ["transaction-open: t/0 offsets 3 to 9 have waited 61 s for a writer to end its transaction"]
    assert watched.see(3, 10, 2) == told
    assert watched.see(3, 12, PATIENCE * 2) == told


def test_the_next_one_is_told_again(watched: Watched) -> None:
    watched.see(3, 5)
    watched.see(3, 5, PATIENCE)
    watched.see(9, 9)
    watched.see(9, 11)
    assert len(watched.see(9, 11, PATIENCE)) == 2


def test_a_topic_that_is_busy_with_short_ones_is_no_incident(watched: Watched) -> None:
    for second in range(200):
        watched.see(second, second + 5, 1)
    assert watched.told == []


def test_what_nobody_has_fetched_lately_is_no_incident(watched: Watched) -> None:
    watched.see(3, 5)
    assert watched.see(3, 5, PATIENCE * 3, answered=False) == []
    assert watched.see(5, 5) == []


def test_a_partition_that_went_away_and_came_back_is_counted_anew(watched: Watched) -> None:
    watched.see(3, 5)
    marks = watched.log.marks.pop(PLACE)
    watched.now += PATIENCE
    watched.see(None, None, answered=False)
    watched.log.marks[PLACE] = marks
    assert watched.see(3, 5) == []
    assert watched.see(3, 5, PATIENCE - 1) == []


def test_a_partition_that_was_never_fetched_has_no_marks(watched: Watched) -> None:
    watched.see(None, None)
    for mark in (None, -1):
        watched.see(mark, 5)
        assert watched.see(mark, 5, PATIENCE) == []
