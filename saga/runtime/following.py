"""Following the lives of all sagas: one reader of `saga.lifecycle` a replica, shared by all who follow, and only while there are any.

    reader (at the end of the topic) ──> Following ──> a bounded queue for each follower ──> Chain ──> told, in order
    a second reader, for a while     ──> from where a follower broke off to where the shared one stood when it joined

Kafka away: followers are told so (`Away`), the reader is made anew with growing pauses and goes on where it stopped: nothing is missed.
A follower that does not keep up is cut off; it resumes where it was, as after any cut.

Why no memory of what was told lately: the topic has it, whatever replica a follower comes back to.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from time import monotonic

from saga.errors import ContractError, Unavailable
from saga.messages import Envelope
from saga.ports.messaging import InboundRecord, LogReader
from saga.runtime.chain import Chain, Told
from saga.wire import read_lifecycle

OpenReader = Callable[[], LogReader]
Failed = Callable[[str, Exception], None]
Decode = Callable[[InboundRecord], Envelope]
Place = Mapping[int, int]

QUEUE = 20
BATCH = 500
POLL = 0.5
QUIET = 1.0
MAX_BACKOFF = 5.0


@dataclass(frozen=True, slots=True)
class At:
    """Where the follower stands: it may resume here. Also a sign of life, at least once a second."""

    place: Place


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a saga's life, and where the follower stands behind it."""

    told: Told
    place: Place


@dataclass(frozen=True, slots=True)
class Away:
    """The log cannot be read now. Told once an outage."""

    fault: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What the shared reader has read, and its place behind that."""

    records: tuple[Told, ...]
    place: Place


Seen = At | Change | Away


@dataclass(eq=False, slots=True)
class _Follower:
    queue: asyncio.Queue[Batch | Away] = field(default_factory=lambda: asyncio.Queue(QUEUE))
    cut: bool = False

    def put(self, item: Batch | Away) -> None:
        try:
            self.queue.put_nowait(item)
        except asyncio.QueueFull:
            self.cut = True


@dataclass(slots=True)
class _Standing:
    """A follower's own order and place. What is held back has not been given on, so the place stays before it."""

    chain: Chain = field(default_factory=Chain)
    read: dict[int, int] = field(default_factory=dict)

    def take(self, told: Told) -> list[Change]:
        self.read[told.partition] = told.offset + 1
        return self.changes(self.chain.take(told, monotonic()))

    def changes(self, released: list[Told]) -> list[Change]:
        return [Change(told, self.place()) for told in released]

    def place(self) -> Place:
        place = dict(self.read)
        for told in self.chain.held():
            place[told.partition] = min(place.get(told.partition, told.offset), told.offset)
        return place


