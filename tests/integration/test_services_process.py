"""A service as a process of its own: it dies between effect and answer, or between a call outside and its record, and comes back."""

import asyncio
import sys
from asyncio.subprocess import Process
from typing import Any

import orjson
import pytest

from contracts.inventory import ReserveStock
from contracts.payment import AuthorizePayment
from contracts.values import Line
from saga.embedded.broker import EmbeddedBroker
from saga.messages import Command, Money
from saga.sdk import Participant
from saga.sdk.faults import CRASHED
from saga.sdk.settings import load_settings
from saga.sdk.testing import Bench, Said
from services.inventory.handlers import inventory
from services.payment.app import parts as payment_parts
from tests.integration.participants import Coordinator

pytestmark = pytest.mark.integration

AUTHORIZE = AuthorizePayment(order_id="1", customer_id="ada", amount=Money(minor=100, currency="EUR"))
RESERVE = ReserveStock(order_id="1", lines=(Line(sku="tea", quantity=1),))
SEED = {"accounts": {"ada": 1_000}, "stock": {"tea": 5}}


async def start(dsn: str, bootstrap: str, name: str, **faults: float) -> Process:
    environment = {
        "SERVICE_POSTGRES_DSN": dsn,
        "SERVICE_KAFKA_BOOTSTRAP": bootstrap,
        "SERVICE_SESSION_TIMEOUT": "2",
        "SERVICE_WORK_CLAIM": "1",
        "SERVICE_SEED": orjson.dumps(SEED).decode(),
        "SERVICE_FAULTS": orjson.dumps(faults).decode(),
    }
    return await asyncio.create_subprocess_exec(sys.executable, "-m", f"services.{name}", env=environment)


class Life:
    """A service that dies of its first command and is started again."""

    def __init__(self, dsn: str, participant: Participant) -> None:
        self.dsn, self.participant = dsn, participant
        self.bench = Bench(participant, dsn)
        self.heard_of_the_first: list[Said] = []

    async def live(self, command: Command[Any], answers: int, **faults: float) -> list[Said]:
        """What the second life says, once there are so many final answers."""
        with EmbeddedBroker() as broker:
            for topic in (self.participant.commands_topic, self.participant.events_topic):
                broker.create_topic(topic, 2)
            coordinator = Coordinator(broker.bootstrap, self.bench)
            await coordinator.start()
            dying = await start(self.dsn, broker.bootstrap, self.participant.name, **faults)
            await coordinator.send(self.bench.ask(command, id="do"))
            async with asyncio.timeout(30):
                assert await dying.wait() == CRASHED
            self.heard_of_the_first = list(coordinator.heard)
            reborn = await start(self.dsn, broker.bootstrap, self.participant.name)
            said = await self._final(coordinator, answers)
            reborn.terminate()
            async with asyncio.timeout(10):
                assert await reborn.wait() == 0
            await coordinator.stop()
            return said

    async def _final(self, coordinator: Coordinator, answers: int) -> list[Said]:
        replies = await coordinator.hear(answers)
        while len(final := [each for each in replies if each.outcome != "in-progress"]) < answers:
            replies = await coordinator.hear(len(replies) + 1)
        return final

    async def count(self, query: str) -> int:
        """The one value of a query."""
        async with self.bench as bench, bench.database.reading() as db:
            found: int = await db.fetchval(query)
            return found


async def test_service_that_dies_between_effect_and_answer_answers_after_its_restart(postgres_dsn: str) -> None:  # S11
    life = Life(postgres_dsn, inventory)
    said = await life.live(RESERVE, 2, crash=1.0)

    assert life.heard_of_the_first == []
    assert {each.type for each in said} == {"StockReserved"}
    assert len({each.headers["ce_id"] for each in said}) == 1
    assert await life.count("select count(*) from ledger") == 1
    assert await life.count("select seen from barrier where command_id = 'do'") == 2


@pytest.mark.parametrize("moment", ["crash_before", "crash"])
async def test_service_that_dies_after_the_card_network_answered_holds_the_money_once(postgres_dsn: str, moment: str) -> None:  # S11 I3
    life = Life(postgres_dsn, payment_parts(load_settings()).participant)
    said = await life.live(AUTHORIZE, 1, **{moment: 1.0})

    assert {each.type for each in said} == {"PaymentAuthorized"}
    assert await life.count("select count(*) from ledger") == 1
    assert await life.count("select count(*) from card_network.hold") == 1
    assert await life.count("select held from card_network.account") == 100
