"""Random walks through the inventory service: whatever is reserved, released, expired, shipped, in any order and twice, nothing is lost."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from contracts.inventory import ReleaseStock, ReserveStock, ShipOut
from contracts.values import Line
from saga.sdk.testing import Bench
from services.inventory.app import sums
from tests.integration.services_bench import Opened, change, sweep, warehouses

pytestmark = pytest.mark.integration

STEPS = 80
_TWICE = """
select count(*) from (
    select do_id, warehouse, sku, case when effect in ('released', 'expired') then 'put back' else effect end
    from ledger where effect <> 'out-of-stock' group by 1, 2, 3, 4 having count(*) > 1) twice
"""
_LINES = """
select count(*) from (
    select warehouse, sku, sum(quantity) as reserved from reservation_line join reservation using (reservation_id)
    where state = 'reserved' group by warehouse, sku) lines
full join (select warehouse, sku, reserved from stock where reserved > 0) stock using (warehouse, sku)
where lines.reserved is distinct from stock.reserved
"""


@dataclass(slots=True)
class Walk:
    """One walk. `kept` are reservations by their do, `shipped` and `released` what the service has said of them."""

    opened: Opened
    bench: Bench
    chance: random.Random
    kept: dict[str, str] = field(default_factory=dict)
    shipped: set[str] = field(default_factory=set)
    released: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)

    async def step(self) -> None:
        moves: list[Callable[[], Awaitable[None]]] = [self.reserve, self.reserve, self.release, self.ship, self.expire]
        await self.chance.choice(moves)()

    async def reserve(self) -> None:
        do = f"do-{self.chance.randint(1, 25)}"
        lines = tuple(Line(sku=sku, quantity=len(do) - 2 + ord(do[-1]) % 4) for sku in ("ab", "a", "b")[ord(do[-1]) % 3])
        said = await self.bench.do(ReserveStock(order_id=do, lines=lines), id=do)
        if said.outcome == "succeeded":
            assert do not in self.released
            self.kept.setdefault(do, said.body["reservation_id"])
            assert self.kept[do] == said.body["reservation_id"]

    async def release(self) -> None:
        for do in self.some():
            said = await self.bench.undo(do, ReleaseStock(order_id=do), id=f"undo {do}")
            assert said.outcome == ("refused" if do in self.shipped else "succeeded")
            self.released |= {do} - self.shipped

    async def ship(self) -> None:
        for do in self.some():
            command = ShipOut(order_id=do, reservation_id=self.kept[do], tracking_number="1Z")
            said = await self.bench.do(command, id=f"out {do} {self.chance.randint(1, 3)}")
            self.seen.add(said.code or said.outcome)
            if said.outcome == "succeeded":
                assert do not in self.released
                self.shipped.add(do)

    async def expire(self) -> None:
        of = self.chance.choice(("1", "2", "3"))
        await change(self.bench, f"update reservation set expires_at = clock_timestamp() where do_id like '%{of}'")
        if await sweep(self.opened, self.bench):
            self.seen.add("expired something")

    def some(self) -> list[str]:
        return [self.chance.choice(sorted(self.kept))] if self.kept else []

    async def check(self) -> None:
        async with self.bench.database.reading() as db:
            assert [each for each in await sums(db) if not each.good] == []
            assert await db.fetchval(_TWICE) == 0
            assert await db.fetchval(_LINES) == 0
            assert await db.fetchval("select min(least(on_hand, reserved, shipped, on_hand - reserved)) from stock") >= 0


@pytest.mark.parametrize("seed", range(6))
async def test_no_piece_is_lost_or_sold_twice_on_any_walk(postgres_dsn: str, seed: int) -> None:  # I3 I12
    opened = warehouses(postgres_dsn, north={"a": 9, "b": 5}, south={"a": 6, "b": 9}, west={"a": 4})
    async with opened as bench:
        walk = Walk(opened, bench, random.Random(seed))
        for _ in range(STEPS):
            await walk.step()
            await walk.check()

        assert {"expired something", "succeeded"} <= walk.seen
        assert walk.shipped
