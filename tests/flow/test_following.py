"""Following all sagas: from a place on, through outages, by many at once, and leaving nothing behind."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace

import pytest

from saga.errors import Unavailable
from saga.messages import Envelope
from saga.ports.messaging import InboundRecord, LogReader
from saga.runtime import following
from saga.runtime.following import At, Away, Change, Following, Seen
from saga.testing.bus import MemoryBus
from saga.testing.bus_reader import MemoryReader
from saga.transport.codec import decode, encode
from tests.unit.test_chain import change

TOPIC = "saga.lifecycle"
WITHIN = 10.0


class Log:
    """A topic with readers that are counted."""

    def __init__(self) -> None:
        self.bus = MemoryBus(partitions=3)
        self.running = 0
        self.made = 0
        self.faults: list[tuple[str, Exception]] = []

    def following(self, read: Callable[[InboundRecord], Envelope] = decode) -> Following:
        return Following(self._open, read, "/saga", lambda what, error: self.faults.append((what, error)))

    def tell(self, saga: int, *versions: int, source: str = "/saga") -> None:
        for version in versions:
            self.bus.store(encode(change(version, saga).message.to_envelope(source), TOPIC))

    def _open(self) -> LogReader:
        self.made += 1
        return _Counted(self)


class _Counted(MemoryReader):
    def __init__(self, log: Log) -> None:
        super().__init__(log.bus, TOPIC)
        self._log, self._open = log, False

    async def start(self, since: Mapping[int, int] | None) -> None:
        await super().start(since)
        self._open = True
        self._log.running += 1

    async def stop(self) -> None:
        self._log.running -= self._open
        self._open = False


async def begun(stream: AsyncIterator[Seen]) -> At:
    async with asyncio.timeout(WITHIN):
        async for seen in stream:
            if isinstance(seen, At):
                return seen
    raise AssertionError("it ended")


async def changes(stream: AsyncIterator[Seen], count: int) -> list[Change]:
    found: list[Change] = []
    async with asyncio.timeout(WITHIN):
        async for seen in stream:
            if isinstance(seen, Change):
                found.append(seen)
            if len(found) == count:
                return found
    raise AssertionError("it ended")


def said(found: list[Change]) -> list[tuple[int, int]]:
    return [(one.told.message.saga_id.int, one.told.message.version) for one in found]


async def test_who_comes_without_a_place_follows_from_now_on() -> None:
    log = Log()
    log.tell(1, 1, 4)
    async with aclosing(log.following().follow(None)) as stream:
        at = await begun(stream)
        log.tell(1, 4, 7, 7, 9)
        assert said(await changes(stream, 3)) == [(1, 4), (1, 7), (1, 9)]
    assert sum(at.place.values()) == 2


async def test_who_comes_back_with_a_place_misses_nothing_whoever_is_asked() -> None:  # I18
    log = Log()
    one, other = log.following(), log.following()
    async with aclosing(one.follow(None)) as stream:
        await begun(stream)
        log.tell(1, 1)
        (seen,) = await changes(stream, 1)
    for saga in range(2, 40):
        log.tell(saga, 1)
    async with aclosing(other.follow(seen.place)) as stream:
        got = await changes(stream, 38)
        log.tell(40, 1)
        got += await changes(stream, 1)
    assert sorted(said(got)) == [(saga, 1) for saga in range(2, 41)]


async def test_a_place_behind_what_is_held_back_is_not_given_out() -> None:
    log = Log()
    log.bus = MemoryBus(partitions=1)
    followed = log.following()
    async with aclosing(followed.follow(None)) as stream:
        await begun(stream)
        log.tell(1, 1, 7)
        log.tell(2, 1)
        first, second = await changes(stream, 2)
    assert said([first, second]) == [(1, 1), (2, 1)]
    assert (first.place, second.place) == ({0: 1}, {0: 1})


async def test_an_outage_is_said_once_and_nothing_of_it_is_missed() -> None:
    log = Log()
    async with aclosing(log.following().follow(None)) as stream:
        await begun(stream)
        log.bus.down = True
        seen = []
        async with asyncio.timeout(WITHIN):
            while not any(isinstance(one, Away) for one in seen):
                seen.append(await anext(stream))
        log.tell(1, 1, 4)
        log.bus.down = False
        assert said(await changes(stream, 2)) == [(1, 1), (1, 4)]


async def test_who_comes_while_kafka_is_away_is_told_so_and_then_follows() -> None:
    log = Log()
    log.bus.down = True
    async with aclosing(log.following().follow({})) as stream:
        async with asyncio.timeout(WITHIN):
            assert isinstance(await anext(stream), Away)
        log.tell(1, 1)
        log.bus.down = False
        assert said(await changes(stream, 1)) == [(1, 1)]


async def test_what_others_write_into_the_topic_is_left_out() -> None:
    log = Log()
    async with aclosing(log.following().follow(None)) as stream:
        await begun(stream)
        log.tell(1, 1, source="/another-coordinator")
        log.bus.store(encode(replace(change(1).message.to_envelope("/saga"), body=b"{}"), TOPIC))
        log.tell(2, 1)
        assert said(await changes(stream, 1)) == [(2, 1)]


async def test_one_reader_serves_all_and_is_gone_with_the_last_of_them() -> None:
    log = Log()
    followed = log.following()
    before = asyncio.all_tasks()
    streams = [followed.follow(None) for _ in range(50)]
    for stream in streams:
        await begun(stream)
    assert (log.running, log.made, followed.followers) == (1, 1, 50)
    for stream in streams:
        await stream.aclose()
    await followed.close()
    assert (log.running, followed.followers) == (0, 0)
    assert asyncio.all_tasks() == before


async def test_a_follower_that_is_cancelled_in_the_middle_of_catching_up_leaves_nothing_behind() -> None:
    log = Log()
    for saga in range(1, 2_000):
        log.tell(saga, 1)
    followed = log.following()
    before = asyncio.all_tasks()
    task = asyncio.create_task(changes(followed.follow({}), 1_000_000))
    async with asyncio.timeout(WITHIN):
        while log.running < 2:  # noqa: ASYNC110 - the reader's own state
            await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    await followed.close()
    assert (log.running, followed.followers) == (0, 0)
    assert asyncio.all_tasks() == before


async def test_who_does_not_keep_up_is_cut_off_and_holds_up_nobody() -> None:  # A4
    log = Log()
    followed = log.following()
    slow, quick = followed.follow(None), followed.follow(None)
    await begun(slow)
    await begun(quick)
    for saga in range(1, 2 * following.QUEUE + 2):
        log.tell(saga, 1)
        await changes(quick, 1)
    async with asyncio.timeout(WITHIN):
        got = [seen async for seen in slow if isinstance(seen, Change)]
    assert len(got) <= following.QUEUE
    assert followed.followers == 1
    await quick.aclose()


async def test_a_bug_in_reading_is_reported_and_reading_goes_on() -> None:
    log = Log()
    followed = log.following(_buggy)
    async with aclosing(followed.follow(None)) as stream:
        await begun(stream)
        log.tell(1, 1)
        async with asyncio.timeout(WITHIN):
            while not isinstance(await anext(stream), Away):
                pass
    assert [(what, type(error)) for what, error in log.faults][:1] == [("following", KeyError)]


async def test_where_nothing_is_told_nothing_can_be_followed() -> None:
    with pytest.raises(Unavailable):
        await anext(Following(None, decode, "/saga", lambda *_: None).follow(None))


def _buggy(_: InboundRecord) -> Envelope:
    raise KeyError("a bug")
