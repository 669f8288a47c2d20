"""Long work: the row *working* of the table of wire.md section 4."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from saga.sdk.testing import Bench, Said, read
from saga.sdk.work import Worker
from tests.integration.participants import SCRIPT, CancelRoom, CleanRoom, Hotel, effects, hotel, state_of

pytestmark = pytest.mark.integration

CLEAN = CleanRoom(guest="ann")
CANCEL = CancelRoom(guest="ann")


@pytest.fixture
def house() -> Hotel:
    return hotel()


@pytest.fixture
async def bench(house: Hotel, postgres_dsn: str) -> AsyncIterator[Bench]:
    async with Bench(house.participant, postgres_dsn, scripts=[SCRIPT]) as bench:
        yield bench


def worker_of(bench: Bench) -> Worker:
    return Worker(bench.participant, bench.database, bench.gate, bench.sent.extend, claim_for=5.0)


async def run(worker: Worker) -> None:
    await worker.begin()
    await worker.settled()


async def answers(bench: Bench, command_id: str) -> list[Said]:
    return [said for said in (read(staged.record) for staged in bench.sent) if said.headers.get("ce_causationid") == command_id]


async def let_time_pass(bench: Bench) -> None:
    async with bench.database.transaction() as db:
        await db.execute("update working set progress_at = clock_timestamp(), claimed_until = clock_timestamp()")


async def test_work_says_in_progress_and_answers_by_itself_in_the_end(bench: Bench, house: Hotel) -> None:
    said = await bench.do(CLEAN, id="do")
    assert (said.outcome, said.type, await state_of(bench, "do")) == ("in-progress", "saga.in-progress.v1", "working")
    house.may_finish.set()
    await run(worker_of(bench))

    assert [answer.outcome for answer in await answers(bench, "do")] == ["in-progress", "succeeded"]
    assert (await effects(bench), await state_of(bench, "do")) == (["cleaned"], "succeeded")


async def test_repeated_do_at_work_does_not_begin_again_and_the_end_echoes_the_newest_attempt(bench: Bench, house: Hotel) -> None:
    await bench.do(CLEAN, id="do")
    again = await bench.do(CLEAN, id="do", attempt="3")
    await bench.do(CLEAN, id="do", attempt="2")
    house.may_finish.set()
    await run(worker_of(bench))

    said = await answers(bench, "do")
    assert (again.outcome, said[-1].outcome, said[-1].headers["ce_attempt"]) == ("in-progress", "succeeded", "3")
    assert len({answer.headers["ce_id"] for answer in said}) == 4
    assert house.calls == {"do": 1}


async def test_in_progress_is_repeated_while_work_lasts(bench: Bench) -> None:
    await bench.do(CLEAN, id="do", answerwithinms="900")
    worker = worker_of(bench)
    await worker.say_progress()
    assert len(bench.sent) == 1
    await let_time_pass(bench)
    await worker.say_progress()
    await worker.say_progress()

    assert [answer.outcome for answer in await answers(bench, "do")] == ["in-progress", "in-progress"]


async def test_work_is_taken_up_again_after_a_death_with_the_same_id(bench: Bench, house: Hotel) -> None:  # S11
    await bench.do(CLEAN, id="do")
    first = worker_of(bench)
    task = asyncio.create_task(first.run())
    async with asyncio.timeout(10):
        await house.begun.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await state_of(bench, "do") == "working"

    await let_time_pass(bench)
    house.may_finish.set()
    await run(worker_of(bench))
    assert (house.calls["do"], await effects(bench)) == (2, ["cleaned"])


async def test_two_workers_do_not_work_on_one_do(bench: Bench, house: Hotel) -> None:
    await bench.do(CLEAN, id="do")
    house.may_finish.set()
    await asyncio.gather(run(worker_of(bench)), run(worker_of(bench)))

    assert (house.calls["do"], await effects(bench)) == (1, ["cleaned"])


async def test_fault_of_the_outside_is_tried_again(bench: Bench, house: Hotel) -> None:
    house.moods["ann"] = "weak"
    house.may_finish.set()
    await bench.do(CLEAN, id="do")
    await run(worker_of(bench))
    assert (await state_of(bench, "do"), [answer.outcome for answer in await answers(bench, "do")]) == ("working", ["in-progress"])

    await let_time_pass(bench)
    await run(worker_of(bench))
    assert (await state_of(bench, "do"), await effects(bench)) == ("succeeded", ["cleaned"])


async def test_work_that_is_refused_is_remembered_as_refused(bench: Bench, house: Hotel) -> None:
    house.moods["ann"] = "refuse"
    await bench.do(CLEAN, id="do")
    await run(worker_of(bench))

    assert [answer.outcome for answer in await answers(bench, "do")] == ["in-progress", "refused"]
    assert (await bench.do(CLEAN, id="do")).code == "do-not-disturb"


async def test_undo_waits_for_the_work_and_then_undoes_it(bench: Bench, house: Hotel) -> None:
    await bench.do(CLEAN, id="do")
    waiting = await bench.undo("do", CANCEL, id="undo")
    repeated = await bench.undo("do", CANCEL, id="undo", attempt="2")
    assert (waiting.outcome, repeated.outcome) == ("in-progress", "in-progress")
    worker = worker_of(bench)
    house.may_finish.set()
    await run(worker)
    await run(worker)

    assert [answer.outcome for answer in await answers(bench, "undo")] == ["in-progress", "in-progress", "succeeded"]
    assert (await answers(bench, "undo"))[-1].headers["ce_attempt"] == "2"
    assert (await effects(bench), await state_of(bench, "do")) == (["cleaned", "soiled"], "undone")


async def test_fence_waits_for_the_work_too_and_leaves_it(bench: Bench, house: Hotel) -> None:
    await bench.do(CLEAN, id="do")
    assert (await bench.fence("do", id="fence")).outcome == "in-progress"
    worker = worker_of(bench)
    house.may_finish.set()
    await run(worker)
    await run(worker)

    assert [(said.outcome, said.code) for said in await answers(bench, "fence")] == [("in-progress", ""), ("refused", "done")]


async def test_undo_that_waited_since_an_older_epoch_is_dropped_and_the_work_still_ends(bench: Bench, house: Hotel) -> None:
    await bench.do(CLEAN, id="do")
    await bench.undo("do", CANCEL, id="undo")
    await bench.do(CLEAN, id="do", epoch="2")
    worker = worker_of(bench)
    house.may_finish.set()
    await run(worker)
    await run(worker)

    assert (await state_of(bench, "do"), await state_of(bench, "undo")) == ("succeeded", None)
    assert (await answers(bench, "do"))[-1].headers["ce_epoch"] == "2"
