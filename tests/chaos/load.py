"""The customers, the person who cancels, and the operator who tries parked sagas again: all through REST, all repeat until they know."""

import asyncio
import contextlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle
from time import monotonic
from typing import Any

import asyncpg
import httpx2

from saga.store.sqlstate import DRIVER_ERRORS
from services.demo.orders import DemoOrder
from tests.chaos.cluster import COORDINATORS, Cluster

DIRECT = 0.3  # share of orders that start by REST at a coordinator; the others are placed at the order service
PATIENCE = 45.0
OPERATOR_EVERY = 3.0
LOOK_EVERY = 1.0
AT_REST = "(ended or status in ('parked', 'paused'))"
_AT_REST = f"select count(*) from saga.saga where {AT_REST}"


@dataclass
class Told:
    """What the clients were told. `started` by order id: when it was acknowledged. `acts` by idempotency key: act, saga id, status."""

    placed: dict[str, DemoOrder] = field(default_factory=dict)
    started: dict[str, datetime] = field(default_factory=dict)
    acts: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    reads: int = 0
    went_back: list[str] = field(default_factory=list)
    server_errors: int = 0


class Load:
    """`rate` orders a second, as long as `run` is not cancelled and orders are left. While `most` are under way none is placed.

    Why held back: a machine that is slower than its load shows nothing but deadlines that pass, and spends its time on undoing.
    """

    def __init__(self, cluster: Cluster, rate: float, most: int, seed: int) -> None:
        self._cluster = cluster
        self._rate = rate
        self._most = most
        self._chance = random.Random(f"load {seed}")
        self._coordinators: Iterator[str] = cycle(COORDINATORS)
        self._orders: Iterator[str] = cycle(("order-1", "order-2"))
        self._client = httpx2.AsyncClient(timeout=5, trust_env=False)
        self.told = Told()
        self.under_way = 0
        self.running: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Place orders at an even pace; whoever is slow to be answered holds nobody else up."""
        due = monotonic()
        for order in self._cluster.bank.orders:
            await asyncio.sleep(max(0.0, due - monotonic()))
            while self.under_way >= self._most:  # noqa: ASYNC110 - the database has no event to wait for
                await asyncio.sleep(0.1)
            due = max(due, monotonic() - 1) + 1 / self._rate
            self.under_way += 1
            self._spawn(self._customer(order, direct=self._chance.random() < DIRECT, waits=self._chance.uniform(0, 2)))

    async def count(self) -> None:
        """Look how many of those that were placed have not come to rest; for ever. While the database is away it is as it was."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            placed = len(self.told.placed)
            with contextlib.suppress(*DRIVER_ERRORS):
                connection = await asyncpg.connect(self._cluster.pair.dsn("coordinator"), timeout=5)
                try:
                    self.under_way = placed - int(await connection.fetchval(_AT_REST))
                finally:
                    await connection.close()

    async def operator(self) -> None:
        """Every few seconds: try again whatever is parked; for ever."""
        for number in range(1_000_000):
            await asyncio.sleep(OPERATOR_EVERY)
            with contextlib.suppress(httpx2.HTTPError, KeyError, ValueError):
                found = (await self._ask("GET", "/v1/sagas", params={"status": "parked", "limit": "50"})).json()["items"]
                for row in found:
                    for step in row["parked_steps"]:
                        await self._act("retry", row["saga_id"], f"retry-{number}-{row['saga_id']}", {"step": step})

    async def reader(self) -> None:
        """Looks at sagas through one coordinator after another; a version that goes back is a fault (I14); for ever."""
        while True:
            await asyncio.sleep(0.5)
            with contextlib.suppress(httpx2.HTTPError, KeyError, ValueError):
                for row in (await self._ask("GET", "/v1/sagas", params={"limit": "20"})).json()["items"]:
                    self._look(row)

    async def finish(self) -> None:
        """Wait for every customer to be answered, or to give up."""
        while self.running:
            await asyncio.wait(self.running)

    async def close(self) -> None:
        """Nobody asks any more."""
        await self._client.aclose()

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self.running.add(task)
        task.add_done_callback(self.running.discard)

    async def _customer(self, order: DemoOrder, *, direct: bool, waits: float) -> None:
        self.told.placed[order.order_id] = order
        body, until = self._cluster.bank.body(order), monotonic() + PATIENCE
        while monotonic() < until:
            with contextlib.suppress(httpx2.HTTPError):
                if direct:
                    key = {"Idempotency-Key": order.order_id}
                    answer = await self._ask("POST", "/v1/definitions/fulfil-order/sagas", json=body, headers=key)
                else:
                    url = self._cluster.urls[next(self._orders)]
                    answer = await self._client.post(f"{url}/orders", json=body)
                if answer.status_code < 300:
                    self.told.started[order.order_id] = datetime.now(UTC)
                    break
                if answer.status_code < 500:
                    raise AssertionError(f"{order.order_id} was answered {answer.status_code}: {answer.text[:300]}")
            await asyncio.sleep(0.2)
        if order.kind == "cancelled":
            await asyncio.sleep(waits)
            await self._cancel(order.order_id)

    async def _cancel(self, key: str) -> None:
        until = monotonic() + PATIENCE
        while monotonic() < until:
            with contextlib.suppress(httpx2.HTTPError, KeyError, IndexError, ValueError):
                row = (await self._ask("GET", "/v1/sagas", params={"key": key})).json()["items"][0]
                await self._act("cancel", row["saga_id"], f"cancel-{key}", {})
                return
            await asyncio.sleep(0.3)

    async def _act(self, verb: str, saga_id: str, key: str, body: dict[str, Any]) -> None:
        until = monotonic() + PATIENCE
        headers = {"Idempotency-Key": key, "X-Actor": "chaos"}
        while monotonic() < until:
            with contextlib.suppress(httpx2.HTTPError):
                answer = await self._ask("POST", f"/v1/sagas/{saga_id}/{verb}", json={"reason": "chaos", **body}, headers=headers)
                if answer.status_code < 500:
                    self.told.acts[key] = (verb, saga_id, answer.status_code)
                    return
            await asyncio.sleep(0.3)

    async def _ask(self, method: str, path: str, **more: Any) -> httpx2.Response:
        answer = await self._client.request(method, self._cluster.urls[next(self._coordinators)] + path, **more)
        self.told.server_errors += answer.status_code == 500
        return answer

    def _look(self, row: dict[str, Any]) -> None:
        known, now = self.told.versions.get(row["saga_id"], 0), int(row["version"])
        self.told.reads += 1
        if now < known:
            self.told.went_back.append(f"saga {row['saga_id']} was at {known} and is at {now}")
        self.told.versions[row["saga_id"]] = max(known, now)
