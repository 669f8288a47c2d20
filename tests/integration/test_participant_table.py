"""The whole table of wire.md section 4 (but *working*, in test_participant_work.py): every state of a do against do, undo and fence."""

from collections.abc import AsyncIterator

import pytest

from saga.messages import FENCE_TYPE
from saga.sdk.testing import Ask, Bench
from tests.integration.participants import SCRIPT, BookRoom, CancelRoom, Hotel, effects, hotel, state_of

pytestmark = pytest.mark.integration

BOOK = BookRoom(guest="ann")
CANCEL = CancelRoom(guest="ann")


@pytest.fixture
def house() -> Hotel:
    return hotel()


@pytest.fixture
async def bench(house: Hotel, postgres_dsn: str) -> AsyncIterator[Bench]:
    async with Bench(house.participant, postgres_dsn, scripts=[SCRIPT]) as bench:
        yield bench


async def test_do_of_unknown_is_done_and_remembered(bench: Bench) -> None:
    said = await bench.do(BOOK, id="do")

    assert (said.outcome, said.type, said.body) == ("succeeded", "Booked", {"room": 7})
    assert await effects(bench) == ["booked"]
    assert await state_of(bench, "do") == "succeeded"


async def test_repeated_do_gets_its_first_answer_with_the_same_id_and_no_second_effect(bench: Bench) -> None:
    first = await bench.do(BOOK, id="do")
    again = await bench.do(BookRoom(guest="other body"), id="do", attempt="2", sagaid="restored", epoch="2")

    assert (again.type, again.body) == (first.type, first.body)
    assert again.headers["ce_id"] == first.headers["ce_id"]
    assert again.headers["ce_time"] == first.headers["ce_time"]
    assert (again.headers["ce_attempt"], again.headers["ce_sagaid"], again.headers["ce_epoch"]) == ("2", "restored", "2")
    assert await effects(bench) == ["booked"]


async def test_refused_do_is_remembered_and_repeated(bench: Bench, house: Hotel) -> None:
    house.moods["ann"] = "full"
    first = await bench.do(BOOK, id="do")
    house.moods["ann"] = "well"
    again = await bench.do(BOOK, id="do", attempt="2")

    assert (first.outcome, first.type) == ("refused", "FullyBooked")
    assert (again.outcome, again.headers["ce_id"]) == ("refused", first.headers["ce_id"])
    assert await state_of(bench, "do") == "refused"


async def test_refusal_raised_by_a_handler_rolls_its_effect_back_and_is_remembered(bench: Bench, house: Hotel) -> None:
    house.moods["ann"] = "refuse"
    first = await bench.do(BOOK, id="do")
    house.moods["ann"] = "well"
    again = await bench.do(BOOK, id="do")

    assert (first.outcome, first.type, first.code) == ("refused", "saga.refused.v1", "no-dogs")
    assert again.headers["ce_id"] == first.headers["ce_id"]
    assert await effects(bench) == []


async def test_undo_before_its_do_leaves_a_tombstone(bench: Bench) -> None:  # S2
    said = await bench.undo("do", CANCEL, id="undo")

    assert (said.outcome, said.type) == ("nothing-to-undo", "saga.nothing-to-undo.v1")
    assert await state_of(bench, "do") == "tombstone"
    assert await effects(bench) == []


async def test_undo_before_its_do_needs_neither_body_nor_known_type(bench: Bench) -> None:  # S2
    said = await bench.hand_in(Ask("com.example.hotel.Unheard.v9", b"\xff not json", undoes="do"))

    assert said.outcome == "nothing-to-undo"


async def test_late_do_after_its_undo_is_refused_and_that_is_remembered(bench: Bench) -> None:  # S3
    await bench.undo("do", CANCEL)
    first = await bench.do(BOOK, id="do")
    again = await bench.do(BOOK, id="do", attempt="2")

    assert (first.outcome, first.code) == ("refused", "undone-before-done")
    assert again.headers["ce_id"] == first.headers["ce_id"]
    assert await effects(bench) == []


async def test_late_do_of_an_unknown_type_is_refused_by_its_tombstone(bench: Bench) -> None:  # S3
    await bench.undo("do", CANCEL)

    assert (await bench.hand_in(Ask("com.example.hotel.Unheard.v9", b"", id="do"))).code == "undone-before-done"


@pytest.mark.parametrize("second", ["undo", "fence"])
async def test_tombstone_answers_every_further_undo_with_nothing_to_undo(bench: Bench, second: str) -> None:
    await bench.undo("do", CANCEL, id="undo-1")
    said = await (bench.undo("do", CANCEL, id="undo-2") if second == "undo" else bench.fence("do"))

    assert said.outcome == "nothing-to-undo"


async def test_undo_of_succeeded_undoes_once_and_repeats_its_answer(bench: Bench) -> None:
    await bench.do(BOOK, id="do")
    first = await bench.undo("do", CANCEL, id="undo")
    again = await bench.undo("do", CANCEL, id="undo", attempt="2")

    assert (first.outcome, first.type, first.body) == ("succeeded", "saga.undone.v1", {})
    assert (again.outcome, again.headers["ce_id"], again.headers["ce_attempt"]) == ("succeeded", first.headers["ce_id"], "2")
    assert await effects(bench) == ["booked", "cancelled"]
    assert await state_of(bench, "do") == "undone"


