"""A consumer that does not come back, or leaves out a partition, is given up by whoever reads it: coordinator and participant (K5)."""

import asyncio

import pytest

from saga.errors import Unavailable
from saga.ports.messaging import InboundRecord
from saga.ports.watchdog import Stuck, poll
from saga.sdk import intake
from saga.sdk.intake import Intake


class Consumer:
    """Polls as it is told; `waits` is how long a partition has been left out, in seconds."""

    def __init__(self, *, hangs: bool = False, waits: float = 0.0) -> None:
        self.hangs, self.waits, self.polls = hangs, waits, 0

    async def poll(self, _max_records: int, _timeout: float) -> list[InboundRecord]:
        self.polls += 1
        await asyncio.sleep(3_600 if self.hangs else 0)
        return []

    def seconds_since_poll(self) -> float:
        return self.waits


async def test_who_waits_for_less_than_the_bound_is_not_stuck() -> None:
    assert await poll(Consumer(waits=29.9), 10, 0.0, 30.0) == []  # type: ignore[arg-type]


@pytest.mark.parametrize("consumer", [Consumer(hangs=True), Consumer(waits=31.0)], ids=["hangs", "leaves out"])
async def test_who_makes_no_progress_is_stuck(consumer: Consumer) -> None:
    with pytest.raises(Stuck, match="no progress"):
        await poll(consumer, 10, 0.0, 0.05)  # type: ignore[arg-type]


@pytest.mark.parametrize("consumer", [Consumer(hangs=True), Consumer(waits=31.0)], ids=["hangs", "leaves out"])
async def test_a_participant_gives_up_a_consumer_that_is_stuck(consumer: Consumer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "STUCK_AFTER", 0.05)
    reading = Intake(None, batch_records=10, side_by_side=1, poll_timeout=0.0)  # type: ignore[arg-type]
    with pytest.raises(Unavailable, match="no progress"):
        await reading.run(consumer)  # type: ignore[arg-type]
    assert consumer.polls == 1
