"""One example of every message version. `contracts.export` records each once; the recorded file is then never changed."""

from contracts.inventory import OutOfStock, ReleaseStock, ReserveStock, ShipOut, StockLevelChanged, StockReserved, StockShipped
from contracts.order import (
    AcceptOrder,
    ConfirmOrder,
    OrderAccepted,
    OrderConfirmed,
    OrderFulfilled,
    OrderNotAccepted,
    OrderPlaced,
    OrderRejected,
    RejectOrder,
)
from contracts.payment import (
    AuthorizePayment,
    CapturePayment,
    CaptureRefused,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentDeclined,
    PaymentSettled,
    VoidPayment,
)
from contracts.shipping import ArrangeShipment, LabelPrinted, ShipmentArranged, ShipmentRejected
from contracts.values import Address, Line, PricedLine
from saga.messages import Message, Money

_ADDRESS = Address(name="Ada Lovelace", street="12 St James's Square", city="London", postcode="SW1Y 4JH", country="GB")
_TOTAL = Money(minor=4999, currency="EUR")
_LINE = Line(sku="tea-500", quantity=1)
_PRICED = PricedLine(sku="tea-500", quantity=1, price=_TOTAL)

EXAMPLES: tuple[Message, ...] = (
    OrderPlaced(order_id="1042", customer_id="ada", lines=(_PRICED,), total=_TOTAL, address=_ADDRESS),
    OrderFulfilled(order_id="1042", tracking_number="1Z-1042"),
    OrderRejected(order_id="1042"),
    AcceptOrder(order_id="1042", customer_id="ada", lines=(_LINE,)),
    OrderAccepted(order_id="1042"),
    OrderNotAccepted(order_id="1042", reason="unknown-order"),
    RejectOrder(order_id="1042"),
    ConfirmOrder(order_id="1042", tracking_number="1Z-1042"),
    OrderConfirmed(order_id="1042"),
    AuthorizePayment(order_id="1042", customer_id="ada", amount=_TOTAL),
    PaymentAuthorized(payment_id="pay-81"),
    PaymentDeclined(reason="insufficient-funds"),
    VoidPayment(order_id="1042", payment_id="pay-81"),
    CapturePayment(payment_id="pay-81"),
    PaymentCaptured(payment_id="pay-81", order_id="1042", amount=_TOTAL),
    CaptureRefused(payment_id="pay-81", reason="not-held"),
    PaymentSettled(payment_id="pay-81", order_id="1042", amount=_TOTAL),
    ReserveStock(order_id="1042", lines=(_LINE,)),
    StockReserved(reservation_id="res-7"),
    OutOfStock(sku="tea-500"),
    ReleaseStock(order_id="1042"),
    ShipOut(order_id="1042", reservation_id="res-7", tracking_number="1Z-1042"),
    StockShipped(reservation_id="res-7", tracking_number="1Z-1042"),
    StockLevelChanged(sku="tea-500", on_hand=41, reserved=3),
    ArrangeShipment(order_id="1042", address=_ADDRESS),
    ShipmentArranged(shipment_id="shp-5", tracking_number="1Z-1042"),
    ShipmentRejected(reason="no-such-country"),
    LabelPrinted(shipment_id="shp-5", order_id="1042", tracking_number="1Z-1042"),
)
