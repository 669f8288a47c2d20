"""L1: every order of a small saga, on the real core; and proof that planted bugs are found (L9)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest

from saga.core import acts, compensation, forward, replies, table, ticks, undo_table
from saga.core import decide as deciding
from saga.core import events as e
from saga.core.state import Do, Undo
from saga.definition.graph import Definition
from saga.messages import Outcome
from saga.runtime.plan import Plan
from tests.explore import world
from tests.explore.__main__ import main
from tests.explore.search import Found, Search
from tests.explore.shapes import SHAPES

Plant = Callable[[pytest.MonkeyPatch], None]


@pytest.mark.timeout(600)
def test_no_order_of_events_breaks_a_rule(capsys: pytest.CaptureFixture[str]) -> None:  # S1-S6, S8, P5, I1-I8, I10, I15, K1, K13
    assert main(["--states", "24000", "--jobs", "2", "--json"]) == 0, capsys.readouterr().err
    told = orjson.loads(capsys.readouterr().out)
    assert told["states"] >= 300_000
    assert told["silent_faults"] == []
    assert {"I1", "I2", "I5", "I6", "I7", "I8", "I15"} <= set(told["invariants"])
    assert "fenced" in told["complete"]


@pytest.mark.parametrize("name", list(SHAPES))
def test_the_first_states_of_a_shape_hold(name: str) -> None:  # the slice that mutants are judged by
    found = Search(SHAPES[name]).run(500)
    assert found.broken == "", "\n".join(found.story)


def test_a_search_ends_when_its_time_is_over() -> None:
    found = Search(SHAPES["pivot"]).run(1_000_000, until=0)
    assert (found.whole, found.broken) == (False, "")
    assert found.states < 100_000


def no_order_of_undos(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Definition, "dependents", lambda *_: ())


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
    def settled(step: Any, node: Any) -> bool:
        return (step is not None and step.undo is Undo.NOTHING) or is_settled(step, node)

    is_settled, needs = compensation._is_settled, compensation._needs_undo
    patch.setattr(compensation, "_is_settled", settled)
    patch.setattr(compensation, "_needs_undo", lambda step, node: step.undo is None and needs(step, node))


def resent_after_turning_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ticks, "doubt", lambda draft, step, _: forward.resend(draft, step))


def fence_forgotten(patch: pytest.MonkeyPatch) -> None:
    def settled(step: Any, node: Any) -> bool:
        return node.undo is None or is_settled(step, node)

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


def undone_and_done_again(patch: pytest.MonkeyPatch) -> None:
    def willing(book: Any, asked: Any, choice: str) -> Any:
        return handle(replace(book, status="unknown") if not asked.undoes and book.status == "undone" else book, asked, choice)

    handle = world.handle
    patch.setattr(world, "handle", willing)


def nothing_to_do_on_a_stale_fold(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Plan, "_check", lambda *_: None)


def pointer_not_written(patch: pytest.MonkeyPatch) -> None:
    def sends(event: Any) -> bool:
        return isinstance(event, e.StepIssued)

    patch.setattr("saga.runtime.plan.sends", sends)


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
        (undone_and_done_again, "one, restored", "an effect happened twice"),
        (nothing_to_do_on_a_stale_fold, "replicas, one", "passed over on a stale fold"),
        (pointer_not_written, "replicas, one", "have a pointer"),
        (undone_beside_a_pivot_that_happened, "fenced pivot weak", "is issued after the pivot succeeded"),
    ],
)
def test_a_planted_bug_is_found_with_its_story(plant: Plant, shape: str, rule: str, monkeypatch: pytest.MonkeyPatch) -> None:  # L9
    plant(monkeypatch)
    report: Found = Search(SHAPES[shape]).run(20_000)
    assert rule in report.broken
    assert report.story[0] == "start"
