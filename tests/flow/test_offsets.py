"""Offsets: committed after the database has, seldom, and by nobody who has lost the partition."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from saga.errors import Unavailable
from saga.ports.messaging import InboundRecord, TopicPartition
from tests.flow.fake_consumer import ScriptedConsumer
from tests.flow.scripted import PACE, PLACE, Replica, away, until
from tests.flow.world import World


async def test_offsets_are_committed_after_the_database_has_committed() -> None:  # K2, I11
    world, journal = World(), list[str]()
    consumer = ScriptedConsumer([[world.place("1")], [world.place("2")]], journal)

    async def watch(point: str) -> None:
        if point in ("write", "committed"):
            journal.append(point)

    world.store.hook = watch
    async with Replica(world, [consumer]).running(replace(PACE, relay_every=60, held_every=60, commit_every=0)):
        await until(lambda: journal.count("commit offsets") == 2)
    assert journal[:7] == ["start", *["write", "committed", "commit offsets"] * 2]
    assert consumer.committed == {PLACE: 2}


async def test_a_batch_that_fails_is_read_again_from_its_first_records_and_nothing_beyond_it_is_committed() -> None:  # K2, I11
    world = World()
    batch = [world.place("1"), world.place("2"), world.place("3")]
    consumer = ScriptedConsumer([batch, [world.place("4")]])
    replica = Replica(world, [consumer])
    world.store.fail_next("write", away())
    async with replica.running():
        await until(lambda: "postgres" in replica.faults().get("records", ""))
        assert (consumer.sought, consumer.committed) == ([{PLACE: 0}], {})
        await until(lambda: consumer.committed == {PLACE: 4})
        await until(lambda: replica.faults() == {})
    assert len(await world.store.streams_after(None, 10)) == 4
    assert replica.made == 1


async def test_offsets_that_could_not_be_committed_are_committed_without_waiting_for_another_record() -> None:  # K2, I10
    world = World()
    consumer = ScriptedConsumer([[world.place("1")]])
    consumer.refusals.append(Unavailable("kafka", "committing offsets failed"))
    async with Replica(world, [consumer]).running():
        await until(lambda: consumer.committed == {PLACE: 1})


class Leaving(ScriptedConsumer):
    """The group takes its partition away while its offsets cannot be committed."""

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        assert self.revoked is not None
        self.journal.append("commit offsets")
        self.taking = asyncio.ensure_future(self.revoked(frozenset(offsets)))
        raise Unavailable("kafka", "committing offsets failed")


async def test_offsets_of_a_partition_that_was_taken_away_are_nobodys_any_more() -> None:  # I11: another may have committed more
    world = World()
    consumer = Leaving([[world.place("1")]])
    async with Replica(world, [consumer]).running():
        await until(lambda: "commit offsets" in consumer.journal and consumer.taking.done())
        polls, commits = consumer.polls, consumer.journal.count("commit offsets")
        await until(lambda: consumer.polls > polls + 2)
    assert consumer.journal.count("commit offsets") == commits


async def test_offsets_of_many_small_batches_are_committed_together_and_none_is_left_out() -> None:
    world = World()
    consumer = ScriptedConsumer([[world.place(str(number))] for number in range(6)])
    async with Replica(world, [consumer]).running(replace(PACE, commit_every=60.0)):
        await until(lambda: consumer.committed == {PLACE: 6})
    assert consumer.journal.count("commit offsets") <= 3  # the first, and when nothing is left to read


class Hanging(ScriptedConsumer):
    """Waits for ever for a record that does not come."""

    async def poll(self, max_records: int, timeout: float) -> list[InboundRecord]:
        self.frozen = not self.steps
        return await super().poll(max_records, timeout)


async def test_what_is_owed_is_committed_before_others_get_the_partition() -> None:  # K3
    world = World()
    consumer = Hanging([[world.place("1")], [world.place("2")]])
    async with Replica(world, [consumer]).running(replace(PACE, commit_every=60.0)):
        await until(lambda: consumer.polls == 3)
        assert consumer.committed == {PLACE: 1}
        assert consumer.revoked is not None
        await consumer.revoked(frozenset({PLACE}))
        assert consumer.committed == {PLACE: 2}
