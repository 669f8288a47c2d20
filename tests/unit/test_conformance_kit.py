"""The conformance kit finds what it is there to find: each planted fault, under the name of its rule."""

import asyncio

import pytest
from table_participant import DO, UNDO, TableParticipant, written

from saga.testing.bus import MemoryBus
from saga.testing.conformance import PLAYS, Parts, play
from saga.testing.conversation import Conversation, Words


async def broken(bus: MemoryBus, fault: str = "", patience: float = 2.0) -> dict[str, str]:
    """What the kit says about a participant with this fault."""
    participant = asyncio.create_task(TableParticipant(bus, fault).run())
    producer, consumer = bus.producer(), bus.consumer("kit", ["desk.events"])
    await producer.start()
    await consumer.start()
    talk = Conversation("desk", producer, consumer, patience)
    verdicts = await play(Parts(talk, Words(DO, '{"desk": "$ID"}'), Words(UNDO, "{}")))
    participant.cancel()
    return {verdict.name: verdict.broken for verdict in verdicts if verdict.broken}


async def test_a_participant_that_keeps_the_table_breaks_no_rule() -> None:
    assert await broken(MemoryBus()) == {}


FAULTS = {
    "new-id-each-time": {"repeats", "copies", "undoes", "done-after-undone", "undone-before-done", "fences", "epochs"},
    "echoes-another-attempt": {"answers", "repeats"},
    "another-key": {"answers"},
    "takes-any-wire": {"another-wire"},
    "takes-any-epoch": {"epochs"},
    "remembers-failed": {"unknown-types", "malformed-bodies"},
    "no-tombstone": {"undone-before-done", "fences"},
    "fence-undoes": {"fences"},
    "forgets-that-it-undid": {"done-after-undone"},
    "refuses-unknown-types": {"unknown-types"},
}


@pytest.mark.parametrize(("fault", "rules"), FAULTS.items(), ids=FAULTS)
async def test_a_planted_fault_is_found_under_its_rule(fault: str, rules: set[str]) -> None:  # L9
    assert set(await broken(MemoryBus(), fault)) - {"races"} == rules  # a race may end well by chance


async def test_a_participant_that_stops_at_an_unusable_command_is_found() -> None:  # K11
    found = await broken(MemoryBus(), "stops-at-unusable", patience=0.3)
    assert found["unusable"] == "no answer within 0.3 s"
    assert "answers" not in found


async def test_of_a_participant_that_is_not_there_every_rule_is_broken() -> None:
    bus = MemoryBus()
    producer, consumer = bus.producer(), bus.consumer("kit", ["nobody.events"])
    await producer.start()
    await consumer.start()
    talk = Conversation("nobody", producer, consumer, patience=0.05)
    verdicts = await play(Parts(talk, Words(DO, "{}"), Words(UNDO, "{}"), Words(DO, "{}")))
    assert [verdict.broken for verdict in verdicts] == ["no answer within 0.05 s"] * len(PLAYS)


async def test_an_answer_that_nobody_can_read_is_told() -> None:
    bus = MemoryBus()
    bus.store(written(b"{}"))
    assert await broken(bus) == {"answers": "wrote what nobody can read: no-cloudevent: ce_specversion is not 1.0"}
