"""The words themselves: what is public, that steps can be called, how spans are written."""

from datetime import timedelta

import pytest

import saga
from saga.definition.spans import read_span
from tests.unit import shop

PUBLIC = [
    "ActRefused",
    "Command",
    "ConfigurationError",
    "ContractError",
    "DefinitionError",
    "DomainEvent",
    "Money",
    "Outcome",
    "Reply",
    "Retry",
    "Saga",
    "SagaError",
    "Unavailable",
    "Undone",
]


def test_the_public_names_are_the_written_ones() -> None:
    assert saga.__all__ == PUBLIC
    assert all(hasattr(saga, name) for name in PUBLIC)


def test_a_step_is_called_like_the_function_it_was() -> None:
    placed = shop.OrderPlaced(order_id="1042", lines=3)
    assert shop.accept_order(placed) == shop.AcceptOrder(order_id="1042", lines=3)
    assert shop.accept_order.__name__ == "accept_order"


def test_an_undo_stays_a_plain_function() -> None:
    assert shop.void_payment(shop.OrderPlaced(order_id="1042"), None) == shop.VoidPayment(order_id="1042")


def test_a_function_that_another_decorator_wrapped_is_read_through() -> None:
    import functools

    def traced(function):
        @functools.wraps(function)
        def wrapper(*args: object, **kwargs: object) -> object:
            return function(*args, **kwargs)

        return wrapper

    saga = shop.order_saga("wrapped")
    saga.step(deadline="1s")(traced(shop.accept)).undo(shop.reject_order)
    assert list(saga.compile().steps["accept"].build.sources) == ["placed"]


@pytest.mark.parametrize(
    ("written", "milliseconds"),
    [("200ms", 200), ("1s", 1_000), ("5m", 300_000), ("1h", 3_600_000), ("2d", 172_800_000), (timedelta(seconds=1.5), 1_500)],
)
def test_spans_are_texts_or_timedeltas(written: str | timedelta, milliseconds: int) -> None:
    assert read_span(written) == timedelta(milliseconds=milliseconds)


TEXTS = ["", "10", "s", "0s", "-1s", "1 s", "1s ", "1.5s", "1w", "1S", "٣s", "366d", "999999999999h"]


@pytest.mark.parametrize("written", [*TEXTS, 10, 1.5, True, None, timedelta(0), -timedelta(1), timedelta(days=366)])
def test_anything_else_is_no_span(written: object) -> None:
    assert read_span(written) is None
