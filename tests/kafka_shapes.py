"""Records, names and waiting for tests with a log."""

import asyncio
from collections.abc import Callable
from uuid import uuid4

from saga.ports.messaging import Consumer, InboundRecord, OutboundRecord

WITHIN = 20.0


def unique(name: str) -> str:
    """A name that no other test has."""
    return f"{name}-{uuid4().hex[:8]}"


def a_record(topic: str, key: str = "order-1", value: bytes = b"{}", **headers: str) -> OutboundRecord:
    """A record to be sent."""
    return OutboundRecord(topic, key.encode(), value, tuple((name, text.encode()) for name, text in headers.items()))


async def read(consumer: Consumer, count: int, *, batch: int = 500) -> list[InboundRecord]:
    """Poll until `count` records are there."""
    found: list[InboundRecord] = []
    async with asyncio.timeout(WITHIN):
        while len(found) < count:
            found += await consumer.poll(batch, 0.2)
    return found


async def poll_until(condition: Callable[[], bool], *consumers: Consumer) -> list[InboundRecord]:
    """Poll all of them until something holds; what came meanwhile."""
    found: list[InboundRecord] = []
    async with asyncio.timeout(WITHIN):
        while not condition():
            for consumer in consumers:
                found += await consumer.poll(100, 0.05)
    return found


async def nobody(_partitions: object) -> None:
    """Nobody wants to know what is revoked."""
