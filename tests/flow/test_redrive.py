"""Dead letters are redriven and held records tried now: what comes out, in which order, and who wins."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from saga import DomainEvent, Saga
from saga.bootstrap import Coordinator
from saga.errors import ActRefused, Unavailable, UnknownOutcome
from saga.messages import Outcome
from saga.ports.messaging import InboundRecord
from saga.ports.records import DeadRow, RecordFilter
from saga.runtime.record_operations import LetterAct, LetterResult, RecordsAct, RecordsResult
from tests.flow.world import GENERAL, World
from tests.unit.shop import FULFIL_ORDER, ONE_STEP, AcceptOrder, RejectOrder

TENANT = "default"
ALL = RecordFilter()
V2 = "com.example.order.OrderPlaced.v2"


class OrderPlaced(DomainEvent, by="order", version=2):
    order_id: str


REFUND = Saga("fulfil-order", version=2, starts_on=OrderPlaced, key=lambda placed: placed.order_id, owner="tests")


@REFUND.step(deadline="10s")
def accept_order(placed: OrderPlaced) -> AcceptOrder:
    return AcceptOrder(order_id=placed.order_id, lines=1)


@accept_order.undo
def reject(placed: OrderPlaced) -> RejectOrder:
    return RejectOrder(order_id=placed.order_id)


def deployed(world: World) -> Coordinator:
    """A replica of the release that knows version 2 of the start."""
    return world.replica([FULFIL_ORDER.compile(), REFUND.compile()])


async def buried(*order_ids: str) -> tuple[World, Sequence[DeadRow]]:
    """Starts of a major version that nobody knows yet; in the order of the log."""
    world = World()
    await world.replica().intake.records([world.place(order_id, ce_type=V2) for order_id in order_ids])
    rows = await world.store.dead_letters(TENANT, 10, None)
    return world, sorted(rows, key=lambda row: row.letter.record.offset)


async def redrive(replica: Coordinator, row: DeadRow, input_id: str = "request-1") -> LetterResult:
    return await replica.desk.redrive(TENANT, LetterAct(row.id, "ada", "the new release is deployed", input_id))


async def many(replica: Coordinator, wanted: RecordFilter = ALL, verb: str = "redrive_many") -> RecordsResult:
    """Both steps."""
    act = RecordsAct(wanted, "ada", "mended", "request-1")
    counted: RecordsResult = await getattr(replica.desk, verb)(TENANT, act)
    result: RecordsResult = await getattr(replica.desk, verb)(TENANT, replace(act, confirm=counted.confirm))
    return result


async def test_a_start_of_an_unknown_type_becomes_a_saga_once_its_definition_is_deployed() -> None:  # K11
    world, (row,) = await buried("1")
    replica = deployed(world)
    result = await redrive(replica, row)
    assert (result.outcome, result.detail) == ("appended", str(await world.only_saga()))
    settled = await replica.desk.dead_letter(TENANT, row.id)
    assert (settled.redriven_by, settled.redriven_because, settled.outcome) == ("ada", "the new release is deployed", "appended")
    assert settled.redriven_at == world.store.now
    assert (await world.store.figures())["dead"] == 0
    await world.run(replica)
    assert (await world.state()).ended == "completed"


async def test_a_letter_that_is_dead_again_stays_open_with_its_new_reason() -> None:  # K11
    world, (row,) = await buried("1")
    broken = replace(REFUND.compile(), key=lambda _placed: 1 / 0)  # type: ignore[arg-type,return-value]
    result = await redrive(world.replica([broken]), row)
    assert (result.outcome, result.reason) == ("dead", "bad-key")
    (again,) = await world.store.dead_letters(TENANT, 10, None)
    assert (again.id, again.letter.reason, again.redriven_at, again.redrives) == (row.id, "bad-key", None, 1)
    assert (await redrive(deployed(world), row, "request-2")).outcome == "appended"


async def test_a_letter_that_nobody_listens_to_is_refused_and_stays_open() -> None:  # ground rule 9
    world, (row,) = await buried("1")
    with pytest.raises(ActRefused, match="not-addressed"):
        await redrive(world.replica([]), row)
    assert await world.store.dead_letters(TENANT, 10, None) == [row]


async def test_a_letter_that_was_cut_off_is_refused_and_can_be_set_aside() -> None:  # K11
    world = World()
    replica = world.replica()
    await replica.intake.records([world.place("1", b'{"a": "' + b"x" * 600_000 + b'"}')])
    (row,) = await world.store.dead_letters(TENANT, 10, None)
    with pytest.raises(ActRefused, match="cut-off"):
        await redrive(replica, row)
    result = await replica.desk.discard(TENANT, LetterAct(row.id, "ada", "sent anew", "request-2"))
    assert result.outcome == "discarded"
    (kept,) = await world.store.dead_letters(TENANT, 10, None)
    assert (kept.letter, kept.redriven_at) == (row.letter, world.store.now)


async def test_a_start_that_has_happened_meanwhile_is_settled_as_a_duplicate() -> None:  # K1
    world, (row,) = await buried("1")
    replica = deployed(world)
    await replica.intake.records([row.letter.record])
    assert (await redrive(replica, row)).detail == "duplicate"
    assert len(await world.store.streams_after(None, 10)) == 1


async def test_a_redriven_reply_waits_for_its_saga_like_a_new_one_and_dies_again_on_the_same_row() -> None:  # K11, ground rule 9
    world, replies = await _orphans()
    world.store.data.events.clear()
    replica = world.replica()
    row = (await world.store.dead_letters(TENANT, 10, None))[0]
    assert (await redrive(replica, row)).outcome == "held"
    assert (await replica.desk.dead_letter(TENANT, row.id)).redriven_at == world.store.now
    world.store.now += timedelta(seconds=61)
    assert await replica.intake.held(10) == 1
    again = await replica.desk.dead_letter(TENANT, row.id)
    assert (again.letter.reason, again.redriven_at, again.dead_at) == ("unknown-saga", None, world.store.now)
    assert len(await world.store.dead_letters(TENANT, 10, None)) == len(replies)


async def test_what_was_discarded_is_not_opened_again_when_the_log_is_read_again() -> None:  # K1
    world, (row,) = await buried("1")
    await world.replica().desk.discard(TENANT, LetterAct(row.id, "ada", "a test order", "request-1"))
    await world.replica().intake.records([row.letter.record])
    assert (await world.store.figures())["dead"] == 0


async def test_records_of_one_saga_are_redriven_in_the_order_of_the_log_whenever_they_died() -> None:
    world, _ = await _orphans()
    assert (await many(world.replica())).outcomes == {"appended": 2}
    names = await world.names()
    assert names.index("StepRefused") < names.index("StepSucceeded")


async def test_of_two_redrivers_one_wins_and_the_other_hears_of_it() -> None:  # I1
    world, (row,) = await buried("1")
    one, two = deployed(world), deployed(world)
    results = await asyncio.gather(redrive(one, row, "a"), redrive(two, row, "b"), return_exceptions=True)
    refused = [result for result in results if isinstance(result, ActRefused)]
    assert [error.code for error in refused] == ["already-settled"]
    assert len(await world.store.streams_after(None, 10)) == 1
    assert (await one.desk.dead_letter(TENANT, row.id)).redrives == 1


async def test_the_same_request_again_gives_the_same_answer() -> None:
    world, (row,) = await buried("1")
    first = await redrive(deployed(world), row)
    assert await redrive(deployed(world), row) == first
    assert len(await world.store.streams_after(None, 10)) == 1


async def test_every_act_stands_in_the_audit_with_what_came_of_it() -> None:  # A6
    world, (one, two) = await buried("1", "2")
    with pytest.raises(ActRefused):
        await redrive(world.replica([]), one)
    await redrive(deployed(world), one, "request-2")
    await world.replica().desk.discard(TENANT, LetterAct(two.id, "eve", "a test order", "request-3"))
    entries = [row.entry for row in await world.store.audit_chain(TENANT, 0, 10)]
    assert [(entry.act, entry.actor, entry.outcome) for entry in entries] == [
        ("redrive", "ada", "refused"), ("redrive", "ada", "done"), ("discard", "eve", "done"),
    ]  # fmt: skip
    assert entries[1].saga_id == str(await world.only_saga())
    assert (entries[2].reason, entries[2].detail) == ("a test order", f"discarded {two.id}")


async def test_a_letter_of_one_definition_starts_no_saga_of_another() -> None:
    world = World()
    broken = replace(ONE_STEP.compile(), key=lambda _placed: 1 / 0)  # type: ignore[arg-type,return-value]
    await world.replica([broken]).intake.records([world.place("1")])
    (row,) = await world.store.dead_letters(TENANT, 10, None)
    assert (await redrive(world.replica([ONE_STEP.compile(), FULFIL_ORDER.compile()]), row)).outcome == "appended"
    assert (await world.state()).start.definition == "one-step"


async def test_a_crash_before_the_commit_leaves_the_letter_as_it_was() -> None:  # P1
    world, (row,) = await buried("1")
    world.store.fail_next("commit", Unavailable("postgres", "it is away"))
    with pytest.raises(Unavailable):
        await redrive(deployed(world), row)
    assert await world.store.dead_letters(TENANT, 10, None) == [row]
    assert await world.store.streams_after(None, 10) == []


@pytest.mark.parametrize("point", ["commit", "committed"])
async def test_a_commit_without_an_answer_is_found_out_by_asking_again(point: str) -> None:  # P1
    world, (row,) = await buried("1")
    replica = deployed(world)
    world.store.fail_next(point, UnknownOutcome("lost"))
    with pytest.raises(UnknownOutcome):
        await redrive(replica, row)
    assert (await redrive(replica, row)).outcome == "appended"
    assert len(await world.store.streams_after(None, 10)) == 1


async def test_a_saga_that_cannot_be_decided_does_not_swallow_its_letter() -> None:  # S18
    world, _ = await _orphans()
    broken = await world.only_saga()
    world.store.data.events[broken][1] = b"\x00garbage"
    assert (await many(world.replica())).outcomes == {"dead": 2}
    assert {row.letter.reason for row in await world.store.dead_letters(TENANT, 10, None)} == {"quarantined"}
    assert (await world.store.figures())["dead"] == 2


async def _orphans() -> tuple[World, list[InboundRecord]]:
    """Two answers to one command, a refusal and behind it a success, dead because their saga was not there. The later one died first."""
    world = World()
    replica = world.replica()
    await replica.intake.records([world.place()])
    await replica.relay.drain(5)
    (success,) = world.answers()
    kind = GENERAL[Outcome.REFUSED][0]
    changes = {"ce_type": kind.encode(), "ce_outcome": b"refused", "ce_id": b"another"}
    headers = [(name, changes.get(name, value)) for name, value in success.headers]
    refusal = replace(success, offset=1, value=b'{"code": "no"}', headers=tuple(headers))
    success = replace(success, offset=2)
    streams, world.store.data.events = dict(world.store.data.events), {}
    for record in (success, refusal):
        await world.replica().intake.records([record])
        world.store.now += timedelta(seconds=61)
        assert await world.replica().intake.held(10) == 1
    world.store.data.events = streams
    return world, [refusal, success]
