"""What is served while processes die: three definitions and the participant who is asked.

    order       hold ∥ charge → (wrap) → (brew) → capture, the pivot → ship
    errand      hold → charge, without a pivot
    doubtful    the same with answers to `charge` that are lost until nobody asks any more

Imported once in each process, with the name of its lane in CRASH_LANE: lanes have topics of their own.
Every effect is a row in table `effect` and a piece more or less in `stock`, neither with a unique key: what happens twice stands there
twice. Every effect also publishes a domain event, which its topic must show.
"""

import os
from typing import Any

from saga import Retry, Saga
from saga.messages import Command, DomainEvent, Reply, Undone
from saga.sdk import Done, Fault, Participant, Refusal, Transaction
from saga.sdk.faults import FaultPlan, Lose
from tests.crash.shapes import DEADLINE, STOCK

LANE = os.environ.get("CRASH_LANE", "till")
SCRIPT = f"""
create table if not exists effect (
    place bigint generated always as identity, key text not null, what text not null, command_id text not null, do_id text not null
);
create table if not exists stock (one boolean primary key default true check (one), pieces bigint not null check (pieces >= 0));
insert into stock (pieces) values ({STOCK}) on conflict do nothing;
"""
LONG = f"{DEADLINE}s"
BRISK = Retry(attempts=6, first="100ms", cap="500ms")
PLAN = FaultPlan(lose=(Lose(type="Charged", marker="doubt", attempts=1_000),))
LATE = 2  # attempts at shipping that fail


class Placed(DomainEvent, by=LANE):
    """An order is placed."""

    key: str
    wants: str = ""
    mood: str = ""


class Sent(DomainEvent, by=LANE):
    """Somebody is sent on an errand."""

    key: str
    mood: str = ""


class Doubted(DomainEvent, by=LANE):
    """The same, to where no answer comes from."""

    key: str
    mood: str = ""


class Happened(DomainEvent, by=LANE):
    command_id: str


class Held(Reply, by=LANE):
    pass


class Charged(Reply, by=LANE):
    pass


class Declined(Reply, by=LANE):
    reason: str


class Wrapped(Reply, by=LANE):
    pass


class Brewed(Reply, by=LANE):
    pass


class Captured(Reply, by=LANE):
    pass


class Shipped(Reply, by=LANE):
    pass


class Hold(Command[Held], to=LANE):
    key: str
    mood: str


class Charge(Command[Charged | Declined], to=LANE, refused=Declined):
    key: str
    mood: str


class Wrap(Command[Wrapped], to=LANE):
    key: str


class Brew(Command[Brewed], to=LANE):
    key: str


class Capture(Command[Captured], to=LANE):
    key: str


class Ship(Command[Shipped], to=LANE):
    key: str
    mood: str


class Release(Command[Undone], to=LANE):
    key: str
    mood: str


class Refund(Command[Undone], to=LANE):
    key: str


class Unwrap(Command[Undone], to=LANE):
    key: str


class Spill(Command[Undone], to=LANE):
    key: str


order = Saga("order", version=1, starts_on=Placed, key=lambda placed: placed.key, owner="tests")


@order.step(deadline=LONG, retry=BRISK)
def hold(placed: Placed) -> Hold:
    return Hold(key=placed.key, mood=placed.mood)


@hold.undo
def release(placed: Placed) -> Release:
    return Release(key=placed.key, mood=placed.mood)


@order.step(deadline=LONG, retry=BRISK)
def charge(placed: Placed) -> Charge:
    return Charge(key=placed.key, mood=placed.mood)


@charge.undo
def refund(placed: Placed) -> Refund:
    return Refund(key=placed.key)


@order.step(deadline=LONG, retry=BRISK, when=lambda placed: "wrap" in placed.wants, after=[hold])
def wrap(placed: Placed) -> Wrap:
    return Wrap(key=placed.key)


@wrap.undo
def unwrap(placed: Placed) -> Unwrap:
    return Unwrap(key=placed.key)


@order.step(deadline=LONG, retry=BRISK, when=lambda placed: "brew" in placed.wants, after=[hold])
def brew(placed: Placed) -> Brew:
    return Brew(key=placed.key)


