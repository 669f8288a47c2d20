"""Hostile headers in one batch with a sound reply: each ends as its rule says, the sound one counts, nothing waits (K11, L6, I10)."""

from collections import Counter
from dataclasses import replace

from tests.flow.world import World
from tests.unit.hostile_headers import BOTH, ends


async def test_every_hostile_record_is_a_dead_letter_with_its_reason_and_the_saga_goes_on() -> None:
    world = World()
    replica = world.replica()
    await replica.intake.records([world.place()])
    await replica.relay.drain(5)
    hostile = [replace(record, topic="order.events", offset=1000 + at) for at, (record, code) in enumerate(BOTH.values()) if ends(code)[0]]
    await replica.intake.records([*hostile, *world.answers()])
    letters = Counter(row.letter.reason for row in await world.store.dead_letters(None, 1000, None))
    assert letters == Counter(ends(code)[0] for _, code in BOTH.values() if ends(code)[0])
    await world.run(replica)
    assert (await world.state()).ended == "completed"
