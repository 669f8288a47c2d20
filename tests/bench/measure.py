"""One run on a stage: a warm-up that does not count, a window that does, and the verdict on what the run left behind."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tests.bench.stage import Moment, Stage, Wanted, stage

BEGIN, END = 0.2, 0.95  # of the orders: before, everything warms up; after, the last are waited for
FEWEST = 20


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run showed. Rates a second, CPU in seconds per 1,000 sagas by process, bytes a saga, latencies in seconds, sorted."""

    sagas: int
    seconds: float
    cpu: dict[str, float]
    wal: float
    tables: float
    latencies: Sequence[float]
    repeated: int
    faults: tuple[str, ...]

    @property
    def rate(self) -> float:
        """Sagas completed a second."""
        return self.sagas / self.seconds

    @property
    def cpu_in_all(self) -> float:
        """CPU seconds per 1,000 sagas of all processes together."""
        return sum(self.cpu.values())

    @property
    def cores(self) -> float:
        """How many cores were busy with it."""
        return self.cpu_in_all * self.rate / 1000

    def latency(self, share: float) -> float:
        """The latency that so many stay below, in milliseconds."""
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))] * 1000


class Played(Protocol):
    """Somebody who plays orders and tells how far it is: the coordinator's stage, or a peer's."""

    said: dict[str, Any]
    latencies: list[float]

    def play(self) -> AsyncIterator[dict[str, Any]]:
        """What is said twice a second, to the last word."""

    async def moment(self) -> Moment:
        """What was used until now."""

    async def faults(self) -> Sequence[str]:
        """What is wrong with the results, once it is over."""


Beside = Callable[[Stage, int], Awaitable[None]]
"""What happens beside a run, told after each word how many sagas have ended."""


async def measure(wanted: Wanted, beside: Beside | None = None) -> Measured:
    """Play it and judge it. Raises TimeoutError when sagas stop ending."""
    async with stage(wanted) as here:
        return await measured(here, wanted.orders, None if beside is None else lambda ended: beside(here, ended), warm=wanted.warm)


async def measured(here: Played, orders: int, beside: Callable[[int], Awaitable[None]] | None = None, *, warm: int = 0) -> Measured:
    """Play what stands there, and judge it. The first `warm` orders belong to the warm-up, whatever their share."""
    first: Moment | None = None
    last: Moment | None = None
    skipped = until = 0
    async for said in here.play():
        if beside is not None:
            await beside(said["ended"])
        if first is None and said["ended"] >= warm + max(FEWEST, BEGIN * (orders - warm)):
            first, skipped = await here.moment(), len(here.latencies)
        elif first is not None and said["ended"] > first.ended and said["ended"] <= max(warm + END * (orders - warm), first.ended + 1):
            last, until = await here.moment(), len(here.latencies)
    faults = await here.faults()
    if first is None or last is None:
        raise ValueError(f"{orders} orders are too few to measure anything")
    sagas = last.ended - first.ended
    return Measured(
        sagas=sagas,
        seconds=last.at - first.at,
        cpu={name: (last.cpu[name] - used) / sagas * 1000 for name, used in first.cpu.items()},
        wal=(last.wal - first.wal) / sagas,
        tables=(last.tables - first.tables) / sagas,
        latencies=sorted(here.latencies[skipped:until]),
        repeated=here.said["repeated"],
        faults=tuple(faults),
    )
