"""The pure rules of the four services and of the card network."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.values import Line, PricedLine
from saga.messages import Money
from services.cards.domain import Account, reason_to_decline
from services.inventory.domain import Reservation, ReservationState, ShipOutIs, Stock, at_ship_out, pick, pieces_of, short_of
from services.order.domain import MAX_PIECES, OrderState, fits, reason_not_to_accept, total_of
from services.payment.domain import Payment, PaymentState, reason_not_to_capture
from services.shipping.domain import Carrier, CarrierFull, CarrierRejects, Mood, carrier_of

NOW = datetime(2025, 3, 1, 9, 30, tzinfo=UTC)
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


def test_only_money_on_hold_is_captured_and_only_in_time() -> None:
    def reason(state: PaymentState, left: int = 1) -> str | None:
        return reason_not_to_capture(Payment("p", "k", "o", "ada", eur(1), state, NOW + timedelta(seconds=left)), NOW)

    assert {state: reason(state) for state in PaymentState} == {
        PaymentState.HELD: None,
        PaymentState.EXPIRED: "expired",
        PaymentState.VOIDED: "not-held",
        PaymentState.CAPTURED: "not-held",
    }
    assert (reason(PaymentState.HELD, 0), reason(PaymentState.VOIDED, 0)) == ("expired", "not-held")
    assert reason_not_to_capture(None, NOW) == "no-such-payment"


def test_pieces_of_one_sku_in_two_lines_add_up_in_a_fixed_order() -> None:
    lines = [Line(sku="b", quantity=1), Line(sku="a", quantity=2), Line(sku="b", quantity=3)]

    assert list(pieces_of(lines).items()) == [("a", 2), ("b", 4)]


def test_short_of_names_the_first_sku_with_too_few_free_pieces_in_all_warehouses() -> None:
    stock = [Stock("north", "a", 5, 3), Stock("south", "a", 1, 0), Stock("north", "b", 1, 0)]

    assert short_of({"a": 3, "b": 1}, stock) is None
    assert short_of({"a": 4}, stock) == "a"
    assert short_of({"b": 1, "c": 1}, stock) == "c"


SHELVES = [Stock("north", "a", 5, 2), Stock("south", "a", 9, 0), Stock("north", "b", 4, 0), Stock("west", "a", 1, 0)]


@pytest.mark.parametrize(
    ("pieces", "picks"),
    [
        ({"a": 3, "b": 1}, [("north", "a", 3), ("north", "b", 1)]),
        ({"a": 4}, [("south", "a", 4)]),
        ({"a": 4, "b": 4}, [("south", "a", 4), ("north", "b", 4)]),
        ({"a": 11}, [("north", "a", 2), ("south", "a", 9)]),
        ({"a": 13}, [("north", "a", 3), ("south", "a", 9), ("west", "a", 1)]),
    ],
    ids=["one has it all", "another has it all", "a unit each", "the fullest first", "all there is"],
)
def test_picks_come_from_as_few_warehouses_as_can_be(pieces: dict[str, int], picks: list[tuple[str, str, int]]) -> None:
    assert [(each.warehouse, each.sku, each.quantity) for each in pick(pieces, SHELVES)] == picks


@given(
    free=st.dictionaries(st.tuples(st.sampled_from("nsw"), st.sampled_from("abc")), st.integers(0, 9)),
    pieces=st.dictionaries(st.sampled_from("abc"), st.integers(1, 12), min_size=1),
)
def test_picks_are_exactly_the_pieces_and_never_more_than_is_free(free: dict[tuple[str, str], int], pieces: dict[str, int]) -> None:
    stock = [Stock(warehouse, sku, 20, 20 - number) for (warehouse, sku), number in free.items()]
    if short_of(pieces, stock) is None:
        picks = pick(pieces, stock)
        assert Reservation("r", "o", ReservationState.RESERVED, picks).pieces == dict(sorted(pieces.items()))
        assert len({(each.warehouse, each.sku) for each in picks}) == len(picks)
        assert all(0 < each.quantity <= free[each.warehouse, each.sku] for each in picks)


def test_expired_reservation_is_picked_again_at_ship_out_and_only_that() -> None:
    cases = {state: at_ship_out(Reservation("r", "o", state, ())) for state in ReservationState}

    assert cases == {
        ReservationState.RESERVED: ShipOutIs.AT_HAND,
        ReservationState.EXPIRED: ShipOutIs.TO_BE_PICKED_AGAIN,
        ReservationState.RELEASED: ShipOutIs.IMPOSSIBLE,
        ReservationState.SHIPPED: ShipOutIs.IMPOSSIBLE,
    }
    assert at_ship_out(None) is ShipOutIs.IMPOSSIBLE


def test_total_is_the_sum_of_the_lines() -> None:
    assert total_of([PricedLine(sku="a", quantity=3, price=eur(5)), PricedLine(sku="b", quantity=1, price=eur(7))]) == eur(22)


def test_orders_are_accepted_once_and_not_beyond_a_size() -> None:
    one = [Line(sku="a", quantity=1)]

    assert reason_not_to_accept(OrderState.PLACED, one) is None
    assert reason_not_to_accept(None, one) is None
    assert reason_not_to_accept(OrderState.REJECTED, one) == "not-open"
    assert reason_not_to_accept(None, [Line(sku="a", quantity=MAX_PIECES + 1)]) == "too-many-pieces"


@pytest.mark.parametrize(
    ("prices", "total", "fitting"),
    [
        ((5, 7), 22, True),
        ((5, 7), 21, False),
        ((5,), 22, False),
        ((5, 7, 1), 22, False),
        (None, 22, True),
        ((5, 7), None, True),
    ],
)
def test_total_fits_if_the_lines_cost_it_and_is_believed_if_too_little_was_told(
    prices: tuple[int, ...] | None, total: int | None, fitting: bool
) -> None:
    lines = [Line(sku="a", quantity=3), Line(sku="b", quantity=1)]
    told = None if prices is None else [eur(each) for each in prices]

    assert fits(lines, told, None if total is None else eur(total)) is fitting


def test_lines_in_two_currencies_fit_no_total() -> None:
    prices = [eur(1), Money(minor=1, currency="USD")]

    assert not fits([Line(sku="a", quantity=1), Line(sku="b", quantity=1)], prices, eur(2))
    assert reason_not_to_accept(OrderState.PLACED, [], fitting=False) == "wrong-total"
    assert reason_not_to_accept(OrderState.ACCEPTED, [], fitting=False) == "not-open"


def offered(carrier: Carrier, order_id: str) -> bool:
    try:
        carrier.offer(order_id, "GB")
    except CarrierFull:
        return False
    return True


def test_carrier_is_busy_for_some_orders_at_first_and_always_for_the_same() -> None:
    def first_answers() -> list[bool]:
        carrier = Carrier("swift", busy_share=0.3, seed=7)
        return [offered(carrier, f"order-{n}") for n in range(50)]

    assert first_answers() == first_answers()
    assert 25 < sum(first_answers()) < 45


def test_marked_order_is_turned_away_so_often_and_then_taken() -> None:
    carrier = Carrier("swift", moods=(Mood("-full", calls=2),))

    assert [offered(carrier, "1-full") for _ in range(4)] == [False, False, True, True]
    assert offered(carrier, "1-good")


def test_carrier_never_goes_to_some_countries() -> None:
    with pytest.raises(CarrierRejects, match="country-not-served"):
        Carrier("swift", refuses=frozenset({"XX"})).offer("1", "XX")


def test_carrier_is_read_from_its_settings() -> None:
    seed = {"prefix": "SW", "capacity": 3, "refuses": ["XX"], "moods": [{"marker": "-full", "pause": 2.0}]}

    assert carrier_of("swift", seed) == Carrier("swift", "SW", capacity=3, refuses=frozenset({"XX"}), moods=(Mood("-full", pause=2.0),))
    assert carrier_of("swift", seed).tracking_number(7) == "SW000000000007"
