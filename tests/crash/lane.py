"""A lane: databases, topics, a coordinator and a participant of its own. Cases of a lane follow each other; lanes run side by side.

case:  everybody is up → the point is armed → the saga is started → the process dies, stops, or loses its network → a look, at once
       → it is started again → quiescence, with a look now and then → the judge
"""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from time import monotonic

from tests.crash.cases import Case, Point, points_of
from tests.crash.cast import KINDS, Cast
from tests.crash.crew import Process
from tests.crash.ground import Ground
from tests.crash.judge import judge
from tests.crash.outcome import Outcome
from tests.crash.shapes import SHAPES, Shape

FIRES_WITHIN = 12.0
ASKED_WITHIN = 60.0
TAKEOVER = 3.0
CASE_WITHIN = 200.0
NOT_AT_REST = "it did not come to rest"


class Lane:
    """One of several. One that hunts for a defect has seen enough with the first fault, and waits for nothing after it."""

    def __init__(self, ground: Ground, cast: Cast, *, hunts: bool = False) -> None:
        self._ground = ground
        self._cast = cast
        self._hunts = hunts
        self._before = "the dry runs"

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Lane"]:
        """Databases and topics, and everybody has been up in them: whoever looks finds tables. At the end all processes are gone."""
        async with self._ground.open():
            try:
                await self._cast.up()
                yield self
            finally:
                await self._cast.leave()

    async def dry_run(self, shape: Shape) -> tuple[list[Point], Outcome]:
        """The story without a crash: the places that it passed, and whether even that went wrong."""
        await self._cast.leave()
        both = [self._cast.replace(kind, record=True) for kind in KINDS]
        await self._cast.ready(*both)
        points = [point for process in both for point in await self._recorded(process, "start")]
        for process in both:
            process.tell({"do": "record"})
        outcome, key = Outcome(f"{shape.name}, no crash"), self._ground.key(shape)
        await self._cast.ask(shape, key)
        await self._rest(shape, key, outcome)
        points += [point for process in both for point in await self._recorded(process, "run")]
        await self._judge(shape, key, outcome)
        return points + await self._dry_rebuild(), outcome

    async def run(self, case: Case) -> Outcome:
        """One crash, and what came of it."""
        began, outcome, shape = monotonic(), Outcome(str(case)), SHAPES[case.shape]
        key = self._ground.key(shape)
        play = self._rebuild_case if case.point.kind == "replay" else self._saga_case
        try:
            async with asyncio.timeout(CASE_WITHIN):
                await play(case, shape, key, outcome)
        except TimeoutError as error:
            outcome.check("I2", [str(error) or f"the case had not ended after {CASE_WITHIN:.0f} s: {await self._ground.unrest(key)}"])
        outcome.seconds = monotonic() - began
        outcome.faults = [(name, f"{story} (before it in this lane: {self._before})") for name, story in outcome.faults]
        self._before = str(case)
        return outcome

    async def _saga_case(self, case: Case, shape: Shape, key: str, outcome: Outcome) -> None:
        starting = case.point.phase == "start"
        await self._cast.up(but=case.point.kind if starting else "")
        if starting:
            subject = self._cast.replace(case.point.kind, arm=case.arm)
        else:
            subject = self._cast.of(case.point.kind)
            subject.arm(case.arm)
        asking = asyncio.create_task(self._cast.ask(shape, key))
        try:
            await self._until_fired(subject, shape, key, outcome)
            if outcome.fired:
                await self._crash(case, subject, shape, key, outcome)
            async with asyncio.timeout(ASKED_WITHIN):
                await asking
        except TimeoutError as error:
            outcome.check("I2", [str(error) or f"the client has no answer after {ASKED_WITHIN:.0f} s"])
        finally:
            asking.cancel()
        await self._rest(shape, key, outcome)
        await self._judge(shape, key, outcome)

    async def _until_fired(self, subject: Process, shape: Shape, key: str, outcome: Outcome) -> None:
        """Until the point fires, or the saga has come to rest without it and nothing that recurs has fired it either."""
        fired = asyncio.create_task(subject.fired.wait())
        resting = asyncio.create_task(self._ground.quiet(shape, key))
        done, _ = await asyncio.wait({fired, resting}, timeout=FIRES_WITHIN, return_when=asyncio.FIRST_COMPLETED)
        if fired not in done:
            await asyncio.wait({fired}, timeout=1.0)
        for task in (fired, resting):
            task.cancel()
        await asyncio.gather(fired, resting, return_exceptions=True)
        outcome.fired = subject.fired.is_set() or await subject.disarm()

    async def _crash(self, case: Case, subject: Process, shape: Shape, key: str, outcome: Outcome) -> None:
        """What the rest of the world does about it."""
        if case.mode in ("before", "after"):
            await subject.ended.wait()
            outcome.check("I21", [f"it ended with {subject.code} and not by SIGKILL"] if subject.code != -signal.SIGKILL else [])
            outcome.kills += 1
            await self._ground.look(shape, key, outcome)
            await self._cast.ready(self._cast.replace(case.point.kind))
        elif case.mode == "pause":
            await self._take_over(subject, shape, key)

    async def _take_over(self, subject: Process, shape: Shape, key: str) -> None:
        """Another one does the work while the first is stopped; then both are there; then the newer one leaves in order."""
        rival = self._cast.spawn(subject.kind, instance="")
        with suppress(TimeoutError):
            async with asyncio.timeout(TAKEOVER):
                await rival.ready.wait()
                await self._ground.quiet(shape, key)
        subject.send(signal.SIGCONT)
        with suppress(TimeoutError):
            await self._ground.quiet(shape, key)
        rival.tell({"do": "stop"})
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRES_WITHIN):
                await rival.ended.wait()
        await rival.kill()

    async def _rebuild_case(self, case: Case, shape: Shape, key: str, outcome: Outcome) -> None:
        """Rows are lost while a saga runs; a rebuild dies; the next one ends what it began, and adds nothing to any topic (I9)."""
        await self._cast.up()
        await self._cast.ask(shape, key)
        await self._ground.lose_rows()
        subject = self._cast.spawn("replay", arm=case.arm)
        waits = [asyncio.create_task(event.wait()) for event in (subject.fired, subject.ended)]
        await asyncio.wait(waits, timeout=FIRES_WITHIN, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait(waits[:1], timeout=0.2)
        outcome.fired = subject.fired.is_set()
        outcome.kills += case.mode in ("before", "after") and outcome.fired
        for wait in waits:
            wait.cancel()
        await self._cast.rebuilt()
        subject.send(signal.SIGCONT)
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRES_WITHIN):
                await subject.ended.wait()
        await subject.kill()
        await self._cast.rebuilt()
        await self._rest(shape, key, outcome)
        await self._adds_nothing(outcome)
        await self._judge(shape, key, outcome)

    async def _adds_nothing(self, outcome: Outcome) -> None:
        before = await self._ground.topics.ends()
        await self._ground.lose_rows()
        await self._cast.rebuilt()
        after = await self._ground.topics.ends()
        outcome.check("I9", [f"a rebuild at rest added records: {before} → {after}"] if after != before else [])

    async def _dry_rebuild(self) -> list[Point]:
        await self._ground.lose_rows()
        process = self._cast.spawn("replay", record=True)
        counts = await process.answer("counts") or ()
        await process.ended.wait()
        return points_of("replay", "run", counts)

    async def _recorded(self, process: Process, phase: str) -> list[Point]:
        process.tell({"do": "counts"})
        return points_of(process.kind, phase, await process.answer("counts") or ())

    async def _rest(self, shape: Shape, key: str, outcome: Outcome) -> None:
        try:
            await self._ground.quiet(shape, key, outcome, until_broken=self._hunts)
        except TimeoutError:
            self._cast.ask_for_stacks()
            outcome.check("I2", [f"{NOT_AT_REST}: {await self._ground.unrest(key)}"])

    async def _judge(self, shape: Shape, key: str, outcome: Outcome) -> None:
        """Why it may look again: a request that its client has given up may reach a broker late, and its copies are answered in turn."""
        evidence = await self._ground.evidence(shape, key)
        if not evidence.is_quiet:
            await self._rest(shape, key, outcome)
            evidence = await self._ground.evidence(shape, key)
        for name, faults in judge(evidence):
            outcome.check(name, faults)
