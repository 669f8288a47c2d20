"""Polling a consumer that may have stopped without saying so (hazard K5): whoever reads a group's records reads them through this."""

import asyncio

from saga.errors import Unavailable
from saga.ports.messaging import Consumer, InboundRecord


class Stuck(Unavailable):
    """The consumer has made no progress: it is to be thrown away, and a new one made."""

    def __init__(self) -> None:
        super().__init__("kafka", "the consumer has made no progress; it is replaced")


async def poll(consumer: Consumer, max_records: int, timeout: float, stuck_after: float) -> list[InboundRecord]:
    """As `Consumer.poll`. Raises Stuck when that does not come back for `stuck_after` seconds beyond its `timeout`, and when it comes back
    and a partition of ours has been left out for as long; what else it brought is read again by the next consumer."""
    try:
        async with asyncio.timeout(timeout + stuck_after):
            records = await consumer.poll(max_records, timeout)
    except TimeoutError:
        raise Stuck from None
    if consumer.seconds_since_poll() > stuck_after:
        raise Stuck
    return records
