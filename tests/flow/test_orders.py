"""Orders through the whole coordinator: fulfilled, refused and undone, cancelled, and what duplicates and lateness do (nothing)."""

import pytest

from saga.errors import ActRefused, ContractError
from saga.runtime.operations import ActRequest
from tests.flow.world import World


async def test_an_order_is_fulfilled_from_the_record_to_the_end() -> None:
    world = World()
    replica = world.replica()
    await replica.intake.records([world.place()])
    await world.run(replica)
    assert (await world.state()).ended == "completed"
    assert world.sent() == ["AcceptOrder", "AuthorizePayment", "ReserveStock", "CapturePayment", "ArrangeShipment", "ConfirmOrder"]
    assert world.effects() == (6, 0)
    assert (await world.store.figures())["outbox"] == 0


async def test_a_refused_step_undoes_the_others_in_reverse_order() -> None:
    world = World(choose={"reserve_stock": "refuse"})
    replica = world.replica()
    await replica.intake.records([world.place()])
    await world.run(replica)
    assert (await world.state()).ended == "compensated"
    assert world.sent()[3:] == ["VoidPayment", "RejectOrder"]
    assert world.effects() == (2, 2)


async def test_every_record_once_more_changes_and_sends_nothing() -> None:  # K1, S9, K13
    world = World(choose={"reserve_stock": "refuse"})
    replica = world.replica()
    await replica.intake.records([world.place()])
    await world.run(replica)
    before, sent = await world.events(), len(world.wire.records)
    await world.replica().intake.records(world.log)
    await replica.intake.records(list(reversed(world.log)))
    assert await world.events() == before
    assert len(world.wire.records) == sent
    assert await world.store.dead_letters(None, 10, None) == []


async def test_one_batch_may_hold_a_start_twice_and_several_replies_of_one_saga() -> None:  # check-store 9
    world = World()
    replica = world.replica()
    placed = world.place()
    await replica.intake.records([placed, placed, world.place("2")])
    assert len(await world.store.streams_after(None, 10)) == 2
    for _ in range(6):
        await replica.relay.drain(5)
        await replica.intake.records(world.answers())
    assert [row.status for row in (await world.store.list_sagas(_all(), 10, None)).rows] == ["completed", "completed"]


async def test_the_same_key_with_another_body_is_a_dead_letter() -> None:  # S9
    world = World()
    replica = world.replica()
    await replica.intake.records([world.place()])
    await replica.intake.records([world.place("1", b'{"order_id": "1", "lines": 9}')])
    (letter,) = await world.store.dead_letters(None, 10, None)
    assert letter.letter.reason == "conflicting-start"
    assert len(await world.store.streams_after(None, 10)) == 1


async def test_a_start_from_rest_and_one_from_kafka_are_one_operation() -> None:  # S9
    world = World()
    desk, replica = world.replica().desk, world.replica()
    first = await desk.start("default", "fulfil-order", {"order_id": "1", "lines": 2}, "request-1")
    again = await desk.start("default", "fulfil-order", {"lines": 2, "order_id": "1"}, "request-1")
    other_request = await desk.start("default", "fulfil-order", {"order_id": "1", "lines": 2}, "request-2")
    await replica.intake.records([world.place()])
    assert first.created
    assert (again.created, other_request.created) == (False, False)
    assert first.saga_id == again.saga_id == other_request.saga_id == await world.only_saga()
    for body, request in (({"order_id": "1", "lines": 3}, "request-3"), ({"order_id": "2", "lines": 2}, "request-1")):
        with pytest.raises(ContractError, match="conflicting-start"):
            await desk.start("default", "fulfil-order", body, request)


async def test_a_cancel_turns_back_once_and_names_who_and_why() -> None:  # S4
    world = World()
    replica = world.replica()
    await replica.intake.records([world.place()])
    await replica.relay.drain(5)
    await replica.intake.records(world.answers())
    act = ActRequest(await world.only_saga(), "ada", "a wish", "input-1")
    result = await replica.desk.cancel("default", act)
    again = await replica.desk.cancel("default", act)
    assert result.events == ("TurnedBack",)
    assert again.events == ()
    await world.run(replica)
    state = await world.state()
    assert (state.ended, state.turned_back.actor, state.turned_back.reason) == ("cancelled", "ada", "a wish")
    with pytest.raises(ActRefused, match="ended"):
        await replica.desk.cancel("default", ActRequest(act.saga_id, "ada", "again", "input-2"))


async def test_a_lost_answer_is_asked_for_again_and_the_effect_happens_once() -> None:  # K8
    world = World()
    replica = world.replica()
    await replica.intake.records([world.place()])
    await replica.relay.drain(5)
    world.answers()
    assert await world.tick(replica, 11) == 1
    assert await world.tick(replica, 31) == 1
    await world.run(replica)
    assert (await world.state()).ended == "completed"
    assert world.sent("accept_order") == ["AcceptOrder", "AcceptOrder"]
    assert world.effects() == (6, 0)


async def test_a_step_that_is_never_answered_is_undone_although_it_may_have_happened() -> None:  # S1
    world = World()
    replica = world.replica()
    await replica.intake.records([world.place()])
    await replica.relay.drain(5)
    await replica.intake.records(world.answers())
    await replica.relay.drain(5)
    await replica.intake.records([reply for reply in world.answers() if reply.topic == "payment.events"])
    for _ in range(8):
        await world.tick(replica, 40)
        await replica.relay.drain(5)
        await replica.intake.records([reply for reply in world.answers() if b"nventory.StockReserved" not in str(reply.headers).encode()])
    assert (await world.state()).ended == "compensated"
    assert world.effects() == (3, 3)


def _all() -> object:
    from saga.ports.streams import SagaFilter

    return SagaFilter()
