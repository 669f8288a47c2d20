"""Starts the participant in Node.js as a process, and looks into its database."""

import asyncio
import os
import shutil
import subprocess
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

HERE = Path(__file__).with_name("node")
START_WITHIN = 40.0


@cache
def prepared() -> Path:
    """Its folder, with what package-lock.json says installed. Raises AssertionError without node and npm: no test is left out."""
    assert None not in (shutil.which("node"), shutil.which("npm")), "node and npm are needed"
    installed, locked = HERE / "node_modules" / ".package-lock.json", HERE / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < locked.stat().st_mtime:
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=HERE, check=True, capture_output=True, timeout=100)
    return HERE


class Loyalty:
    """The process. `stop` ends it as a deployment would, `kill` as a power cut would."""

    def __init__(self, dsn: str, bootstrap: str, mode: str = "binary") -> None:
        self._environment = {**os.environ, "LOYALTY_POSTGRES": dsn, "LOYALTY_KAFKA": bootstrap, "LOYALTY_MODE": mode}
        self._process: Process | None = None

    async def start(self) -> None:
        """Start it, and wait until it has its partitions."""
        self._process = await asyncio.create_subprocess_exec("node", "main.js", cwd=prepared(), env=self._environment, stdout=PIPE)
        assert self._process.stdout is not None
        async with asyncio.timeout(START_WITHIN):
            assert await self._process.stdout.readline() == b"ready\n"

    async def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.kill()
        await self._process.communicate()

    async def stop(self) -> None:
        """SIGTERM; the process ends by itself."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.terminate()
            async with asyncio.timeout(15):
                await self._process.communicate()


@asynccontextmanager
async def running(dsn: str, bootstrap: str, mode: str = "binary") -> AsyncIterator[Loyalty]:
    loyalty = Loyalty(dsn, bootstrap, mode)
    await loyalty.start()
    try:
        yield loyalty
    finally:
        await loyalty.stop()
