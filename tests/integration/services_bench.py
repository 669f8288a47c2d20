"""A service's bench with its tables as the service itself would have made them; Kafka and HTTP left out."""

from collections import Counter
from contextlib import AbstractAsyncContextManager
from typing import Any

from saga.messages import Money
from saga.sdk.service import Parts
from saga.sdk.settings import load_settings
from saga.sdk.testing import Bench, Said, read
from saga.sdk.work import Worker
from services.inventory.app import parts as inventory_parts
from services.payment.app import parts as payment_parts
from services.shipping.app import parts as shipping_parts

EUR = "EUR"


class Opened(AbstractAsyncContextManager[Bench]):
    """A service's bench with its tables seeded."""

    def __init__(self, parts: Parts, dsn: str) -> None:
        self.parts, self._dsn = parts, dsn

    async def __aenter__(self) -> Bench:
        self._bench = Bench(self.parts.participant, self._dsn, scripts=self.parts.scripts)
        await self._bench.database.open()
        async with self._bench.database.transaction() as db:
            await self.parts.seed(db)
        return self._bench

    async def __aexit__(self, *_: object) -> None:
        await self._bench.database.close()


def payments(dsn: str, balance: int = 10_000, **cards: object) -> Opened:
    """The payment service, with a customer ada and a card network of these moods."""
    return Opened(payment_parts(load_settings(postgres_dsn=dsn, seed={"accounts": {"ada": balance}, "cards": cards})), dsn)


def stocks(dsn: str, **stock: int) -> Opened:
    """The inventory service with one warehouse."""
    return Opened(inventory_parts(load_settings(seed={"stock": stock})), dsn)


def warehouses(dsn: str, **stock: dict[str, int]) -> Opened:
    """The inventory service with these warehouses."""
    return Opened(inventory_parts(load_settings(seed={"warehouses": stock})), dsn)


def carriers(dsn: str, **moods: dict[str, Any]) -> Opened:
    """The shipping service with these carriers."""
    return Opened(shipping_parts(load_settings(seed={"carriers": moods})), dsn)


async def sweep(opened: Opened, bench: Bench) -> int:
    """Sweep until nothing is left; how often there was something."""
    times = 0
    while True:
        async with bench.database.transaction() as db:
            db.now = await db.fetchval("select clock_timestamp()")
            if not await opened.parts.sweep(db):
                return times
        times += 1


async def work(bench: Bench, claim_for: float = 5.0) -> None:
    """Let a worker do what is at work, and undo what waited for it."""
    worker = Worker(bench.participant, bench.database, bench.gate, bench.sent.extend, claim_for=claim_for)
    for _ in range(2):
        await worker.begin()
        await worker.settled()


async def authorized(bench: Bench, command: Any, do_id: str) -> Said:
    """Ask, let the work be done, and read the last answer."""
    await bench.do(command, id=do_id)
    await work(bench)
    return (await answers(bench, do_id))[-1]


async def answers(bench: Bench, command_id: str) -> list[Said]:
    """Every answer to a command, in order."""
    said = (read(staged.record) for staged in bench.sent)
    return [each for each in said if each.headers.get("ce_causationid") == command_id]


async def change(bench: Bench, statement: str) -> None:
    """Change a row behind the service's back, for example to let time pass."""
    async with bench.database.transaction() as db:
        await db.execute(statement)


async def row(bench: Bench, query: str) -> tuple[object, ...]:
    """The first row."""
    async with bench.database.reading() as db:
        found = await db.fetchrow(query)
    assert found is not None
    return tuple(found.values())


async def ledger(bench: Bench) -> Counter[str]:
    """How often each effect stands in the ledger."""
    async with bench.database.reading() as db:
        return Counter(row["effect"] for row in await db.fetch("select effect from ledger"))


def eur(minor: int) -> Money:
    """Money."""
    return Money(minor=minor, currency=EUR)
