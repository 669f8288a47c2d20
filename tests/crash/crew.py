"""The processes of a run as the rung sees them: a nursery that forks, and a line to each child."""

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

BORN_WITHIN = 20.0
ENDS_WITHIN = 20.0
ANSWERS_WITHIN = 10.0


class Process:
    """One child. `ready` and `ended` are set by what it says and by its end, `fired` when the point that was armed last has fired."""

    def __init__(self, name: str, kind: str) -> None:
        self.name = name
        self.kind = kind
        self.pid = 0
        self.born = asyncio.Event()
        self.ready = asyncio.Event()
        self.fired = asyncio.Event()
        self.ended = asyncio.Event()
        self.code: int | None = None
        self.said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._line: asyncio.StreamWriter | None = None
        self._armings = 0

    def tell(self, what: dict[str, Any]) -> None:
        """Ask it for something; a process that has died does not hear."""
        if self._line is not None and not self.ended.is_set():
            self._line.write(json.dumps(what).encode() + b"\n")

    def arm(self, arm: dict[str, Any]) -> None:
        """Arm another point. Why they are numbered: what the one before it says may still be on its way."""
        self._armings += 1
        self.fired.clear()
        self.tell({"do": "arm", "number": self._armings, **arm})

    async def disarm(self, within: float = ANSWERS_WITHIN) -> bool:
        """Take back what was armed last; whether it fired after all. Raises TimeoutError for one that neither fires nor answers.

        Why it waits: what fires after everybody has stopped looking leaves a process dead or stopped, and what follows is not its fault.
        """
        number = str(self._armings)
        self.tell({"do": "disarm", "of": number})
        answer, fired = asyncio.create_task(self.answer("disarmed", number, within)), asyncio.create_task(self.fired.wait())
        await asyncio.wait({answer, fired}, return_when=asyncio.FIRST_COMPLETED)
        fired.cancel()
        if self.fired.is_set() or self.ended.is_set():
            answer.cancel()
            return True
        if answer.result() is None:
            raise TimeoutError(f"{self.name} does not answer")
        return False

    def send(self, number: signal.Signals) -> None:
        """A signal, if it lives."""
        if self.pid and not self.ended.is_set():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def kill(self) -> None:
        """SIGKILL, and wait for the end. Raises TimeoutError if the nursery says nothing about it."""
        async with asyncio.timeout(ENDS_WITHIN):
            await self.born.wait()
            self.send(signal.SIGKILL)
            await self.ended.wait()

    async def answer(self, name: str, of: str = "", within: float = ANSWERS_WITHIN) -> Any:
        """The next thing it says under this name, None if it ends or says nothing in time."""
        waiting = asyncio.create_task(self._next(name, of))
        ending = asyncio.create_task(self.ended.wait())
        await asyncio.wait({waiting, ending}, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if waiting.done():
            return waiting.result()
        waiting.cancel()
        return None

    async def _next(self, name: str, of: str) -> Any:
        while True:
            said = await self.said.get()
            if said.get("of", of) == of and (name in said or "failed" in said):
                return said.get(name)

    def heard(self, what: dict[str, Any]) -> None:
        """Something it said."""
        if "ready" in what:
            self.ready.set()
        elif "fired" in what:
            if what["fired"] == self._armings:
                self.fired.set()
        else:
            self.said.put_nowait(what)

    def connected(self, writer: asyncio.StreamWriter) -> None:
        """Its line is open."""
        self._line = writer
        self.born.set()


class Crew:
    """A nursery and its children. `defect` is planted in all of them."""

    def __init__(self, home: Path, defect: str = "") -> None:
        self._home = home
        self._defect = defect
        self._children: dict[str, Process] = {}
        self._count = 0
        self._nursery: asyncio.subprocess.Process | None = None
        self._server: asyncio.Server | None = None
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Crew":
        self._socket = str(self._home / f"rung-{self._defect or 'sound'}")
        self._server = await asyncio.start_unix_server(self._serve, self._socket)
        with (self._home / "nursery.log").open("ab") as log:
            self._nursery = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.crash.nursery",
                *([self._defect] if self._defect else []),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        assert self._nursery.stdout is not None
        async with asyncio.timeout(60):
            first = await self._nursery.stdout.readline()
        if not first:
            raise RuntimeError(f"the nursery did not start: {(self._home / 'nursery.log').read_text()[-2000:]}")
        self._reading = asyncio.create_task(self._listen(self._nursery.stdout))
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._nursery is not None
        assert self._nursery.stdin is not None
        assert self._server is not None
        assert self._reading is not None
        self._nursery.stdin.close()
        try:
            async with asyncio.timeout(ENDS_WITHIN):
                await self._nursery.wait()
        except TimeoutError:
            self._nursery.kill()
        await self._reading
        self._server.close()

    def spawn(self, kind: str, lane: str, log: Path, **asked: Any) -> Process:
        """A new child; `born`, then `ready`, tell how far it is."""
        self._count += 1
        child = Process(f"{lane}-{kind}-{self._count}", kind)
        self._children[child.name] = child
        assert self._nursery is not None
        assert self._nursery.stdin is not None
        told = {"name": child.name, "kind": kind, "lane": lane, "log": str(log), "rung": self._socket, **asked}
        self._nursery.stdin.write(json.dumps(told).encode() + b"\n")
        return child

    async def _listen(self, lines: asyncio.StreamReader) -> None:
        while line := await lines.readline():
            what = json.loads(line)
            child = self._children[what["name"]]
            if "pid" in what:
                child.pid = what["pid"]
            else:
                child.code = what["ended"]
                child.ended.set()
                child.born.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        child: Process | None = None
        with suppress(ConnectionError):
            while line := await reader.readline():
                what = json.loads(line)
                if child is None:
                    child = self._children[what["name"]]
                    child.connected(writer)
                else:
                    child.heard(what)
        writer.close()
