"""Many kept records at once: counted first, confirmed, in order, bounded; and held records tried before their time."""

from dataclasses import replace
from datetime import timedelta

import pytest

from saga.bootstrap import Coordinator
from saga.errors import ActRefused
from saga.ports.records import RecordFilter
from saga.runtime.operations import ActRequest
from saga.runtime.record_operations import LetterAct, RecordsAct
from tests.flow.test_redrive import ALL, TENANT, V2, buried, deployed, many
from tests.flow.world import World
from tests.unit.shop import ONE_STEP

ACT = RecordsAct(ALL, "ada", "mended", "request-1")


async def test_a_dry_run_counts_and_does_nothing() -> None:  # A6
    world, rows = await buried("1", "2", "3")
    counted = await deployed(world).desk.redrive_many(TENANT, ACT)
    assert (counted.done, counted.count, counted.outcomes) == (False, 3, None)
    assert (await world.store.figures())["dead"] == len(rows)


@pytest.mark.parametrize(
    ("code", "seconds", "change"),
    [
        ("confirm-differs", 0, {"wanted": RecordFilter(reason="unknown-version")}),
        ("confirm-differs", 0, {"actor": "eve"}),
        ("confirm-differs", 0, {"confirm": "hello"}),
        ("confirm-differs", 0, {"confirm": "f" * 40 + "-0"}),
        ("confirm-expired", 601, {}),
    ],
)
async def test_the_word_is_good_for_this_filter_and_person_and_for_ten_minutes(code: str, seconds: int, change: dict[str, object]) -> None:
    world, _ = await buried("1")  # A6
    replica = deployed(world)
    counted = await replica.desk.redrive_many(TENANT, ACT)
    world.store.now += timedelta(seconds=seconds)
    with pytest.raises(ActRefused, match=code):
        await replica.desk.redrive_many(TENANT, replace(ACT, **{"confirm": counted.confirm, **change}))  # type: ignore[arg-type]
    assert (await world.store.figures())["dead"] == 1


async def test_the_word_is_not_good_for_another_number() -> None:  # A6
    world, _ = await buried("1")
    replica = deployed(world)
    counted = await replica.desk.redrive_many(TENANT, ACT)
    await world.replica().intake.records([world.place("2", ce_type=V2)])
    with pytest.raises(ActRefused, match="now there are 2"):
        await replica.desk.redrive_many(TENANT, replace(ACT, confirm=counted.confirm))


async def test_a_call_takes_a_thousand_in_order_and_says_where_to_go_on() -> None:  # A6
    world, _ = await buried(*(str(number) for number in range(1_003)))
    replica = deployed(world)
    first = await many(replica)
    assert (first.outcomes, first.left) == ({"appended": 1_000}, 3)
    second = await many(replica, RecordFilter(after=first.after))
    assert (second.outcomes, second.left, second.after) == ({"appended": 3}, 0, "")
    await replica.relay.drain(5)
    assert len(await world.store.audit_chain(TENANT, 0, 2_000)) == 1_003
    assert [record.key for record in world.wire.records] == [str(number).encode() for number in range(1_003)]


async def test_a_filter_takes_only_what_it_names() -> None:
    world, rows = await buried("1", "2")
    await world.replica().intake.records([world.place("3", b"{"), world.place("4", ce_type=V2, ce_tenant="acme")])
    replica = deployed(world)
    assert (await many(replica, RecordFilter(reason="unknown-version", ids=(rows[1].id, "no id")))).outcomes == {"appended": 1}
    assert (await many(replica, RecordFilter(topic="payment.events"))).count == 0
    assert (await many(replica, RecordFilter(definition="fulfil-order"))).outcomes == {"dead": 1}
    assert (await many(replica)).count == 2
    assert [row.letter.tenant for row in await world.store.dead_letters("acme", 10, None)] == ["acme"]


async def test_a_letter_of_another_tenant_does_not_exist() -> None:  # A1
    world, (row,) = await buried("1")
    for act in (world.replica().desk.redrive, world.replica().desk.discard):
        with pytest.raises(LookupError):
            await act("acme", LetterAct(row.id, "eve", "not mine", "request-1"))


async def waiting() -> tuple[World, Coordinator]:
    """A start that is held for a version which no replica has loaded; its version before is loaded."""
    world = World()
    holds = world.replica([ONE_STEP.compile()])
    holds.heartbeat._router._newest = {"fulfil-order": (9, "com.example.order.OrderPlaced.v1")}
    await holds.intake.records([world.place("1"), world.place("2")])
    return world, world.replica()


async def test_a_held_start_is_tried_now_and_runs_on_what_is_loaded() -> None:
    world, replica = await waiting()
    assert await replica.intake.held(10) == 0
    (one, _) = await replica.desk.held_records(TENANT, 10)
    assert (await many(replica, RecordFilter(ids=(one.id,)), "retry_held")).outcomes == {"appended": 1}
    assert (await many(replica, verb="retry_held")).outcomes == {"appended": 1}
    assert (await world.store.figures())["held"] == 0
    audit = [row.entry for row in await world.store.audit_chain(TENANT, 0, 10)]
    assert [(entry.act, entry.definition, entry.outcome) for entry in audit] == [("retry-held", "fulfil-order", "done")] * 2


async def test_a_held_record_that_must_wait_waits_on_as_long_as_before() -> None:  # K11
    world = World()
    replica = world.replica()
    await replica.intake.records([world.place()])
    await replica.relay.drain(5)
    (reply,) = world.answers()
    world.store.data.events.clear()
    await world.replica().intake.records([reply])
    world.store.now += timedelta(seconds=40)
    assert (await many(world.replica(), verb="retry_held")).outcomes == {"held": 1}
    world.store.now += timedelta(seconds=21)
    assert await world.replica().intake.held(10) == 1
    assert (await world.store.figures())["dead"] == 1


async def test_a_held_record_that_nobody_here_listens_to_is_not_dropped() -> None:  # ground rule 9
    world, _ = await waiting()
    assert (await many(world.replica([]), verb="retry_held")).outcomes == {"not-addressed": 2}
    assert (await world.store.figures())["held"] == 2


async def test_a_held_act_is_tried_now() -> None:
    world = World()
    replica, does_not = world.replica(), world.replica([ONE_STEP.compile()])
    await replica.intake.records([world.place()])
    assert (await does_not.desk.cancel(TENANT, ActRequest(await world.only_saga(), "ada", "a wish", "input-1"))).held
    assert (await many(replica, RecordFilter(definition="fulfil-order"), "retry_held")).outcomes == {"appended": 1}
    assert "TurnedBack" in await world.names()
