"""Records that cannot be used, or not yet: each ends as an event, counted, held or dead, and the partition never waits."""

from dataclasses import replace
from datetime import timedelta

import pytest

from saga.ports.streams import Append, Batch, SagaFilter
from saga.runtime.operations import ActRequest
from saga.runtime.replay import replay
from tests.flow.world import World
from tests.unit.shop import FULFIL_ORDER, ONE_STEP

DEEP = b'{"a":' * 70 + b"1" + b"}" * 70
HOSTILE = {
    "not-utf-8": b"\xff\xfe",
    "not-json": b"{",
    "not-an-object": b"[]",
    "too-deep": DEEP,
    "too-large": b'{"a": "' + b"x" * 600_000 + b'"}',
    "invalid-body": b"{}",
    "bad-value": b'{"order_id": "1", "lines": 99999999999999999999}',
}


@pytest.mark.parametrize(("reason", "body"), HOSTILE.items())
async def test_a_hostile_start_is_a_dead_letter_with_its_bytes_and_its_offset(reason: str, body: bytes) -> None:  # K11, P14
    world = World()
    replica = world.replica()
    bad = world.place("1", body)
    await replica.intake.records([bad, world.place("2")])
    (letter,) = await world.store.dead_letters(None, 10, None)
    assert letter.letter.reason == reason
    assert letter.letter.record.offset == bad.offset
    assert bad.value is not None
    assert bad.value.startswith(letter.letter.record.value or b"-")
    assert len(await world.store.streams_after(None, 10)) == 1


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        ("unknown-saga", {"ce_sagaid": b"not-a-saga"}),
        ("unknown-command", {"ce_causationid": b"0b8f2f0e-5c0d-4a6e-9a57-3f5b1a7f2c11"}),
        ("unexpected-type", {"ce_type": b"com.example.order.OrderAccepted.v9"}),
        ("unknown-outcome", {"ce_outcome": b"perhaps"}),
        ("bad-attribute", {"ce_attempt": b"one"}),
        ("no-cloudevent", {"ce_specversion": b""}),
    ],
)
async def test_a_hostile_reply_is_a_dead_letter_and_the_true_one_still_counts(reason: str, change: dict[str, bytes]) -> None:  # K11, K13
    world = World()
    replica = world.replica()
    await replica.intake.records([world.place()])
    await replica.relay.drain(5)
    (reply,) = world.answers()
    forged = world.record(reply.topic, reply.key, reply.value, [(name, change.get(name, value)) for name, value in reply.headers])
    await replica.intake.records([forged, reply])
    (letter,) = await world.store.dead_letters(None, 10, None)
    assert letter.letter.reason == reason
    await world.run(replica)
    assert (await world.state()).ended == "completed"


async def test_a_reply_from_a_participant_that_was_not_asked_is_a_dead_letter() -> None:  # A10
    world = World()
    replica = world.replica()
    await replica.intake.records([world.place()])
    await replica.relay.drain(5)
    (reply,) = world.answers()
    await replica.intake.records([world.record("payment.events", reply.key, reply.value, reply.headers)])
    (letter,) = await world.store.dead_letters(None, 10, None)
    assert letter.letter.reason == "wrong-participant"


@pytest.mark.parametrize("value", [None, b""])
async def test_a_record_without_headers_or_value_does_not_stop_its_partition(value: bytes | None) -> None:  # K11
    world = World()
    replica = world.replica()
    await replica.intake.records([world.record("order.events", None, value, ()), world.place()])
    assert [row.letter.reason for row in await world.store.dead_letters(None, 10, None)] == ["no-cloudevent"]
    assert len(await world.store.streams_after(None, 10)) == 1


async def test_a_domain_event_that_nobody_listens_to_is_counted_and_passed_over() -> None:  # I10
    world = World()
    await world.replica().intake.records([world.place("1", b'{"sku": "x"}', ce_type="com.example.order.StockLevelChanged.v1")])
    assert await world.store.dead_letters(None, 10, None) == []
    assert await world.store.streams_after(None, 10) == []


async def test_a_start_of_an_unknown_major_version_is_a_dead_letter() -> None:  # K11
    world = World()
    await world.replica().intake.records([world.place("1", ce_type="com.example.order.OrderPlaced.v7")])
    (letter,) = await world.store.dead_letters(None, 10, None)
    assert letter.letter.reason == "unknown-version"


async def test_a_reply_for_an_unknown_saga_is_held_for_a_while_and_then_dead() -> None:  # K11
    world = World()
    replica = world.replica()
    await replica.intake.records([world.place()])
    await replica.relay.drain(5)
    (reply,) = world.answers()
    stranger = b"01955f3e-8d2a-7c41-b0a3-52d9c47e1f60"
    lost = world.record(reply.topic, reply.key, reply.value, [(n, stranger if n == "ce_sagaid" else v) for n, v in reply.headers])
    await replica.intake.records([lost])
    assert (await world.store.figures())["held"] == 1
    assert await replica.intake.held(10) == 0
    world.store.now += timedelta(seconds=61)
    assert await replica.intake.held(10) == 1
    (letter,) = await world.store.dead_letters(None, 10, None)
    assert (letter.letter.reason, (await world.store.figures())["held"]) == ("unknown-saga", 0)


