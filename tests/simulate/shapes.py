"""The definitions that every world runs side by side: one order starts a saga of each. Compiled once."""

from collections.abc import Mapping

from saga.definition.graph import Definition
from saga.messages import Reply
from tests.unit.shop import SHAPES

DEFINITIONS: Mapping[str, Definition] = {definition.name: definition for definition in (saga.compile() for saga in SHAPES)}
REPLIES: Mapping[tuple[str, str], type[Reply]] = {
    (name, step): node.command.success_types()[0] for name, definition in DEFINITIONS.items() for step, node in definition.steps.items()
}
BODIES: Mapping[str, bytes] = {
    "OrderAccepted": b'{"order_id":"1"}',
    "OrderConfirmed": b'{"order_id":"1"}',
    "CustomerNotified": b'{"mail_id":"mail-1"}',
    "PaymentAuthorized": b'{"payment_id":"pay_1"}',
    "PaymentCaptured": b'{"payment_id":"pay_1"}',
    "StockReserved": b'{"reservation_id":"res_1"}',
    "GiftWrapped": b'{"paper":"red"}',
    "ShipmentArranged": b'{"tracking":"1Z"}',
}
ANSWERS: Mapping[tuple[str, str], tuple[str, bytes]] = {of: (reply.message_type, BODIES[reply.__name__]) for of, reply in REPLIES.items()}
TENANTS = ("default", "b")
