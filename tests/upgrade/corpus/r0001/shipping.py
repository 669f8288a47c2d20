"""Words of the shipping service: it buys a label from a carrier."""

from tests.upgrade.corpus.r0001.values import Address, Code, Name
from saga.messages import BusinessKey, Command, DomainEvent, Reply


class ShipmentArranged(Reply, by="shipping"):
    """A label is bought and the carrier will come."""

    shipment_id: Name
    tracking_number: Name
    carrier: Name | None = None


class ShipmentRejected(Reply, by="shipping"):
    """No carrier takes this shipment, and none will; `reason` is for machines."""

    reason: Code


class ArrangeShipment(Command[ShipmentArranged | ShipmentRejected], to="shipping", refused=ShipmentRejected):
    """Buy a label to this address."""

    order_id: BusinessKey
    address: Address


class LabelPrinted(DomainEvent, by="shipping"):
    """A label was bought, for whoever packs."""

    shipment_id: Name
    order_id: BusinessKey
    tracking_number: Name
