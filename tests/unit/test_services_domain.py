"""The pure rules of the four services, and faults on purpose."""

import pytest

from contracts.values import Line, PricedLine
from saga.messages import Money
from services.inventory.domain import Stock, pieces_of, short_of
from services.order.domain import MAX_PIECES, OrderState, reason_not_to_accept, total_of
from services.payment.domain import Account, Payment, PaymentState, reason_not_to_capture, reason_to_decline
from services.shipping.domain import Carrier, CarrierBusy, CarrierRejects

ACCOUNT = Account("ada", "EUR", balance=100, held=40)


def eur(minor: int) -> Money:
    return Money(minor=minor, currency="EUR")


@pytest.mark.parametrize(
    ("account", "amount", "reason"),
    [
        (ACCOUNT, eur(60), None),
        (ACCOUNT, eur(61), "insufficient-funds"),
        (ACCOUNT, eur(0), "bad-amount"),
        (ACCOUNT, eur(-5), "bad-amount"),
        (ACCOUNT, Money(minor=1, currency="USD"), "other-currency"),
        (None, eur(1), "no-account"),
    ],
)
def test_money_is_held_only_as_far_as_it_is_free(account: Account | None, amount: Money, reason: str | None) -> None:
    assert reason_to_decline(account, amount) == reason


def test_only_money_on_hold_is_captured() -> None:
    reasons = {state: reason_not_to_capture(Payment("p", "o", "ada", eur(1), state)) for state in PaymentState}

    assert reasons == {PaymentState.HELD: None, PaymentState.VOIDED: "not-held", PaymentState.CAPTURED: "not-held"}
    assert reason_not_to_capture(None) == "no-such-payment"


def test_pieces_of_one_sku_in_two_lines_add_up_in_a_fixed_order() -> None:
    lines = [Line(sku="b", quantity=1), Line(sku="a", quantity=2), Line(sku="b", quantity=3)]

    assert list(pieces_of(lines).items()) == [("a", 2), ("b", 4)]


def test_short_of_names_the_first_sku_with_too_few_free_pieces() -> None:
    stock = [Stock("a", on_hand=5, reserved=3), Stock("b", on_hand=1, reserved=0)]

    assert short_of({"a": 2, "b": 1}, stock) is None
    assert short_of({"a": 3}, stock) == "a"
    assert short_of({"b": 1, "c": 1}, stock) == "c"


def test_total_is_the_sum_of_the_lines() -> None:
    assert total_of([PricedLine(sku="a", quantity=3, price=eur(5)), PricedLine(sku="b", quantity=1, price=eur(7))]) == eur(22)


def test_orders_are_accepted_once_and_not_beyond_a_size() -> None:
    one = [Line(sku="a", quantity=1)]

    assert reason_not_to_accept(OrderState.PLACED, one) is None
    assert reason_not_to_accept(None, one) is None
    assert reason_not_to_accept(OrderState.REJECTED, one) == "not-open"
    assert reason_not_to_accept(None, [Line(sku="a", quantity=MAX_PIECES + 1)]) == "too-many-pieces"


def test_carrier_is_busy_for_some_orders_at_first_and_always_for_the_same() -> None:
    def moods() -> list[bool]:
        carrier, busy = Carrier(busy_share=0.3, busy_calls=1, seed=7), []
        for n in range(50):
            try:
                busy.append(not carrier.label(f"order-{n}", "GB"))
            except CarrierBusy:
                busy.append(bool(carrier.label(f"order-{n}", "GB")))
        return busy

    assert moods() == moods()
    assert 5 < sum(moods()) < 25


def test_carrier_rejects_some_countries_for_ever() -> None:
    with pytest.raises(CarrierRejects, match="country-not-served"):
        Carrier(refuses=frozenset({"XX"})).label("1", "XX")
