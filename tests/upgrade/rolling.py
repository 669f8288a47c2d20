"""The releases N-1 (old) and N (new) side by side, under load: forward, back where that is allowed, and forward again.

both replicas and all participants old, schema old
  → schema new, and wider than that, under load        the old release on the new schema and on that of the next (P8)
  → replica 1 new                                      two releases decide the same sagas
  → participants new, one by one, each beside the old  two releases on one barrier
  → replica 1 old again                                the old release reads what the new one wrote
  → replica 2 new (the old one is killed), replica 1 new, replica 2 and a participant old again
  → and forward for the next cycle; at the end everything is new
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from saga.errors import Unavailable
from saga.store.migrate import migrate, packaged, parse
from tests.proof.asking import Budget
from tests.proof.report import Report
from tests.upgrade.checking import check
from tests.upgrade.town import Town, town
from tests.upgrade.tree import Release

NEW_BESIDE_OLD = "replicas of both releases"
OLD_ON_NEW_SCHEMA = "old code on the new schema"
MIXED_PARTICIPANT = "participants of both releases on one barrier"
BACK = "replica back to the old release"
WIDER_SCHEMA = "tables altered under load"
FAULTS = (NEW_BESIDE_OLD, OLD_ON_NEW_SCHEMA, WIDER_SCHEMA, MIXED_PARTICIPANT, BACK)
WIDER = parse(
    "0900_wider.sql",
    "-- breaking: no -- columns that no release reads, as the next one would add them\n"
    + "".join(
        f"alter table saga.{table} add column from_the_future text;\n"
        for table in ("saga_key", "saga_event", "saga", "outbox", "held_record", "dead_letter", "definition", "replica", "audit", "api_key")
    ),
)
ENOUGH = 2  # orders that must end before the next change: both releases have worked then
QUIET = 120.0
ORDERS = 3_000  # more than a run places; they stand in the environment of the participants

Say = Callable[[str], None]


class Roll:
    """One run. `cycles` forward and back; `participants` are those that change their release."""

    def __init__(self, report: Report, town: Town, releases: tuple[Release, Release], budget: Budget, say: Say) -> None:
        self._report, self._town, self._budget, self._say = report, town, budget, say
        self._old, self._new = releases

    async def begin(self) -> None:
        """Everything old."""
        self._migrated(self._old)
        replicas = (self._town.replica(number, self._old) for number in (1, 2))
        await asyncio.gather(*replicas, *(self._town.participant(name, self._old) for name in self._town.application.participants))
        self._say(f"two replicas and four participants of {self._old.name} work")

    async def expand(self) -> None:
        """The new schema under the old code."""
        await self._works("the old release alone")
        names = self._migrated(self._new)
        self._report.tell("migrations", len(names))
        self._say(f"the schema is that of the new release: {', '.join(names) or 'nothing was missing'}")
        names = await migrate(self._town.place.coordinator_dsn, [*packaged(), WIDER])
        self._report.fired(WIDER_SCHEMA, len(names))
        await self._works("the old release on a schema newer than both")
        self._report.fired(OLD_ON_NEW_SCHEMA)

    async def cycle(self, participants: list[str]) -> None:
        """Forward and back, and the other replica too while there is time."""
        await self._replica(1, self._new)
        self._report.fired(NEW_BESIDE_OLD)
        for name in participants:
            await self._participant(name, self._new)
        await self._replica(1, self._old)
        self._report.fired(BACK)
        if not self._budget.over:
            await self._replica(2, self._new, kill=True)
            await self._replica(1, self._new)
            await self._replica(2, self._old)
            self._report.fired(BACK)
            await self._participant(participants[0], self._old)
        self._report.count("cycles")

    async def end(self) -> None:
        """Everything new, and every order ended."""
        for number in (1, 2):
            await self._replica(number, self._new)
        late = [name for name, running in self._town.participants.items() if running.release is not self._new]
        await asyncio.gather(*(self._town.participant(name, self._new) for name in late))
        self._report.count("participants changed", len(late))
        await self._works("everything new")

    async def _replica(self, number: int, release: Release, *, kill: bool = False) -> None:
        await self._town.replica(number, release, kill=kill)
        await self._works(f"replica {number} of {release.name}")

    async def _participant(self, name: str, release: Release) -> None:
        await self._town.participant(name, release)
        self._report.fired(MIXED_PARTICIPANT)
        self._report.count("participants changed")
        await self._works(f"{name} of {release.name}")

    async def _works(self, what: str) -> None:
        """Orders go on ending, whatever was changed."""
        went_on = await self._town.moves_on(ENOUGH)
        self._report.count("changes")
        if went_on:
            self._report.held("I2")
        else:
            self._report.broke("I2", f"with {what} no order ended for a minute\n{self._town.last_words()}")
        self._say(f"{what}: orders {'go on' if went_on else 'STAND STILL'}, {self._town.placed} placed, {self._budget.spent:.0f} s")

    def _migrated(self, release: Release) -> list[str]:
        done = release.run(("-m", "saga", "migrate", "--json"), self._town.settings())
        if done.returncode:
            raise Unavailable("migrate", done.stderr[-1000:] or done.stdout[-1000:])
        return [word.strip('",') for word in done.stdout.split() if word.strip('",')[:4].isdigit()]


@dataclass(frozen=True, slots=True)
class Wish:
    """How much: cycles forward and back, participants that change in each of them, seconds from one order to the next."""

    cycles: int = 1
    participants: int = 2
    every: float = 0.1


async def roll(report: Report, releases: tuple[Release, Release], home: Path, budget: Budget, say: Say, wish: Wish) -> None:
    """The whole run and its judgement."""
    report.enable(*FAULTS)
    async with town(home, ORDERS, report.seed, say) as there:
        there.current = releases[1]
        rolling = Roll(report, there, releases, budget, say)
        await rolling.begin()
        stop = asyncio.Event()
        ordering = asyncio.create_task(there.order(stop, wish.every))
        try:
            await rolling.expand()
            names = list(there.application.participants)
            for number in range(wish.cycles):
                if number and budget.over:
                    break
                await rolling.cycle([names[(number + n) % len(names)] for n in range(wish.participants)])
            await rolling.end()
        finally:
            stop.set()
            await ordering
        left = await there.until_ended(QUIET)
        say(f"{there.placed} orders placed, {left} have not ended")
        report.tell("older processes begun again", there.begun_again)
        await check(report, there, left)
        for release in releases:
            replayed = release.run(("-m", "saga", "replay", "--check"), there.settings())
            story = f"replay by {release.name}: {(replayed.stdout + replayed.stderr)[-500:]}"
            report.broke("I8", story) if replayed.returncode else report.held("I8", there.placed)
