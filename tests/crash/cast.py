"""Who acts in a lane: a coordinator and a participant, started again when they have died, and what a client asks of them."""

import asyncio
import signal
from pathlib import Path
from typing import Any

from tests.crash.crew import Crew, Process
from tests.crash.ground import Ground, body_of
from tests.crash.shapes import Shape

READY_WITHIN = 60.0
KINDS = ("coordinator", "participant")


class Cast:
    """The processes of one lane."""

    def __init__(self, crew: Crew, ground: Ground, log: Path) -> None:
        self._crew, self._ground, self._log = crew, ground, log
        self._now: dict[str, Process] = {}

    def of(self, kind: str) -> Process:
        """The one that plays this part now."""
        return self._now[kind]

    def replace(self, kind: str, **asked: Any) -> Process:
        """Another one plays this part from now on."""
        self._now[kind] = self.spawn(kind, **asked)
        return self._now[kind]

    def spawn(self, kind: str, instance: str | None = None, **asked: Any) -> Process:
        """One more process. With `instance` empty it is a member of the group that nobody knows yet."""
        ground = self._ground
        static = f"{ground.name}-{kind}" if instance is None else instance
        return self._crew.spawn(kind, ground.name, self._log, kafka=ground.bootstrap, instance=static, **ground.dsns, **asked)

    async def up(self, but: str = "") -> None:
        """Everybody is up, except for one that is about to be started."""
        for kind in KINDS:
            process = self._now.get(kind)
            if kind == but:
                if process is not None:
                    await process.kill()
            elif process is None or process.ended.is_set():
                self.replace(kind)
        await self.ready(*(self.of(kind) for kind in KINDS if kind != but))

    def ask_for_stacks(self) -> None:
        """Everybody writes into the log where its tasks stand."""
        for process in self._now.values():
            process.send(signal.SIGUSR1)

    async def leave(self) -> None:
        """Everybody is gone."""
        for process in self._now.values():
            await process.kill()

    async def ready(self, *processes: Process) -> None:
        """Until these are. Raises TimeoutError."""
        for process in processes:
            try:
                async with asyncio.timeout(READY_WITHIN):
                    await process.ready.wait()
            except TimeoutError:
                raise TimeoutError(f"{process.name} was not ready after {READY_WITHIN:.0f} s") from None

    async def rebuilt(self) -> None:
        """A rebuild of the projection, to its end."""
        await self.spawn("replay").ended.wait()

    async def ask(self, shape: Shape, key: str) -> None:
        """Start the saga, and act on it if the story says so; again and again until it is acknowledged."""
        saga = ""
        if shape.by_request:
            saga = await self._insist(act="start", definition=shape.definition, body=body_of(shape, key), of=f"start {key}")
        else:
            await self._ground.place(shape, key)
        if shape.act:
            await self._has_failed(shape, key)
            await self._insist(act=shape.act, saga=saga, of=f"{shape.act} {key}")

    async def _insist(self, of: str, **what: Any) -> Any:
        """As a client that asks again on any doubt, under the same request id."""
        while True:
            process = self.of("coordinator")
            process.tell({"do": "act", "of": of, **what})
            done = await process.answer("acted", of, within=5)
            if done is not None:
                return done
            await asyncio.sleep(0.1)

    async def _has_failed(self, shape: Shape, key: str) -> None:
        """Until an attempt has been answered `failed`: the saga waits between two attempts then, and there is time to act."""
        while True:
            story = await self._ground.story(shape, key)
            if any(type(event).__name__ == "StepFailed" for event in story.events):
                return
            await asyncio.sleep(0.05)