async def test_a_saga_whose_events_cannot_be_read_is_quarantined_and_the_others_go_on() -> None:  # S18
    world = World()
    replica = world.replica()
    await replica.intake.records([world.place("1"), world.place("2")])
    await replica.relay.drain(5)
    (broken, _), (sound, _) = await world.store.streams_after(None, 10)
    async with world.store.transaction() as tx:
        await tx.write(Batch(appends=[Append(broken, 2, (b"\x00garbage",))]))
    await world.replica().intake.records(world.answers())
    assert [row.letter.reason for row in await world.store.dead_letters(None, 10, None)] == ["quarantined"]
    assert (await world.names(sound)).count("StepSucceeded") == 1
    assert broken not in await world.store.due_sagas(replica.intake.loaded, 10)


async def test_a_rebuild_finds_a_wrong_row_mends_it_and_sends_nothing() -> None:  # I8, I9, S16
    world = World()
    replica = world.replica()
    await replica.intake.records([world.place("1"), world.place("2")])
    await world.run(replica)
    sent = len(world.wire.records)
    assert (await replay(world.store, check=True)).clean
    (row, *_) = (await world.store.list_sagas(SagaFilter(), 10, None)).rows
    world.store.data.rows.pop(row.saga_id)
    report = await replay(world.store, check=True)
    assert (report.differing, report.written) == ([row.saga_id], 0)
    assert (await replay(world.store, check=False)).written == 1
    assert await world.store.get(row.saga_id) == row
    assert len(world.wire.records) == sent


async def test_routing_survives_whatever_a_definition_does_with_a_start() -> None:  # K11
    def broken_key(_placed: object) -> str:
        raise ZeroDivisionError

    definition = FULFIL_ORDER.compile()
    world = World()
    replica = world.replica([_with_key(definition, broken_key)])
    await replica.intake.records([world.place()])
    (letter,) = await world.store.dead_letters(None, 10, None)
    assert (letter.letter.reason, "ZeroDivisionError" in letter.letter.detail) == ("bad-key", True)


def _with_key(definition: object, key: object) -> object:
    return replace(definition, key=key)  # type: ignore[type-var]


async def test_a_saga_id_in_another_spelling_is_held_and_found_again() -> None:
    world = World()
    knows, does_not = world.replica(), world.replica([ONE_STEP.compile()])
    await knows.intake.records([world.place()])
    await knows.relay.drain(5)
    (reply,) = world.answers()
    shouted = [(name, value.upper() if name == "ce_sagaid" and value else value) for name, value in reply.headers]
    await does_not.intake.records([world.record(reply.topic, reply.key, reply.value, shouted)])
    assert await knows.intake.held(10) == 1
    assert (await world.names()).count("StepSucceeded") == 1


async def test_a_reply_of_an_older_epoch_is_counted_and_changes_nothing() -> None:  # design 4.1
    world = World()
    replica = world.replica()
    await replica.intake.records([world.place()])
    await replica.relay.drain(5)
    (reply,) = world.answers()
    old = [(name, b"0" if name == "ce_epoch" else value) for name, value in reply.headers]
    await replica.intake.records([world.record(reply.topic, reply.key, reply.value, old)])
    assert await world.names() == ["SagaStarted", "StepIssued"]
    assert await world.store.dead_letters(None, 10, None) == []


async def test_replay_finds_a_row_that_says_something_else_than_the_events() -> None:  # I8
    world = World()
    await world.replica().intake.records([world.place()])
    saga_id = await world.only_saga()
    world.store.data.rows[saga_id] = replace(world.store.data.rows[saga_id], status="completed")
    assert (await replay(world.store, check=True)).differing == [saga_id]


async def test_a_saga_of_another_tenant_does_not_exist() -> None:  # A1
    world = World()
    replica = world.replica()
    await replica.intake.records([world.place("1", ce_tenant="acme")])
    saga_id = await world.only_saga()
    assert (await replica.desk.show("acme", saga_id)).row.tenant == "acme"
    for ask in (
        replica.desk.show("default", saga_id),
        replica.desk.events("default", saga_id),
        replica.desk.find("default", "fulfil-order", "1"),
    ):
        with pytest.raises(LookupError):
            await ask
    with pytest.raises(LookupError):
        await replica.desk.cancel("default", ActRequest(saga_id, "eve", "not mine", "input-1"))


async def test_a_reply_that_names_another_tenant_is_a_dead_letter_of_that_tenant() -> None:  # K11, I16
    world = World()
    replica = world.replica()
    await replica.intake.records([world.place("1", ce_tenant="acme")])
    await replica.relay.drain(5)
    (reply,) = world.answers()
    foreign = [(name, b"evil" if name == "ce_tenant" else value) for name, value in reply.headers]
    await replica.intake.records([world.record(reply.topic, reply.key, reply.value, foreign), reply])
    (letter,) = await world.store.dead_letters("evil", 10, None)
    assert letter.letter.reason == "wrong-tenant"
    assert await world.store.dead_letters("acme", 10, None) == []
    assert (await world.names()).count("StepSucceeded") == 1
