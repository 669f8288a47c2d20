"""Child processes of a demonstration: started with an environment, their output in a file each, and gone when the parent is gone."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from saga.errors import Unavailable

STOP_WITHIN = 10.0
_PR_SET_PDEATHSIG = 1


@dataclass(slots=True)
class Child:
    """A process of ours. `name` is for people, `log` is where its output goes."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    process: asyncio.subprocess.Process | None = field(default=None)

    async def start(self) -> None:
        """Start it. Linux ends it with its parent, however the parent ends."""
        with self.log.open("ab") as out:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                *self.arguments,
                env={**os.environ, **self.environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.returncode is None

    def kill(self) -> None:
        """SIGKILL: no chance to tidy up."""
        if self.process is not None and self.alive:
            self.process.kill()

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL after ten seconds."""
        if self.process is None or not self.alive:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            async with asyncio.timeout(STOP_WITHIN):
                await self.process.wait()
        except TimeoutError:
            self.kill()
            await self.process.wait()

    def last_words(self, lines: int = 15) -> str:
        """The end of its output."""
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return ""


async def wait_until(ready: Callable[[], "asyncio.Future[bool] | object"], what: str, seconds: float, children: Sequence[Child]) -> None:
    """Ask `ready` (a coroutine function) until it says yes. Raises Unavailable with the last words of a child that died meanwhile."""
    try:
        async with asyncio.timeout(seconds):
            while not await ready():  # type: ignore[misc]
                for child in children:
                    if not child.alive:
                        raise Unavailable(child.name, f"it ended while starting:\n{child.last_words()}")
                await asyncio.sleep(0.05)
    except TimeoutError:
        words = "\n".join(f"--- {child.name}\n{child.last_words()}" for child in children)
        raise Unavailable(what, f"not ready within {seconds:.0f} s\n{words}") from None


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
