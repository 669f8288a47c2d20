"""The given-when-then kit itself: it must fail where it should."""

from hashlib import sha256

import pytest

from saga.core.inputs import Ignored
from saga.core.upcast import encode
from saga.testing.inputs import cancel, refused, retry, skip, started, succeeded, tick, undone
from saga.testing.scenario import StepIssued, StepRefused, StepSucceeded, TurnedBack, UndoIssued, UndoSucceeded, given
from tests.unit import shop
from tests.unit.core_shapes import ONE, SIDE_BY_SIDE, TWO, Placed

BEGUN = started(Placed())


@pytest.mark.parametrize(
    "expected",
    [
        (StepSucceeded("a"),),
        (StepIssued("b"), StepSucceeded("a")),
        (StepSucceeded("a"), StepIssued("c")),
        (StepSucceeded("a"), StepIssued("b", attempt=2)),
        (StepSucceeded("a"), StepIssued("b"), TurnedBack),
    ],
)
def test_then_wants_all_that_was_decided_in_order(expected: tuple[object, ...]) -> None:
    story = given(TWO, BEGUN).when(succeeded("a"))
    story.then(StepSucceeded("a"), StepIssued("b"))
    with pytest.raises(AssertionError, match="StepIssued"):
        story.then(*expected)  # type: ignore[arg-type]


def test_then_nothing_wants_no_event_and_the_right_reason() -> None:
    with pytest.raises(AssertionError, match="StepSucceeded"):
        given(ONE, BEGUN).when(succeeded("a")).then_nothing()
    with pytest.raises(AssertionError, match="nothing-due"):
        given(ONE, BEGUN).when(tick(after="1s")).then_nothing(Ignored.DUPLICATE)


def test_an_act_that_does_not_fit_is_not_nothing_and_has_a_code() -> None:
    story = given(ONE, BEGUN).when(skip("a")).then_refused("cannot-skip")
    with pytest.raises(AssertionError):
        story.then_nothing()
    with pytest.raises(AssertionError, match="ended"):
        given(ONE, BEGUN, succeeded("a")).when(cancel()).then_refused("cannot-skip")


def test_nobody_can_answer_what_was_never_asked() -> None:
    with pytest.raises(LookupError, match="b was never issued"):
        given(TWO, BEGUN).when(succeeded("b"))
    with pytest.raises(LookupError, match="the undo of a"):
        given(TWO, BEGUN).when(undone("a"))


def test_a_story_goes_on_from_any_point_of_it() -> None:
    story = given(TWO, BEGUN, succeeded("a"))
    assert story.when(succeeded("b")).status == "completed"
    story.when(refused("b")).then(StepRefused, TurnedBack(cause="refused"), UndoIssued("a"))


def test_recorded_events_can_stand_for_what_happened() -> None:
    events = given(TWO, BEGUN, succeeded("a")).events
    assert given(TWO, *events).when(succeeded("b")).status == "completed"


def test_a_span_is_written_as_in_a_definition() -> None:
    with pytest.raises(ValueError, match="write a span"):
        tick(after="soon")


def test_the_order_saga_as_it_is_written_down_tells_its_story() -> None:  # I6
    accepted = (started(shop.OrderPlaced(order_id="7")), succeeded("accept_order", shop.OrderAccepted(order_id="7")))
    reserved = succeeded("reserve_stock", shop.StockReserved(reservation_id="r-1"))
    declined = refused("authorize_payment", shop.PaymentDeclined(reason="no-funds"))
    story = given(shop.FULFIL_ORDER, *accepted, reserved).when(declined)
    story.then(StepRefused("authorize_payment", code="refused"), TurnedBack(cause="refused"), UndoIssued("reserve_stock"))
    story = story.when(undone("reserve_stock")).then(UndoSucceeded, UndoIssued("accept_order", type="com.example.order.RejectOrder.v1"))
    assert story.when(undone("accept_order")).status == "compensated"


def test_the_same_story_gives_the_same_bytes_under_any_hash_seed() -> None:  # I8
    history = (succeeded("a"), tick(), tick(), refused("b"), refused("a", undo=True), retry("a"), undone("a"))
    stored = b"\n".join(encode(event) for event in given(SIDE_BY_SIDE, BEGUN, *history).events)
    assert sha256(stored).hexdigest() == "bc313331c247d2439604745f16a5951972ac43e7dc40d77a1e40e1a55a42aa9d"
