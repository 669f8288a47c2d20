"""What the commands of the shipping service do. The carrier is an argument: tests and demonstrations choose its moods."""

from uuid import uuid4

from contracts.shipping import ArrangeShipment, LabelPrinted, ShipmentArranged, ShipmentRejected
from saga.sdk import Fault, Participant, Transaction
from services.shipping import store
from services.shipping.domain import Carrier, CarrierBusy, CarrierRejects

CARRIER_PAUSE = 0.2


def shipping_participant(carrier: Carrier) -> Participant:
    """The handlers around a carrier."""
    shipping = Participant("shipping")

    @shipping.handles(ArrangeShipment)
    async def arrange(command: ArrangeShipment, db: Transaction) -> ShipmentArranged | ShipmentRejected:
        """Buy a label; a busy carrier is asked again with the next attempt."""
        try:
            tracking_number = carrier.label(command.order_id, command.address.country)
        except CarrierBusy:
            raise Fault("carrier-busy", "the carrier takes nothing just now", retry_after=CARRIER_PAUSE) from None
        except CarrierRejects as rejected:
            await store.enter(db, "rejected", command.order_id, "")
            return ShipmentRejected(reason=rejected.reason)
        shipment_id = f"shp-{uuid4()}"
        await store.add_shipment(db, shipment_id, command.order_id, tracking_number, command.address.country)
        await store.enter(db, "label", command.order_id, shipment_id)
        db.publish(LabelPrinted(shipment_id=shipment_id, order_id=command.order_id, tracking_number=tracking_number))
        return ShipmentArranged(shipment_id=shipment_id, tracking_number=tracking_number)

    return shipping
