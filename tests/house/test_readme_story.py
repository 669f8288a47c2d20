"""The story that the README tells, told of the real order saga."""

from contracts.examples import EXAMPLES
from contracts.inventory import StockReserved
from contracts.order import OrderAccepted, OrderPlaced
from contracts.payment import PaymentDeclined
from saga.testing.inputs import refused, started, succeeded, undone
from saga.testing.scenario import SagaCompensated, StepRefused, TurnedBack, UndoIssued, UndoSucceeded, given
from services.order.fulfilment import fulfil_order

PLACED = next(example for example in EXAMPLES if isinstance(example, OrderPlaced))
ACCEPTED = OrderAccepted(order_id=PLACED.order_id)
RESERVED = StockReserved(reservation_id="r-1")


def test_a_declined_card_puts_the_stock_back() -> None:
    story = given(fulfil_order, started(PLACED), succeeded("accept_order", ACCEPTED), succeeded("reserve_stock", RESERVED))
    story = story.when(refused("authorize_payment", PaymentDeclined(reason="no-funds")))
    story.then(StepRefused("authorize_payment"), TurnedBack(cause="refused"), UndoIssued("reserve_stock"))
    story.when(undone("reserve_stock")).then(UndoSucceeded("reserve_stock"), UndoIssued("accept_order"))
    story.when(undone("reserve_stock"), undone("accept_order")).then(UndoSucceeded("accept_order"), SagaCompensated)
