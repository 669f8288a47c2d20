"""L1: every order of a small saga, on the real core; and proof that planted bugs are found (L9)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from saga.core import acts, compensation, forward, replies, table, ticks, undo_table
from saga.core import decide as deciding
from saga.core.state import Do, Undo
from saga.messages import Outcome
from tests.explore import world
from tests.explore.search import Report, Search
from tests.explore.shapes import SHAPES

Plant = Callable[[pytest.MonkeyPatch], None]


BY_HAND = (("two, paused", 8_000), ("pivot, paused", 12_000), ("fenced pivot", 12_000), ("fenced pivot weak", 22_000))


@pytest.mark.parametrize(("name", "states"), [("shop", 10_000), ("two", 10_000), ("pivot", 6_000), ("fenced", 4_000), *BY_HAND])
def test_no_order_of_events_breaks_a_rule(name: str, states: int) -> None:  # S1-S6, S8, I3, I5-I7, K1, K13
    report = Search(SHAPES[name]).run(states)
    assert report.broken == "", "\n".join(report.story)
    assert report.whole or report.states >= states


def test_a_participant_that_forgets_once_leaves_no_effect_behind() -> None:  # V3, V4, V8
    report = Search(SHAPES["one weak"]).run(40_000)
    assert (report.broken, report.whole) == ("", True), "\n".join(report.story)


def no_order_of_undos(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(compensation, "_may_undo", lambda *_: True)


def late_success_dropped(patch: pytest.MonkeyPatch) -> None:
    patch.delitem(table.BACK, (Do.IN_DOUBT, Outcome.SUCCEEDED))


def success_after_a_refusal_dropped(patch: pytest.MonkeyPatch) -> None:
    patch.delitem(table.BACK, (Do.REFUSED, Outcome.SUCCEEDED))


def undo_while_a_do_is_awaited(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(compensation, "any", lambda _: False, raising=False)


def doubtful_pivot_turned_back(patch: pytest.MonkeyPatch) -> None:
    def end_attempt(draft: Any, step: Any, code: str, **options: Any) -> bool:
        return step.sending.attempt < 2 and forward.end_attempt(draft, step, code, **options)

    patch.setattr(ticks, "end_attempt", end_attempt)


def refusal_after_the_undo_settles_it(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(table.BACK, (Do.IN_DOUBT, Outcome.REFUSED), table.refuse_back)


def stale_attempt_counted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(replies, "_runs", lambda *_: True)


def nothing_to_undo_passes_for_undone(patch: pytest.MonkeyPatch) -> None:
    def settled(draft: Any, node: Any) -> bool:
        step = draft.state.step(node.name)
        return (step is not None and step.undo is Undo.NOTHING) or is_settled(draft, node)

    is_settled, needs = compensation._is_settled, compensation._needs_undo
    patch.setattr(compensation, "_is_settled", settled)
    patch.setattr(compensation, "_needs_undo", lambda step, node: step.undo is None and needs(step, node))


def resent_after_turning_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ticks, "doubt", lambda draft, step, _: forward.resend(draft, step))


def fence_forgotten(patch: pytest.MonkeyPatch) -> None:
    def settled(draft: Any, node: Any) -> bool:
        return node.undo is None or is_settled(draft, node)

    is_settled, needs = compensation._is_settled, compensation._needs_undo
    patch.setattr(compensation, "_is_settled", settled)
    patch.setattr(compensation, "_needs_undo", lambda step, node: node.undo is not None and needs(step, node))


def tombstone_not_written(patch: pytest.MonkeyPatch) -> None:
    def forgetful(book: Any, asked: Any, choice: str) -> Any:
        after, outcome = handle(book, asked, choice)
        return (replace(after, status="unknown") if after.status == "tombstone" else after), outcome

    handle = world.handle
    patch.setattr(world, "handle", forgetful)


def do_done_twice(patch: pytest.MonkeyPatch) -> None:
    def eager(book: Any, asked: Any, choice: str) -> Any:
        return handle(replace(book, status="unknown") if not asked.undoes and book.status == "succeeded" else book, asked, choice)

    handle = world.handle
    patch.setattr(world, "handle", eager)


def issued_in_a_pause(patch: pytest.MonkeyPatch) -> None:
    def advance(draft: Any) -> None:
        draft.state = replace(draft.state, paused=None)
        forward.advance(draft)

    patch.setattr(deciding, "advance", advance)


def done_passes_for_never(patch: pytest.MonkeyPatch) -> None:
    def refused(answer: Any) -> None:
        undo_table.undo_refused(answer)
        if answer.node.kind == "pivot" and answer.step.do is Do.ISSUED:
            undo_table._fenced_off(answer)

    patch.setitem(undo_table.UNDOING, (Undo.ISSUED, Outcome.REFUSED), refused)


def undone_beside_a_pivot_that_happened(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(acts, "_pivot_happened", lambda _: False)


@pytest.mark.parametrize(
    ("plant", "shape", "rule"),
    [
        (no_order_of_undos, "two", "is issued before that of"),
        (late_success_dropped, "one weak", "can be reached from here"),
        (success_after_a_refusal_dropped, "one weak", "can be reached from here"),
        (undo_while_a_do_is_awaited, "side by side", "while a do is awaited"),
        (doubtful_pivot_turned_back, "pivot", "is doubted or undone"),
        (refusal_after_the_undo_settles_it, "one", "settled by an answer to something else"),
        (stale_attempt_counted, "one", "for an attempt that does not run"),
        (nothing_to_undo_passes_for_undone, "one weak", "is not settled"),
        (resent_after_turning_back, "side by side", "sent after the saga turned back"),
        (fence_forgotten, "fenced", "before that of n is settled"),
        (tombstone_not_written, "one", "an effect stays or may still come"),
        (do_done_twice, "one", "an effect happened twice"),
        (issued_in_a_pause, "two, paused", "in a saga that is paused"),
        (done_passes_for_never, "fenced pivot", "the pivot happened, and something was undone"),
        (undone_beside_a_pivot_that_happened, "fenced pivot weak", "is issued after the pivot succeeded"),
    ],
)
def test_a_planted_bug_is_found_with_its_story(plant: Plant, shape: str, rule: str, monkeypatch: pytest.MonkeyPatch) -> None:  # L9
    plant(monkeypatch)
    report: Report = Search(SHAPES[shape]).run(20_000)
    assert rule in report.broken
    assert report.story[0] == "start"
