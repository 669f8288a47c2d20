"""What the contracts promise to those who build messages from them."""

import json
import re
from pathlib import Path

import pytest

from contracts.order import AcceptOrder, OrderPlaced
from contracts.payment import AuthorizePayment, CapturePayment, VoidPayment
from contracts.registry import MESSAGES
from contracts.shipping import ArrangeShipment
from contracts.values import Address, PricedLine
from saga.messages import UNDONE_TYPE, Command, DomainEvent, Money, Outcome, Reply

EUR = Money(minor=4999, currency="EUR")
ADDRESS = Address(name="Ada", street="12 St James's Square", city="London", postcode="SW1Y 4JH", country="GB")
PLACED = OrderPlaced(order_id="1", customer_id="ada", lines=(PricedLine(sku="tea", quantity=1, price=EUR),), total=EUR, address=ADDRESS)


def test_contracts_import_nothing_of_ours_but_saga_messages() -> None:
    for path in Path("contracts").glob("*.py"):
        imported = re.findall(r"^(?:from|import) (saga\S*|services\S*)", path.read_text(), re.MULTILINE)
        assert set(imported) <= {"saga.messages"}, path


def test_lines_of_an_order_go_into_a_command_without_their_prices() -> None:
    command = AcceptOrder(order_id="1", customer_id="ada", lines=PLACED.lines)

    assert json.loads(command.body())["lines"] == [{"sku": "tea", "quantity": 1}]


def test_refused_replies_are_told_from_successes_by_type() -> None:
    assert AuthorizePayment.outcome_of("com.example.payment.PaymentDeclined.v1") is Outcome.REFUSED
    assert AuthorizePayment.outcome_of("com.example.payment.PaymentAuthorized.v1") is Outcome.SUCCEEDED
    assert VoidPayment.outcome_of(UNDONE_TYPE) is Outcome.SUCCEEDED
    assert CapturePayment.outcome_of("com.example.payment.PaymentAuthorized.v1") is None


def test_every_message_is_a_command_a_reply_or_a_domain_event_of_its_participant() -> None:
    for message_type, message in MESSAGES.items():
        assert issubclass(message, Command | Reply | DomainEvent)
        assert message_type == f"com.example.{message.participant}.{message.__name__}.v{message.schema_version}"
        assert message.__module__ == f"contracts.{message.participant}"


def test_undo_may_lack_what_only_the_reply_would_have_told() -> None:
    assert json.loads(VoidPayment(order_id="1").body()) == {"order_id": "1"}


@pytest.mark.parametrize("quantity", [0, -1, 1_000_001, 1.5, "1"])
def test_impossible_quantities_are_refused(quantity: object) -> None:
    with pytest.raises(ValueError, match="quantity"):
        PricedLine.model_validate({"sku": "tea", "quantity": quantity, "price": EUR})


def test_country_is_a_code_of_two_letters() -> None:
    with pytest.raises(ValueError, match="country"):
        ArrangeShipment(order_id="1", address=Address(name="A", street="b", city="c", postcode="d", country="gb"))
