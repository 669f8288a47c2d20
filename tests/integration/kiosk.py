"""A project of a developer: a saga of one pivot and the service that it asks, as files, and `saga dev` on them."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

WORDS = """
from saga import Command, DomainEvent, Reply

class Asked(DomainEvent, by="street"):
    id: str

class Sold(Reply, by="kiosk"):
    id: str

class Sell(Command[Sold], to="kiosk"):
    id: str
"""
SAGAS = """
from kiosk.words import Asked, Sell
from saga import Retry, Saga

sell_paper = Saga("sell-paper", version=1, starts_on=Asked, key=lambda asked: asked.id, owner="kiosk")

@sell_paper.pivot(deadline="2s", retry=Retry(attempts=30, first="200ms", cap="1s"))
def sell(asked: Asked) -> Sell:
    return Sell(id=asked.id)
"""
SERVICE = """
from kiosk.words import Sell, Sold
from saga.sdk import Participant, Transaction
from saga.sdk.http import base_app
from saga.sdk.serve import main
from saga.sdk.service import Parts

kiosk = Participant("kiosk")

@kiosk.handles(Sell)
async def sell(command: Sell, db: Transaction) -> Sold:
    return Sold(id=command.id)

if __name__ == "__main__":
    raise SystemExit(main(lambda settings: Parts(kiosk), base_app))
"""


def write_project(directory: Path) -> Path:
    """The package `kiosk` in an empty directory, which everybody may enter: as root, Postgres runs as another user."""
    directory.chmod(0o755)
    package = directory / "kiosk"
    package.mkdir()
    for name, text in (("__init__", ""), ("words", WORDS), ("sagas", SAGAS), ("service", SERVICE)):
        (package / f"{name}.py").write_text(text)
    return directory


class Dev:
    """`saga dev --json` in a project."""

    def __init__(self, process: asyncio.subprocess.Process, directory: Path) -> None:
        self.process = process
        self.directory = directory
        self.heard: list[dict[str, Any]] = []

    async def until(self, event: str, seconds: float = 60) -> dict[str, Any]:
        """The next event of this name."""
        assert self.process.stdout is not None
        async with asyncio.timeout(seconds):
            while line := await self.process.stdout.readline():
                self.heard.append(json.loads(line))
                if self.heard[-1]["event"] == event:
                    return self.heard[-1]
        raise AssertionError(f"it ended without {event}: {self.heard} {await self.errors()}")

    async def errors(self) -> str:
        """What it said on stderr, once it has ended."""
        assert self.process.stderr is not None
        return (await self.process.stderr.read()).decode()

    async def end(self, how: signal.Signals = signal.SIGINT) -> int:
        """Its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(how)
        return await asyncio.wait_for(self.process.wait(), 40)

    async def saga(self, *arguments: str) -> tuple[int, Any]:
        """`saga ... --json` over REST in another terminal: exit code and document."""
        place = next(one for one in self.heard if one["event"] == "place")
        return await saga(self.directory, *arguments, "--json", SAGA_URL=place["url"])


async def saga(directory: Path, *arguments: str, **environment: str) -> tuple[int, Any]:
    """`saga ...` in this directory: exit code, and the document or text that it wrote."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "saga", *arguments, cwd=directory, env={**os.environ, **environment}, stdout=PIPE, stderr=PIPE
    )
    out, err = await process.communicate()
    return process.returncode or 0, json.loads(out or err) if "--json" in arguments else (out + err).decode()


@asynccontextmanager
async def dev(directory: Path, *options: str) -> AsyncIterator[Dev]:
    """Run it until the end of the block."""
    command = ("-m", "saga", "dev", "--definitions", "kiosk.sagas", "--port", "0", "--json", *options)
    process = await asyncio.create_subprocess_exec(sys.executable, *command, cwd=directory, stdout=PIPE, stderr=PIPE)
    running = Dev(process, directory)
    try:
        yield running
    finally:
        await running.end()
