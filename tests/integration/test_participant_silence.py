"""A database that has gone without a word: no answer, no reset. A participant waits for no answer without a bound (hazard P12)."""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic
from urllib.parse import urlsplit

import pytest

from saga.errors import Unavailable
from saga.sdk.barrier import database as module
from saga.sdk.barrier.database import Database
from saga.sdk.participant import Participant
from tests.chaos.links import Link

pytestmark = pytest.mark.integration


@pytest.fixture
async def link(postgres_dsn: str) -> AsyncIterator[Link]:
    made = Link(urlsplit(postgres_dsn).port or 5432)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def database(postgres_dsn: str, link: Link, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    for wait in ("ACQUIRE_TIMEOUT", "CLOSE_TIMEOUT"):
        monkeypatch.setattr(module, wait, 0.3)
    monkeypatch.setitem(module._WAITS, "command_timeout", 0.3)
    opened = Database(Participant("payment"), postgres_dsn.replace(f":{urlsplit(postgres_dsn).port}", f":{link.port}"))
    await opened.open()
    yield opened
    link.speak()
    await opened.close()


async def ask(database: Database) -> None:
    async with database.transaction() as db:
        await db.fetchval("select 1")


@pytest.mark.parametrize("when", ["before", "within", "at the commit"])
async def test_a_transaction_ends_when_nobody_answers_and_works_again_once_somebody_does(database: Database, link: Link, when: str) -> None:
    async def cut_short() -> None:
        if when == "before":
            link.silence()
        async with database.transaction() as db:
            await db.fetchval("select 1")
            if when == "within":
                link.silence()
                await db.fetchval("select 2")
            link.silence()

    began = monotonic()
    async with asyncio.timeout(20):
        with pytest.raises(Unavailable):
            await cut_short()
    assert monotonic() - began < 5
    link.speak()
    async with asyncio.timeout(20):
        await ask(database)
