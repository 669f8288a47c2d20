"""A service as a process of its own: it dies between effect and answer, and comes back."""

import asyncio
import sys
from asyncio.subprocess import Process

import orjson
import pytest

from contracts.payment import AuthorizePayment
from saga.embedded.broker import EmbeddedBroker
from saga.messages import Money
from saga.sdk.faults import CRASHED
from saga.sdk.testing import Bench
from services.payment.handlers import payment
from services.payment.store import SCRIPTS
from tests.integration.participants import Coordinator

pytestmark = pytest.mark.integration

AUTHORIZE = AuthorizePayment(order_id="1", customer_id="ada", amount=Money(minor=100, currency="EUR"))


async def start(dsn: str, bootstrap: str, crash: float) -> Process:
    environment = {
        "SERVICE_POSTGRES_DSN": dsn,
        "SERVICE_KAFKA_BOOTSTRAP": bootstrap,
        "SERVICE_SESSION_TIMEOUT": "2",
        "SERVICE_SEED": '{"accounts": {"ada": 1000}}',
        "SERVICE_FAULTS": orjson.dumps({"crash": crash}).decode(),
    }
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "services.payment", env=environment)


async def test_service_that_dies_between_effect_and_answer_answers_after_its_restart(postgres_dsn: str) -> None:  # S11
    with EmbeddedBroker() as broker:
        for topic in (payment.commands_topic, payment.events_topic):
            broker.create_topic(topic, 2)
        async with Bench(payment, postgres_dsn, scripts=SCRIPTS) as bench:
            coordinator = Coordinator(broker.bootstrap, bench)
            await coordinator.start()
            dying = await start(postgres_dsn, broker.bootstrap, crash=1.0)
            await coordinator.send(bench.ask(AUTHORIZE, id="do"))
            async with asyncio.timeout(30):
                assert await dying.wait() == CRASHED
            assert coordinator.heard == []
            reborn = await start(postgres_dsn, broker.bootstrap, crash=0.0)
            said = await coordinator.hear(2)
            reborn.terminate()
            async with asyncio.timeout(10):
                assert await reborn.wait() == 0
            await coordinator.stop()

            assert {each.type for each in said} == {"PaymentAuthorized"}
            assert len({each.headers["ce_id"] for each in said}) == 1
            async with bench.database.reading() as db:
                assert await db.fetchval("select count(*) from ledger") == 1
                assert await db.fetchval("select seen from barrier where command_id = 'do'") == 2