class Following:
    """Followers of one topic. `source` is our own: what another coordinator tells in the same topic is not ours. Without `open_reader`
    nothing can be followed. `failed` hears of bugs."""

    def __init__(self, open_reader: OpenReader | None, decode: Decode, source: str, failed: Failed) -> None:
        self._open = open_reader
        self._decode = decode
        self._source = source
        self._failed = failed
        self._followers: set[_Follower] = set()
        self._task: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._place: Place | None = None
        self._fault = ""

    @property
    def followers(self) -> int:
        """How many follow now."""
        return len(self._followers)

    def check(self) -> None:
        """Raises Unavailable where nothing is told at all."""
        if self._open is None:
            raise Unavailable("lifecycle", "changes of sagas' lives are told nowhere (SAGA_LIFECYCLE_TOPIC is empty)")

    async def follow(self, since: Place | None) -> AsyncGenerator[Seen, None]:
        """Changes from `since` on, or from now on; endless, until the caller stops or is cut off for being slow. The first item is where
        it begins. Raises Unavailable where nothing is told at all."""
        self.check()
        follower = _Follower()
        self._join(follower)
        try:
            async with aclosing(self._follow(follower, since)) as stream:
                async for seen in stream:
                    yield seen
        finally:
            self._leave(follower)

    async def close(self) -> None:
        """Wait, within the readers' own bounds, for what is ending."""
        while self._ending:
            await asyncio.wait(self._ending)

    async def _follow(self, follower: _Follower, since: Place | None) -> AsyncGenerator[Seen, None]:
        standing: _Standing | None = None
        while not follower.cut:
            item = await _next(follower.queue)
            match item:
                case Away():
                    yield item
                case Batch(_, place) if standing is None:
                    standing = _Standing(read=dict(place if since is None else since))
                    yield At(standing.place())
                    async with aclosing(self._catch_up(standing, place)) as stream:
                        async for seen in stream:
                            yield seen
                case Batch(records):
                    for told in records:
                        for change in standing.take(told) if standing else ():
                            yield change
            if standing is not None:
                for change in standing.changes(standing.chain.overdue(monotonic())):
                    yield change
                yield At(standing.place())

    async def _catch_up(self, standing: _Standing, until: Place) -> AsyncGenerator[Seen, None]:
        """From where the follower broke off to where the shared reader stands, with a reader of its own. An offset beyond that belongs to
        a topic that was made anew since, and is read from its beginning."""
        start = {place: at if at <= until.get(place, 0) else 0 for place, at in standing.read.items() if place in until}
        standing.read = dict(start)
        pause = 0.0
        while any(standing.read.get(place, 0) < at for place, at in until.items()):
            await asyncio.sleep(pause)
            try:
                async with aclosing(self._read_until(standing, until)) as stream:
                    async for seen in stream:
                        yield seen
            except Unavailable as error:
                yield Away(str(error))
                pause = _longer(pause)

    async def _read_until(self, standing: _Standing, until: Place) -> AsyncGenerator[Seen, None]:
        reader = self._reader()
        try:
            await reader.start(dict(standing.read))
            while any(reader.positions().get(place, 0) < at for place, at in until.items()):
                for record in await reader.poll(BATCH, POLL):
                    told = self._told(record)
                    if told is not None and told.offset < until.get(told.partition, 0):
                        for change in standing.take(told):
                            yield change
                yield At(standing.place())
            standing.read = dict(until)
        finally:
            self._keep(asyncio.create_task(reader.stop()))

    def _join(self, follower: _Follower) -> None:
        self._followers.add(follower)
        if self._task is None:
            self._task = asyncio.create_task(self._read(), name="following")
        if self._place is not None:
            follower.put(Batch((), self._place))
        if self._fault:
            follower.put(Away(self._fault))

    def _leave(self, follower: _Follower) -> None:
        """Why nothing is awaited here: it runs while its caller is being cancelled."""
        self._followers.discard(follower)
        if not self._followers and self._task is not None:
            self._task.cancel()
            self._keep(self._task)
            self._task, self._place, self._fault = None, None, ""

    async def _read(self) -> None:
        """The shared reader, made anew after each outage, from the place that was handed out last."""
        pause = 0.0
        while True:
            await asyncio.sleep(pause)
            reader = self._reader()
            try:
                await reader.start(self._place)
                self._hand_out(Batch((), reader.positions()))
                self._fault, pause = "", 0.0
                await self._read_on(reader)
            except Unavailable as error:
                self._away(str(error))
            except Exception as error:
                self._failed("following", error)
                self._away("a fault of the coordinator; its log says more")
            finally:
                self._keep(asyncio.create_task(reader.stop()))
            pause = _longer(pause)

    async def _read_on(self, reader: LogReader) -> None:
        while True:
            records = await reader.poll(BATCH, POLL)
            if records:
                self._hand_out(Batch(tuple(told for record in records if (told := self._told(record))), reader.positions()))

    def _away(self, fault: str) -> None:
        if not self._fault:
            self._hand_out(Away(fault))
        self._fault = fault

    def _keep(self, task: "asyncio.Task[None]") -> None:
        """Hold a task that ends by itself, so that it is not lost before."""
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _hand_out(self, item: Batch | Away) -> None:
        if isinstance(item, Batch):
            self._place = item.place
        for follower in self._followers:
            follower.put(item)

    def _told(self, record: InboundRecord) -> Told | None:
        """The change in a record; None for what is not ours or cannot be read: it was not written by us."""
        try:
            envelope = self._decode(record)
            return Told(read_lifecycle(envelope), record.partition, record.offset) if envelope.source == self._source else None
        except ContractError:
            return None

    def _reader(self) -> LogReader:
        if self._open is None:
            raise Unavailable("lifecycle", "nothing is told")
        return self._open()


async def _next(queue: "asyncio.Queue[Batch | Away]") -> Batch | Away | None:
    with suppress(TimeoutError):
        async with asyncio.timeout(QUIET):
            return await queue.get()
    return None


def _longer(pause: float) -> float:
    return min(MAX_BACKOFF, max(0.2, pause * 2))
