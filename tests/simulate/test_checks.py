"""What the judge says of an end: each step happened, or the end says truly that it did not; and of the audit."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from saga.core.events import Event, StepResent
from saga.core.upcast import encode
from saga.ports.access import FIRST_HASH, AuditEntry, linked
from saga.testing.inputs import fence, refused, skip, started, succeeded, tick
from saga.testing.scenario import NOON, Story, given
from tests.simulate.checks import Court, Judge, judge_end
from tests.simulate.participants import Effect, Of
from tests.unit import shop

PLACED = started(shop.OrderPlaced(order_id="order-1"))
PAID = (succeeded("authorize", shop.PaymentAuthorized(payment_id="pay_1")),)
CAPTURED = succeeded("capture", shop.PaymentCaptured(payment_id="pay_1"))
RESERVED = succeeded("reserve", shop.StockReserved(reservation_id="res_1"))
ARRANGED = succeeded("arrange", shop.ShipmentArranged(tracking="1Z"))
SIDE_BY_SIDE = given(shop.SIDE_BY_SIDE.compile(), PLACED, *PAID, RESERVED, CAPTURED)
NO_GIFT = given(shop.CONDITIONAL.compile(), PLACED, *PAID, CAPTURED)
UNTIL_CAPTURE = ("reserve", "authorize", "capture")


def said(story: Story, *steps: str) -> list[str]:
    """What the judge says of a completed story whose participants did these steps."""
    assert story.status == "completed"
    judge = Judge()
    judge_end(judge, Of("default", story.definition.name, "order-1"), story.state, [Effect(step, "do") for step in steps])
    return [story.split(" says otherwise")[0].rpartition(" ")[2] for _, story in judge.broken]


@pytest.mark.parametrize("effects", [UNTIL_CAPTURE, (*UNTIL_CAPTURE, "arrange")])
def test_a_step_that_a_person_skipped_may_have_happened_or_not(effects: tuple[str, ...]) -> None:  # seeds 441259, 441260
    assert said(SIDE_BY_SIDE.when(refused("arrange"), skip("arrange")), *effects) == []


def test_a_completed_saga_whose_step_did_not_happen_is_told() -> None:
    assert said(SIDE_BY_SIDE.when(ARRANGED), *UNTIL_CAPTURE) == ["arrange"]
    assert said(SIDE_BY_SIDE.when(ARRANGED), *UNTIL_CAPTURE, "arrange") == []


def test_a_step_that_its_condition_skipped_and_that_happened_is_told() -> None:
    assert said(NO_GIFT, "authorize", "capture", "wrap") == ["wrap"]
    assert said(NO_GIFT, "authorize", "capture") == []


@pytest.mark.parametrize(
    ("outcomes", "wrong"),
    [(["done"], 0), (["refused", "done"], 0), (["done", "done"], 1), (["refused"], 1), ([], 1), (["refused", "refused", "done"], 1)],
)
def test_an_act_that_was_accepted_has_one_row_that_says_so(outcomes: list[str], wrong: int) -> None:  # seed 500065
    chain, before = [], FIRST_HASH
    for position, outcome in enumerate(outcomes, 1):
        chain.append(linked(AuditEntry("default", "ada", "retry", outcome, "act-1"), position, NOON, before))
        before = chain[-1].hash
    store: Any = SimpleNamespace(data=SimpleNamespace(audit={"default": chain}))
    judge = Judge()
    Court(judge, store, cast(Any, None)).audited(["act-1"])
    assert (len(judge.broken), judge.checked["I17"]) == (wrong, len(outcomes))


IN_DOUBT = given(shop.SIDE_BY_SIDE.compile(), PLACED, *PAID, RESERVED, fence("capture"), tick())
FENCED = IN_DOUBT.when(refused("capture", undo=True))


def told_of(events: Sequence[Event]) -> list[str]:
    """The invariants that these events break, read as a stream."""
    judge = Judge()
    Court(judge, cast(Any, SimpleNamespace(data=None)), cast(Any, None))._stream(UUID(int=1), [encode(event) for event in events])
    return [name for name, _ in judge.broken]


def test_a_pivot_that_is_sent_again_because_its_fence_says_that_it_is_done_is_no_deadline() -> None:  # seed 520164
    assert [type(event).__name__ for event in FENCED.decided.events] == ["UndoRefused", "StepResent"]
    assert told_of(FENCED.events) == []


def test_a_command_that_is_sent_again_before_it_is_due_is_told() -> None:
    story = given(shop.SIDE_BY_SIDE.compile(), PLACED, tick(), tick())
    assert told_of(story.events) == []
    early = [replace(event, at=event.at - timedelta(hours=1)) if isinstance(event, StepResent) else event for event in story.events]
    assert set(told_of(early)) == {"I15"}