@brew.undo
def spill(placed: Placed) -> Spill:
    return Spill(key=placed.key)


@order.pivot(deadline=LONG)
def capture(placed: Placed) -> Capture:
    return Capture(key=placed.key)


@order.step(deadline=LONG, retry=BRISK)
def ship(placed: Placed, captured: Captured) -> Ship:
    return Ship(key=placed.key, mood=placed.mood)


def _errand(name: str, begun: Any, deadline: str, retry: Retry) -> Saga[Any]:
    saga = Saga(name, version=1, starts_on=begun, key=lambda sent: sent.key, owner="tests")

    @saga.step(deadline=LONG, retry=BRISK)
    def hold(sent: begun) -> Hold:
        return Hold(key=sent.key, mood=sent.mood)

    @hold.undo
    def release(sent: begun) -> Release:
        return Release(key=sent.key, mood=sent.mood)

    @saga.step(deadline=deadline, retry=retry)
    def charge(sent: begun, held: Held) -> Charge:
        return Charge(key=sent.key, mood=sent.mood)

    @charge.undo
    def refund(sent: begun) -> Refund:
        return Refund(key=sent.key)

    return saga


errand = _errand("errand", Sent, LONG, BRISK)
doubtful = _errand("doubtful", Doubted, "400ms", Retry(attempts=2, first="100ms", cap="100ms"))
participant = Participant(LANE)


async def happen(db: Transaction, what: str, key: str, pieces: int) -> None:
    await db.execute("insert into effect (key, what, command_id, do_id) values ($1, $2, $3, $4)", key, what, db.command_id, db.do_id)
    await db.execute("update stock set pieces = pieces + $1", pieces)
    db.publish(Happened(command_id=db.command_id))


@participant.handles(Hold)
async def on_hold(command: Hold, db: Transaction) -> Held:
    await happen(db, "hold", command.key, -1)
    return Held()


@participant.handles(Charge)
async def on_charge(command: Charge, db: Transaction) -> Charged | Declined:
    if "charge-no" in command.mood:
        return Declined(reason="no money")
    if "charge-wait" in command.mood:
        raise Fault("closed", "come back later", retry_after=3_600)
    await happen(db, "charge", command.key, -1)
    return Charged()


@participant.handles(Wrap)
async def on_wrap(command: Wrap, db: Transaction) -> Wrapped:
    await happen(db, "wrap", command.key, -1)
    return Wrapped()


@participant.works(Brew)
async def on_brew(command: Brew, command_id: str) -> Any:
    async def finish(db: Transaction) -> Brewed:
        await happen(db, "brew", command.key, -1)
        return Brewed()

    return finish


@participant.handles(Capture)
async def on_capture(command: Capture, db: Transaction) -> Captured:
    await happen(db, "capture", command.key, -1)
    return Captured()


tries: dict[str, int] = {}


@participant.handles(Ship)
async def on_ship(command: Ship, db: Transaction) -> Shipped:
    tries[command.key] = tries.get(command.key, 0) + 1
    if "ship-late" in command.mood and tries[command.key] <= LATE:
        raise Fault("no-van", "there is no van yet")
    await happen(db, "ship", command.key, -1)
    return Shipped()


@participant.undoes(Hold, Release)
async def on_release(command: Release, db: Transaction, done: Done[Hold]) -> None:
    if "release-no" in command.mood:
        raise Refusal("gone", "it has been eaten")
    await happen(db, "release", command.key, 1)


@participant.undoes(Charge, Refund)
async def on_refund(command: Refund, db: Transaction, done: Done[Charge]) -> None:
    await happen(db, "refund", command.key, 1)


@participant.undoes(Wrap, Unwrap)
async def on_unwrap(command: Unwrap, db: Transaction, done: Done[Wrap]) -> None:
    await happen(db, "unwrap", command.key, 1)


@participant.undoes(Brew, Spill)
async def on_spill(command: Spill, db: Transaction, done: Done[Brew]) -> None:
    await happen(db, "spill", command.key, 1)
