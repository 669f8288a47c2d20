"""The order saga: its graph and its builders; and that coordinator and SDK understand each other's records."""

from dataclasses import replace
from datetime import UTC, datetime
from types import ModuleType

import pytest

from contracts.inventory import OutOfStock, StockReserved, StockShipped
from contracts.order import OrderAccepted, OrderPlaced
from contracts.payment import AuthorizePayment, PaymentAuthorized, PaymentCaptured, VoidPayment
from contracts.registry import MESSAGES
from contracts.shipping import ShipmentArranged
from contracts.values import Address, PricedLine
from saga.definition.graph import StepKind
from saga.errors import ConfigurationError
from saga.messages import FENCE_TYPE, Money, Outcome
from saga.ports.messaging import InboundRecord
from saga.sdk.answer import Answer, Trace, failed, record_of, replied
from saga.sdk.handler import Fault
from saga.sdk.incoming import Kind, read_incoming
from saga.sdk.settings import load_settings
from saga.transport.codec import decode, encode
from saga.wire import CommandMessage, is_reply, read_reply
from services.inventory import app as inventory_app
from services.order import app as order_app
from services.order import fulfilment
from services.payment import app as payment_app
from services.shipping import app as shipping_app

EUR = Money(minor=4999, currency="EUR")
ADDRESS = Address(name="Ada", street="12 St James's Square", city="London", postcode="SW1Y 4JH", country="GB")
LINE = PricedLine(sku="tea", quantity=1, price=EUR)
PLACED = OrderPlaced(order_id="1", customer_id="ada", lines=(LINE,), total=EUR, address=ADDRESS)
NOW = datetime(2025, 3, 1, 9, 30, 0, 123_000, UTC)


def test_money_and_stock_are_taken_side_by_side_and_nothing_is_undone_after_the_capture() -> None:
    saga = fulfilment.fulfil_order.compile()
    kinds = {name: node.kind for name, node in saga.steps.items()}

    assert saga.pivot == "capture_payment"
    assert [name for name, kind in kinds.items() if kind is StepKind.RETRIABLE] == ["ship", "ship_out", "confirm_order"]
    assert saga.steps["authorize_payment"].after == saga.steps["reserve_stock"].after == ("accept_order",)
    assert set(saga.steps["capture_payment"].after) == {"authorize_payment", "reserve_stock"}
    assert all(node.undo for node in saga.steps.values() if node.kind is StepKind.COMPENSATABLE)
    assert saga.participants() == ("inventory", "order", "payment", "shipping")


def test_builders_fill_commands_from_what_came_before() -> None:
    captured = PaymentCaptured(payment_id="pay-1", order_id="1", amount=EUR)
    arranged, reserved = ShipmentArranged(shipment_id="s", tracking_number="1Z"), StockReserved(reservation_id="res-1")

    assert fulfilment.authorize_payment(PLACED, OrderAccepted(order_id="1")).amount == EUR
    assert fulfilment.void_payment(PLACED, None) == VoidPayment(order_id="1")
    assert fulfilment.void_payment(PLACED, PaymentAuthorized(payment_id="pay-1")).payment_id == "pay-1"
    assert fulfilment.ship(PLACED, captured).address == ADDRESS
    assert fulfilment.ship_out(PLACED, reserved, arranged).reservation_id == "res-1"
    shipped = StockShipped(reservation_id="res-1", tracking_number="1Z")
    assert fulfilment.confirm_order(PLACED, shipped).tracking_number == "1Z"


def test_every_command_of_the_saga_is_handled_by_its_service() -> None:
    modules = (order_app, payment_app, inventory_app, shipping_app)
    participants = {each.name: each for each in (module.parts(load_settings()).participant for module in modules)}
    for node in fulfilment.fulfil_order.compile().steps.values():
        handled = participants[node.command.participant]
        assert node.command.message_type in handled.dos
        assert node.undo is None or node.command.message_type in handled.undos[node.undo.returns.message_type].handlers
    assert {name for name in MESSAGES if name.split(".")[2] not in participants} == set()


@pytest.mark.parametrize(
    ("module", "seed"), [(payment_app, {"cards": {"mood": 1}}), (shipping_app, {"carriers": {"swift": {"moods": [{"mark": "x"}]}}})]
)
def test_setting_that_no_outside_party_has_is_named(module: ModuleType, seed: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match="unexpected keyword argument"):
        module.parts(load_settings(seed=seed))


COMMAND = CommandMessage(
    command_id="do-1",
    type=AuthorizePayment.message_type,
    undoes="",
    attempt=2,
    saga_id="saga-1",
    epoch=3,
    tenant="default",
    definition="fulfil-order",
    step="authorize_payment",
    answer_within_ms=3_000,
    time=NOW,
    body=AuthorizePayment(order_id="1", customer_id="ada", amount=EUR).body(),
    key="ключ".encode(),
)


def asked(command: CommandMessage) -> InboundRecord:
    record = encode(command.to_envelope(), "payment.commands")
    return InboundRecord(record.topic, 0, 0, record.key, record.value, record.headers)


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (COMMAND, Kind.DO),
        (replace(COMMAND, command_id="undo-1", undoes="do-1"), Kind.UNDO),
        (replace(COMMAND, command_id="fence-1", undoes="do-1", type=FENCE_TYPE), Kind.FENCE),
    ],
)
def test_participant_reads_what_the_coordinator_writes(command: CommandMessage, kind: Kind) -> None:
    incoming = read_incoming(asked(command))

    assert (incoming.id, incoming.do_id, incoming.kind, incoming.type) == (command.command_id, "do-1", kind, command.type)
    assert (incoming.attempt, incoming.epoch, incoming.saga_id, incoming.within_ms) == ("2", 3, "saga-1", 3_000)
    assert (incoming.key, incoming.value, incoming.source) == (command.key, command.body, "/saga")


def test_coordinator_reads_what_the_participant_writes() -> None:
    answers: list[Answer] = [
        replied(AuthorizePayment, PaymentAuthorized(payment_id="pay-1"), NOW),
        failed(Fault("carrier-busy", retry_after=1.5), NOW),
    ]
    for answer, outcome, wait in zip(answers, (Outcome.SUCCEEDED, Outcome.FAILED), (0, 1_500), strict=True):
        record = record_of(answer, read_incoming(asked(COMMAND)), "/payment", "payment.events", Trace())
        envelope = decode(InboundRecord(record.topic, 0, 0, record.key, record.value, record.headers))
        reply = read_reply(envelope)
        assert is_reply(envelope)
        assert (reply.causation_id, reply.outcome, reply.retry_after_ms, reply.time) == ("do-1", outcome, wait, "2025-03-01T09:30:00.123Z")
        assert (reply.attempt, reply.epoch, reply.saga_id, reply.key) == (2, 3, "saga-1", COMMAND.key)


def test_reply_of_another_command_is_no_answer() -> None:
    with pytest.raises(TypeError, match="no reply of AuthorizePayment"):
        replied(AuthorizePayment, OutOfStock(sku="tea"), NOW)