async def test_do_that_was_undone_answers_refused_with_an_id_of_its_own(bench: Bench) -> None:
    done = await bench.do(BOOK, id="do")
    await bench.undo("do", CANCEL)
    first, again = await bench.do(BOOK, id="do"), await bench.do(BOOK, id="do")

    assert (first.outcome, first.type, first.code) == ("refused", "saga.refused.v1", "undone")
    assert again.headers["ce_id"] == first.headers["ce_id"] != done.headers["ce_id"]
    assert await effects(bench) == ["booked", "cancelled"]


@pytest.mark.parametrize("second", ["undo", "fence"])
async def test_second_undo_of_another_id_succeeds_without_a_second_effect(bench: Bench, second: str) -> None:  # I3
    await bench.do(BOOK, id="do")
    await bench.undo("do", CANCEL, id="undo-1")
    said = await (bench.undo("do", CANCEL, id="undo-2") if second == "undo" else bench.fence("do"))

    assert said.outcome == "succeeded"
    assert await effects(bench) == ["booked", "cancelled"]


@pytest.mark.parametrize("second", ["undo", "fence"])
async def test_undo_of_refused_has_nothing_to_undo(bench: Bench, house: Hotel, second: str) -> None:
    house.moods["ann"] = "full"
    await bench.do(BOOK, id="do")
    said = await (bench.undo("do", CANCEL) if second == "undo" else bench.fence("do"))

    assert said.outcome == "nothing-to-undo"
    assert (await bench.do(BOOK, id="do")).type == "FullyBooked"


async def test_undo_that_cannot_be_is_refused_and_remembered_and_the_do_stays(bench: Bench, house: Hotel) -> None:
    await bench.do(BOOK, id="do")
    house.moods["ann"] = "stubborn"
    first = await bench.undo("do", CANCEL, id="undo")
    house.moods["ann"] = "well"
    again = await bench.undo("do", CANCEL, id="undo")

    assert (first.outcome, first.code, again.headers["ce_id"]) == ("refused", "too-late", first.headers["ce_id"])
    assert (await state_of(bench, "do"), await effects(bench)) == ("succeeded", ["booked"])
    assert (await bench.undo("do", CANCEL, id="undo-2")).outcome == "succeeded"


async def test_undo_with_a_fault_is_rolled_back_and_tried_again(bench: Bench, house: Hotel) -> None:
    await bench.do(BOOK, id="do")
    house.moods["ann"] = "undo-fault"
    failed = await bench.undo("do", CANCEL, id="undo")
    house.moods["ann"] = "well"
    said = await bench.undo("do", CANCEL, id="undo", attempt="2")

    assert (failed.outcome, failed.code, said.outcome) == ("failed", "busy", "succeeded")
    assert await effects(bench) == ["booked", "cancelled"]


async def test_fence_on_unknown_buries_the_do_without_a_handler(bench: Bench) -> None:
    assert (await bench.fence("do", id="fence")).outcome == "nothing-to-undo"
    assert (await bench.do(BOOK, id="do")).code == "undone-before-done"
    assert (await bench.fence("do", id="fence")).outcome == "nothing-to-undo"


async def test_fence_on_succeeded_is_refused_and_the_do_keeps_its_answer(bench: Bench) -> None:
    done = await bench.do(BOOK, id="do")
    first, again = await bench.fence("do", id="fence"), await bench.fence("do", id="fence")

    assert (first.outcome, first.code, again.headers["ce_id"]) == ("refused", "done", first.headers["ce_id"])
    assert (await bench.do(BOOK, id="do")).headers["ce_id"] == done.headers["ce_id"]
    assert await effects(bench) == ["booked"]


async def test_fence_needs_no_body_of_its_own(bench: Bench) -> None:
    assert (await bench.hand_in(Ask(FENCE_TYPE, None, undoes="do"))).outcome == "nothing-to-undo"


async def test_own_remembered_answer_comes_before_everything(bench: Bench) -> None:
    first = await bench.do(BOOK, id="do")
    again = await bench.hand_in(Ask("com.example.hotel.Unheard.v9", b"not json", id="do"))

    assert again.headers["ce_id"] == first.headers["ce_id"]


async def test_undo_that_names_an_undo_as_its_do_is_malformed(bench: Bench) -> None:
    await bench.undo("do", CANCEL, id="undo")
    said = await bench.undo("undo", CANCEL, id="odd")

    assert (said.outcome, said.code) == ("failed", "malformed")


async def test_deliveries_are_counted(bench: Bench) -> None:
    for _ in range(3):
        await bench.do(BOOK, id="do")
    await bench.undo("do", CANCEL, id="undo")

    async with bench.database.reading() as db:
        rows = await db.fetch("select command_id, seen from barrier order by command_id")
    assert {row["command_id"]: row["seen"] for row in rows} == {"do": 3, "undo": 1}
