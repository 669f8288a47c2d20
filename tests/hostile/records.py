"""The flood: hostile records among good orders, until so many were sent, and then the account of all of them."""

import asyncio
from random import Random
from time import monotonic

import asyncpg
import orjson

from tests.hostile.accounting import account, read_tables
from tests.hostile.bodies import CANARY, MAKERS, Bad, a_bad_one, damaged, heading, name_of, order_body
from tests.hostile.flood import Flood, Stalled
from tests.hostile.forging import FORGERIES, forged
from tests.hostile.participants import Participants
from tests.hostile.slope import growth
from tests.hostile.stage import UNKNOWN_SAGA_FOR, Stage
from tests.proof.asking import Budget
from tests.proof.report import Report

GROWS_MB = 8.0
ORDER_EVERY = 100
RIVAL_EVERY = 10
STEPS = ("AcceptOrder", "AuthorizePayment", "ReserveStock", "CapturePayment", "ConfirmOrder")
STRANGE_STARTS = ("start again", "start with another body", "damaged")


class Records:
    """One run of the first half of the rung."""

    def __init__(self, stage: Stage, seed: int, report: Report, stalled_after: float) -> None:
        self._stage, self._report = stage, report
        self._chance = Random(seed)
        self._flood = Flood(stage, stalled_after)
        self._people = Participants(Random(seed + 1))
        self._orders: dict[str, str] = {}
        self._seed = seed
        report.enable(*MAKERS, *FORGERIES, *STRANGE_STARTS)

    async def run(self, count: int, budget: Budget) -> None:
        """Send, let it settle, judge."""
        stalls = 0
        try:
            await asyncio.to_thread(self._send, count, budget)
            await self._settled()
        except Stalled as stall:
            stalls = 1
            self._report.broke("stall", str(stall))
        self._report.held("stall", self._flood.delivered)
        self._report.count("stalls", stalls)
        self._report.count("records", self._flood.delivered)
        self._report.tell("longest_pause_s", round(self._flood.longest_pause, 2))
        for kind, times in self._flood.counts().items():
            if kind in self._report.faults:
                self._report.fired(kind, times)
        if not stalls:
            await self._judge()
        self._flood.close()

    def _send(self, count: int, budget: Budget) -> None:
        began = told = monotonic()
        for number, kind in enumerate(MAKERS):
            self._flood.send(MAKERS[kind](kind, f"first{self._seed}-{number}"))
        number = 0
        while self._flood.sent < count and not budget.over:
            if self._flood.room():
                for number in range(number, number + 200):  # noqa: B020 - goes on where it was
                    self._one(name_of(self._seed, number), number)
                number += 1
            self._answer(0.0 if self._flood.room() else 0.02)
            if monotonic() - told > 10:
                told = monotonic()
                self._tell(told - began)
        self._finish_orders()
        self._forge_each()
        self._flood.drain()
        self._report.tell("records_per_s", round(self._flood.delivered / (monotonic() - began)))

    def _forge_each(self) -> None:
        """Each kind once more, now that there is something to forge."""
        for number, kind in enumerate(FORGERIES):
            for attempt in range(50):
                if (bad := self._forged(f"last{self._seed}-{number}-{attempt}", kind)) is not None:
                    self._flood.send(bad)
                    break

    def _finish_orders(self) -> None:
        while self._unfinished() or self._flood.lag:
            self._answer(0.05)
            self._flood.room()

    def _tell(self, seconds: float) -> None:
        flood = self._flood
        print(f"{flood.handled:9} records, {flood.handled / seconds:6.0f}/s, {flood.memory[-1][1]:6.1f} MiB", flush=True)

    def _one(self, id_: str, number: int) -> None:
        """The next record: an order now and then, else something bad."""
        if number % ORDER_EVERY == 0:
            self._order(f"o{self._seed}-{number}", number // ORDER_EVERY)
            return
        lot = self._chance.random()
        if lot < 0.55:
            self._flood.send(a_bad_one(self._chance, id_))
        elif lot < 0.75:
            self._flood.send(self._forged(id_) or a_bad_one(self._chance, id_))
        elif lot < 0.78:
            self._flood.send(self._started_again(id_))
        else:
            body = orjson.dumps(order_body(id_))
            self._flood.send(damaged(self._chance, Bad("damaged", "order.events", id_.encode(), body, heading(id_), "*")))

    def _forged(self, id_: str, kind: str = "") -> Bad | None:
        recent = self._people.recent
        if not recent:
            return None
        kind = kind or self._chance.choice(list(FORGERIES))
        bad = forged(kind, self._chance.choice(recent), self._chance.choice(recent), id_)
        if bad is not None and bad.fate == "duplicate" and (bad.key or b"").decode() in self._people.declines:
            return None  # after a turn back a success may mean something
        return bad

    def _order(self, order: str, number: int) -> None:
        tenant = "rival" if number % RIVAL_EVERY == 1 else "default"
        self._orders[order] = tenant
        if number % 5 == 2:
            self._people.declines.add(order)
        self._flood.send(Bad("good order", "order.events", order.encode(), self._body(order), heading(order, tenant=tenant), "event"))

    def _body(self, order: str, quantity: int = 1) -> bytes:
        return orjson.dumps(order_body(order, quantity, f"{CANARY}-{self._orders[order]}"))

    def _started_again(self, id_: str) -> Bad:
        order = self._chance.choice(list(self._orders)[-50:])
        again, headers = self._chance.random() < 0.5, heading(id_, tenant=self._orders[order])
        if again:
            return Bad("start again", "order.events", order.encode(), self._body(order), headers, "duplicate")
        return Bad("start with another body", "order.events", order.encode(), self._body(order, 2), headers, "conflicting-start")

    def _answer(self, seconds: float) -> None:
        for topic, key, value, headers in self._flood.commands(seconds):
            self._flood.send(self._people.answer(topic, key, value, headers))

    def _unfinished(self) -> bool:
        done = self._people.done
        return not all(done.get(order, {}).get("undone" if order in self._people.declines else "ConfirmOrder") for order in self._orders)

    async def _settled(self) -> None:
        """Held records of unknown sagas have had their time, and nothing waits to be sent."""
        connection = await asyncpg.connect(self._stage.dsn)
        try:
            async with asyncio.timeout(UNKNOWN_SAGA_FOR * 4 + 60):
                while await connection.fetchval(
                    "select (select count(*) from saga.held_record) + (select count(*) from saga.outbox)"
                    " + (select count(*) from saga.saga where not ended and key = any($1))",
                    list(self._orders),
                ):
                    await asyncio.to_thread(self._answer, 0.05)
                    await asyncio.to_thread(self._flood.look)
            self._ended = {row[0]: row[1] for row in await connection.fetch("select key, status from saga.saga")}
        except TimeoutError:
            raise Stalled("held records, the outbox or good orders do not come to an end") from None
        finally:
            await connection.close()
        await asyncio.to_thread(self._flood.drain)

    async def _judge(self) -> None:
        report, grown = self._report, growth(self._flood.memory)
        for order in self._orders:
            self._judge_order(order)
        found = await read_tables(self._stage.dsn, await self._stage.metrics())
        await asyncio.to_thread(account, self._flood, found, report)
        report.count("orders", len(self._orders))
        report.tell("rss_growth_mb", round(grown, 2))
        report.tell("rss_mb", round(self._flood.memory[-1][1], 1))
        if grown <= GROWS_MB:
            report.held("I19")
        else:
            report.broke("I19", f"the replica grew by {grown:.1f} MiB over the second half; {GROWS_MB} are allowed")

    def _judge_order(self, order: str) -> None:
        """By the participants' books: each step done once and none undone, or declined and undone."""
        done, declined = self._people.done.get(order, {}), order in self._people.declines
        status = self._ended.get(order, "missing")
        reserved = done.get("ReserveStock", 0)
        right = {"AcceptOrder": 1, "ReserveStock": reserved, "undone": 1 + reserved} if declined else dict.fromkeys(STEPS, 1)
        if {name: times for name, times in right.items() if times} == dict(done) and status == ("compensated" if declined else "completed"):
            self._report.held("I2")
            self._report.held("I3")
        else:
            self._report.broke("I2", f"order {order} is {status}, declined: {declined}, and its books say {dict(done)}")
