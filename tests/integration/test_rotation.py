"""Passwords are rotated while orders run: real Kafka (TLS, SCRAM, ACLs), Postgres (SCRAM), every process on its own."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from saga.embedded.postgres import EmbeddedPostgres
from services.demo.application import DemoApplication
from tests.secured_kafka import SecuredKafka
from tests.secured_world import GROUPS, World

pytestmark = pytest.mark.integration

OLD, NEW = "canary-old-9d1f", "canary-new-77ab"
ORDERS = 60


@pytest.fixture
async def world() -> AsyncIterator[World]:
    home = Path(tempfile.mkdtemp(prefix="saga-rotation-"))
    kafka = SecuredKafka(home / "authority")
    try:
        async with EmbeddedPostgres() as postgres:
            await asyncio.to_thread(kafka.start)
            world = World(DemoApplication(ORDERS, seed=3), kafka, postgres, home)
            try:
                yield world
            finally:
                await world.stop()
                await asyncio.to_thread(kafka.stop)
    finally:
        shutil.rmtree(home)


async def place_slowly(world: World, client: httpx2.AsyncClient, share: asyncio.Event) -> None:
    """All orders, a few a second; `share` is set when a third of them is placed."""
    for number, order in enumerate(world.application.orders):
        await world.application.place(client, world.place, order)
        if number == ORDERS // 3:
            share.set()
        await asyncio.sleep(0.15)  # the pace of customers, not a wait for anything


async def test_rotating_every_password_under_load_fails_no_saga_and_shows_none(world: World) -> None:  # A12, I20
    await world.start(OLD)
    before, third = world.members(), asyncio.Event()
    async with httpx2.AsyncClient(timeout=10) as client:
        placing = asyncio.create_task(place_slowly(world, client, third))
        await third.wait()
        await world.rotate(NEW)
        await world.until(lambda: all(world.members()[name] - before[name] for name in GROUPS))
        await world.revoke()
        await placing
    superuser = replace(world.place, services_dsn=world.place.services_dsn.replace("services@", f"services:{NEW}@"))
    async with asyncio.timeout(60):
        while await world.application.ended(superuser) < ORDERS:  # noqa: ASYNC110 - other processes end them
            await asyncio.sleep(0.2)
    figures = await world.application.figures(superuser, [])
    assert (figures.unfinished, figures.duplicate_effects, figures.stock_missing) == ((), 0, 0)
    assert figures.money_captured_minor == figures.money_expected_minor > 0
    assert not [secret for secret in (OLD, NEW) if secret in world.logs()]
