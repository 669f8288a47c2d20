"""What the commands of the shipping service do. The carriers are an argument: tests and demonstrations choose their moods.

They are asked in the order of preference. One that is full or does not go there is passed over for the next. All full is a fault that may
pass, with the time after which the first of them has room: after the pivot a saga asks until one has. All refusing is a refusal.

Asking books nothing: the label is drawn here, from numbers that the carrier gave us in advance, in the transaction that records it. So a
crash on the way leaves no label behind, and another carrier may be chosen next time.
"""

import asyncio
from collections.abc import Sequence
from uuid import uuid4

from contracts.shipping import ArrangeShipment, LabelPrinted, ShipmentArranged, ShipmentRejected
from saga.sdk import Fault, Participant, Transaction
from services.shipping import store
from services.shipping.domain import Carrier, CarrierFull, CarrierRejects

SHORTEST_PAUSE, LONGEST_PAUSE = 0.2, 60.0


def shipping_participant(carriers: Sequence[Carrier]) -> Participant:
    """The handlers around carriers, the preferred one first."""
    shipping = Participant("shipping")

    @shipping.handles(ArrangeShipment)
    async def arrange(command: ArrangeShipment, db: Transaction) -> ShipmentArranged | ShipmentRejected:
        """Buy a label of the first carrier that takes the parcel."""
        pauses: list[float] = []
        reason = "no-carrier"
        for carrier in carriers:
            try:
                return await label(carrier, command, db)
            except CarrierFull as full:
                pauses.append(full.retry_after)
            except CarrierRejects as rejected:
                reason = rejected.reason
        if pauses:
            pause = max(SHORTEST_PAUSE, min(LONGEST_PAUSE, *pauses))
            raise Fault("carriers-full", "no carrier has room just now", retry_after=pause)
        await store.enter(db, "rejected", command.order_id, "", "")
        return ShipmentRejected(reason=reason)

    return shipping


async def label(carrier: Carrier, command: ArrangeShipment, db: Transaction) -> ShipmentArranged:
    """A label of this carrier. Raises CarrierFull, CarrierRejects: then nothing was drawn."""
    await asyncio.sleep(carrier.latency)
    carrier.offer(command.order_id, command.address.country)
    number = await store.draw_number(db, carrier)
    shipment_id, tracking_number = f"shp-{uuid4()}", carrier.tracking_number(number)
    await store.add_shipment(db, shipment_id, carrier.name, tracking_number, command)
    await store.enter(db, "label", command.order_id, shipment_id, carrier.name)
    db.publish(LabelPrinted(shipment_id=shipment_id, order_id=command.order_id, tracking_number=tracking_number))
    return ShipmentArranged(shipment_id=shipment_id, tracking_number=tracking_number, carrier=carrier.name)
