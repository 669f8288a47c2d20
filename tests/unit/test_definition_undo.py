"""What an undo may take: the start event, its step's command, its own reply with None, replies that its step waited for."""

from saga.definition.graph import FromCommand, FromReply
from tests.unit import shop
from tests.unit.shop import faults_of, only_fault, order_saga


def test_an_undo_may_take_its_command_and_replies_that_its_step_waited_for() -> None:
    saga = shop.order_saga("rich-undo")
    saga.step(deadline="1s")(shop.accept).undo(shop.reject_order)
    middle = saga.step(deadline="1s", after=["accept"])(shop.reserve)
    middle.undo(shop.release_stock)
    last = saga.step(deadline="1s", after=[middle])(shop.authorize)

    @last.undo
    def void(sent: shop.AuthorizePayment, order: shop.OrderAccepted) -> shop.VoidPayment:
        return shop.VoidPayment(order_id=sent.order_id)

    undo = saga.compile().steps["authorize"].undo
    assert undo is not None
    assert undo.sources == {"sent": FromCommand(), "order": FromReply("accept", (shop.OrderAccepted,))}


def test_an_undo_and_a_when_take_the_reply_of_a_step_with_when_with_none_too() -> None:
    saga = order_saga("skipped-undo")
    saga.step(deadline="1s", when=lambda placed: placed.gift)(shop.wrap).undo(shop.unwrap)

    def wanted(wrapped: shop.GiftWrapped) -> bool:
        return True

    step = saga.step(deadline="1s", when=wanted, after=["wrap"])(shop.accept)

    @step.undo
    def reject(wrapped: shop.GiftWrapped) -> shop.RejectOrder:
        return shop.RejectOrder(order_id=wrapped.paper)

    assert [fault.mend for fault in faults_of(saga)] == ["take `wrapped: GiftWrapped | None`"] * 2


def test_an_undo_takes_its_own_reply_only_with_none() -> None:
    saga = order_saga("own-reply")
    step = saga.step(deadline="1s")(shop.authorize)

    @step.undo
    def void(payment: shop.PaymentAuthorized) -> shop.VoidPayment:
        return shop.VoidPayment(order_id=payment.payment_id)

    fault = only_fault(saga)
    assert fault.what == "`payment: PaymentAuthorized` is the reply of its own step, which is unknown when nobody answered"
    assert fault.mend == "take `payment: PaymentAuthorized | None`"


def test_an_undo_takes_no_reply_of_a_step_that_its_step_did_not_wait_for() -> None:
    saga = order_saga("stranger")
    saga.step(deadline="1s")(shop.reserve).undo(shop.release_stock)
    step = saga.step(deadline="1s")(shop.authorize)

    @step.undo
    def void(stock: shop.StockReserved | None) -> shop.VoidPayment:
        return shop.VoidPayment(order_id="1")

    fault = only_fault(saga)
    assert "on which authorize does not depend" in fault.what
    assert fault.mend == "let authorize depend on reserve, with after=[reserve], or do without"


def test_an_undo_takes_no_other_command_than_its_own() -> None:
    saga = order_saga("other-command")
    saga.step(deadline="1s")(shop.reserve).undo(shop.release_stock)
    step = saga.step(deadline="1s", after=["reserve"])(shop.authorize)

    @step.undo
    def void(sent: shop.ReserveStock) -> shop.VoidPayment:
        return shop.VoidPayment(order_id="1")

    assert only_fault(saga).mend == "take AuthorizePayment, which its step sent"
