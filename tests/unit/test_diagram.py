"""A compiled definition as Mermaid text."""

from saga.definition.diagram import mermaid
from tests.unit import shop

SIDE_BY_SIDE = """\
flowchart TD
    start((OrderPlaced))
    do_authorize["authorize<br/>AuthorizePayment → payment<br/>↶ VoidPayment"]:::compensatable
    do_reserve["reserve<br/>ReserveStock → inventory<br/>↶ ReleaseStock"]:::compensatable
    do_capture{{"capture<br/>CapturePayment → payment"}}:::pivot
    do_arrange(["arrange<br/>ArrangeShipment → shipping"]):::retriable
    start --> do_authorize
    start --> do_reserve
    do_authorize --> do_capture
    do_reserve -.-> do_capture
    do_capture --> do_arrange
    classDef compensatable stroke-width:1px
    classDef pivot stroke-width:4px
    classDef retriable stroke-width:2px
"""


def test_kinds_have_shapes_data_is_solid_and_the_barrier_is_dashed() -> None:
    assert mermaid(shop.SIDE_BY_SIDE.compile()) == SIDE_BY_SIDE


def test_a_step_that_may_be_skipped_is_marked() -> None:
    assert 'do_wrap["wrap ?<br/>' in mermaid(shop.CONDITIONAL.compile())


def test_a_step_without_undo_says_so() -> None:
    text = mermaid(shop.NO_UNDO.compile())
    assert 'do_notify["notify<br/>NotifyCustomer → order<br/>no undo"]' in text
    assert "classDef pivot" not in text


def test_a_step_may_be_called_like_a_word_of_mermaid() -> None:
    def end(placed: shop.OrderPlaced) -> shop.NotifyCustomer:
        return shop.NotifyCustomer(order_id=placed.order_id)

    saga = shop.order_saga("words")
    saga.step(deadline="1s", no_undo="a mail")(end)
    assert "start --> do_end\n" in mermaid(saga.compile())
