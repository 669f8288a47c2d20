"""A small participant for the tests of the SDK: a hotel whose guests have moods. Every effect leaves a row in table `effect`."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from saga.messages import Command, DomainEvent, Reply, Undone
from saga.ports.messaging import OutboundRecord
from saga.sdk import Done, Fault, Participant, Refusal, Transaction
from saga.sdk.testing import Ask, Bench, Said, read
from saga.transport.consumer import KafkaConsumer
from saga.transport.options import KafkaOptions
from saga.transport.producer import KafkaProducer

SCRIPT = """
create table if not exists effect (
    what text not null, guest text not null, command_id text not null, do_id text not null
);
"""


class Booked(Reply, by="hotel"):
    room: int


class FullyBooked(Reply, by="hotel"):
    reason: str


class BookRoom(Command[Booked | FullyBooked], to="hotel", refused=FullyBooked):
    guest: str
    mood: str = "well"


class CancelRoom(Command[Undone], to="hotel"):
    guest: str = ""


class CleanRoom(Command[Booked], to="hotel"):
    """Long work; its undo is CancelRoom too."""

    guest: str


class RoomTaken(DomainEvent, by="hotel"):
    guest: str


@dataclass(slots=True)
class Hotel:
    """The participant, and what the tests steer it by: moods by guest, and the outside that long work calls."""

    participant: Participant = field(default_factory=lambda: Participant("hotel"))
    moods: dict[str, str] = field(default_factory=dict)
    may_finish: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    calls: Counter[str] = field(default_factory=Counter)

    def mood(self, guest: str, default: str = "well") -> str:
        return self.moods.get(guest, default)


async def behave(house: Hotel, command: BookRoom, db: Transaction) -> Booked | FullyBooked:
    match house.mood(command.guest, command.mood):
        case "full":
            return FullyBooked(reason="no-room")
        case "refuse":
            raise Refusal("no-dogs", "no dogs here")
        case "fault":
            raise Fault("night-porter-asleep", "try later", retry_after=2.5)
        case "boom":
            raise ValueError("secret value")
        case "broken-sql":
            await db.execute("select 1 / 0")
        case "wrong-reply":
            return RoomTakenReply(room=1)  # type: ignore[return-value]
        case "slow":
            house.begun.set()
            await house.may_finish.wait()
    return Booked(room=7)


async def effect(db: Transaction, what: str, guest: str) -> None:
    await db.execute("insert into effect values ($1, $2, $3, $4)", what, guest, db.command_id, db.do_id)


def hotel() -> Hotel:
    """A hotel of its own for each test."""
    house = Hotel()

    @house.participant.handles(BookRoom)
    async def book(command: BookRoom, db: Transaction) -> Booked | FullyBooked:
        await effect(db, "booked", command.guest)
        db.publish(RoomTaken(guest=command.guest))
        return await behave(house, command, db)

    @house.participant.undoes(BookRoom, CancelRoom)
    async def cancel(_command: CancelRoom, db: Transaction, done: Done[BookRoom]) -> None:
        await effect(db, "cancelled", done.command.guest)
        match house.mood(done.command.guest):
            case "stubborn":
                raise Refusal("too-late", "the guest is in the bath")
            case "undo-fault":
                raise Fault("busy")

    @house.participant.works(CleanRoom)
    async def clean(command: CleanRoom, command_id: str):  # type: ignore[no-untyped-def]
        house.calls[command_id] += 1
        house.begun.set()
        if house.mood(command.guest) == "weak" and house.calls[command_id] == 1:
            raise ConnectionError("the broom broke")
        if house.mood(command.guest) == "refuse":
            raise Refusal("do-not-disturb")
        await house.may_finish.wait()

        async def finish(db: Transaction) -> Booked:
            await effect(db, "cleaned", command.guest)
            return Booked(room=7)

        return finish

    @house.participant.undoes(CleanRoom, CancelRoom)
    async def soil(_command: CancelRoom, db: Transaction, done: Done[CleanRoom]) -> None:
        await effect(db, "soiled", done.command.guest)

    return house


class RoomTakenReply(Reply, by="hotel"):
    """A reply of no command."""

    room: int


async def eventually(condition: Callable[[], Awaitable[bool]], within: float = 20.0) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(within):
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def effects(bench: Bench, guest: str = "ann") -> list[str]:
    """What happened to a guest, in order."""
    async with bench.database.reading() as db:
        return [row["what"] for row in await db.fetch("select what from effect where guest = $1 order by ctid", guest)]


async def state_of(bench: Bench, command_id: str) -> str | None:
    """The state in the barrier."""
    async with bench.database.reading() as db:
        state: str | None = await db.fetchval("select state from barrier where command_id = $1", command_id)
        return state


class Coordinator:
    """Asks a participant over a broker, and listens to what it says."""

    def __init__(self, bootstrap: str, bench: Bench) -> None:
        options = KafkaOptions(bootstrap, group_id="listener")
        self._producer = KafkaProducer(options)
        self._consumer = KafkaConsumer(options, [bench.participant.events_topic], self._revoked)
        self._bench = bench
        self.heard: list[Said] = []

    async def _revoked(self, _partitions: object) -> None: ...

    async def start(self) -> None:
        await self._producer.start()
        await self._consumer.start()

    async def stop(self) -> None:
        await self._consumer.stop()
        await self._producer.stop()

    async def send(self, *asks: Ask) -> None:
        records = [self._bench.record(ask) for ask in asks]
        out = [OutboundRecord(r.topic, r.key or b"", r.value or b"", tuple((n, v or b"") for n, v in r.headers)) for r in records]
        assert all(await self._producer.send(out))

    async def hear(self, replies: int) -> list[Said]:
        """Wait for so many replies."""
        async with asyncio.timeout(30):
            while len(self.replies()) < replies:
                for record in await self._consumer.poll(500, 0.2):
                    headers = tuple((name, value or b"") for name, value in record.headers)
                    self.heard.append(read(OutboundRecord(record.topic, record.key or b"", record.value or b"", headers)))
        return self.replies()

    def replies(self) -> list[Said]:
        return [said for said in self.heard if "ce_causationid" in said.headers]
