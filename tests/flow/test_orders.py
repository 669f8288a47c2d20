"""Orders through the whole coordinator: fulfilled, refused and undone, cancelled, and what duplicates and lateness do (nothing)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from saga.errors import ActRefused, ContractError
from saga.runtime.operations import ActRequest, HandAnswer
from tests.flow.world import EXAMPLES, World
from tests.unit.shop import ONE_STEP


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


async def test_a_paused_saga_records_and_sends_nothing_until_it_is_resumed() -> None:  # design 4.8
    world = World()
    replica = world.replica()
    await replica.intake.records([world.place()])
    await replica.relay.drain(5)
    saga_id = await world.only_saga()
    paused = await replica.desk.pause("default", ActRequest(saga_id, "ada", "fire", "input-1"))
    assert (paused.status, paused.events) == ("paused", ("SagaPaused",))
    await world.run(replica)
    assert await world.tick(replica, seconds=3600) == 0
    assert world.sent() == ["AcceptOrder"]
    resumed = await replica.desk.resume("default", ActRequest(saga_id, "ada", "over", "input-2"))
    assert resumed.events == ("SagaResumed", "StepIssued", "StepIssued")
    await world.run(replica)
    assert (await world.state()).ended == "completed"


async def test_a_resumed_saga_is_found_by_its_moved_deadline_whatever_its_row_said() -> None:  # check-store 3
    world = World()
    replica = world.replica()
    await replica.intake.records([world.place()])
    await replica.relay.drain(5)
    saga_id = await world.only_saga()
    await replica.desk.pause("default", ActRequest(saga_id, "ada", "fire", "input-1"))
    world.store.now += timedelta(hours=1)
    await replica.desk.resume("default", ActRequest(saga_id, "ada", "over", "input-2"))
    await world.tick(replica)
    assert "StepFailed" not in await world.names()
    await world.tick(replica, seconds=60)
    assert "StepFailed" in await world.names()


async def test_a_pivot_that_nobody_answers_is_fenced_and_the_order_is_undone() -> None:  # V7
    world = World(choose={"capture_payment": "fail"})
    replica = world.replica()
    await replica.intake.records([world.place()])
    await world.run(replica)
    done = await replica.desk.fence("default", ActRequest(await world.only_saga(), "ada", "no answer", "input-1", "capture_payment"))
    assert done.events == ("UndoIssued",)
    await world.run(replica)
    state = await world.state()
    assert (state.ended, state.turned_back.step) == ("compensated", "capture_payment")
    assert world.effects() == (3, 3)


async def test_a_pivot_answered_by_hand_carries_the_persons_reply_on() -> None:
    world = World(choose={"capture_payment": "fail"})
    replica = world.replica()
    await replica.intake.records([world.place()])
    await world.run(replica)
    said = HandAnswer("bank statement 7", reply=EXAMPLES["PaymentCaptured"])
    act = ActRequest(await world.only_saga(), "ada", "they are down", "input-1", "capture_payment", answer=said)
    assert (await replica.desk.answer("default", act)).events == ("StepSucceeded", "StepIssued")
    with pytest.raises(ActRefused, match="cannot-answer"):
        await replica.desk.answer("default", replace(act, input_id="input-2"))
    await world.run(replica)
    assert (await world.state()).ended == "completed"


@pytest.mark.parametrize("verb", ["pause", "resume", "doubt", "answer", "fence", "retry", "skip", "cancel"])
async def test_every_act_is_held_where_the_definition_is_not_loaded_and_decided_elsewhere(verb: str) -> None:  # S12
    world = World(choose={"capture_payment": "fail"})
    knows, does_not = world.replica(), world.replica([ONE_STEP.compile()])
    await knows.intake.records([world.place()])
    await world.run(knows)
    step = "" if verb in ("pause", "resume", "cancel") else "capture_payment"
    said = HandAnswer("seen", reply=EXAMPLES["PaymentCaptured"])
    act = ActRequest(await world.only_saga(), "ada", "because", "input-1", step, answer=said)
    assert (await getattr(does_not.desk, verb)("default", act)).held
    assert await knows.intake.held(10) == 1
    expected = {"pause": "SagaPaused", "answer": "StepSucceeded", "fence": "UndoIssued", "retry": "StepResent"}
    caused = [type(event).__name__ for event in await world.events() if getattr(event, "actor", "") == "ada"]
    assert caused == ([expected[verb]] if verb in expected else [])
