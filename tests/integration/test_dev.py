"""`saga dev` as a developer has it: sagas survive its death, a faulty change stops nothing, one instance a directory."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.integration.kiosk import Dev, dev, saga, write_project

pytestmark = pytest.mark.integration
START = ("start", "sell-paper", "--body", '{"id": "7"}', "--key", "k")


@pytest.fixture
def project() -> Iterator[Path]:
    """The developer's directory. Not below pytest's own, which each run that begins meanwhile closes to others again."""
    with TemporaryDirectory(prefix="saga-kiosk-") as directory:
        yield write_project(Path(directory))


async def gone(process: int) -> None:
    """Wait until no process has this number."""
    async with asyncio.timeout(20):
        while Path(f"/proc/{process}").exists():  # noqa: ASYNC110, ASYNC240 - another process's end; /proc does not block
            await asyncio.sleep(0.02)


def children_of(process: int, command: bytes = b"") -> list[int]:
    """Its children whose command has this word."""
    every = [int(number) for number in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    return [number for number in every if command in Path(f"/proc/{number}/cmdline").read_bytes()]


async def names(running: Dev) -> list[str]:
    """Of the saga's events so far."""
    return [event["name"] for event in (await running.saga("events", "sell-paper:7"))[1]["items"]]


async def until_attempt_failed(running: Dev) -> None:
    """Wait until the deadline of the saga's first attempt has passed, with nobody there to answer."""
    async with asyncio.timeout(30):
        while "StepFailed" not in await names(running):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)


async def test_a_saga_goes_on_by_its_deadline_after_everything_was_killed(project: Path) -> None:
    async with dev(project) as first:
        await first.until("ready")
        assert (await first.saga(*START))[0] == 0
        await until_attempt_failed(first)  # so it was sent, into a broker that keeps it nowhere
        postgres = int((project / ".saga-dev/postgres/data/postmaster.pid").read_text().split()[0])
        processes = [*children_of(first.process.pid), postgres]
        await first.end(signal.SIGKILL)
        await asyncio.gather(*map(gone, processes))
    async with dev(project, "--services", "kiosk.service") as second:
        assert (await second.until("continuing"))["open_sagas"] == 1
        await second.until("ready")
        code, again = await second.saga(*START, "--wait", "30")
        assert (code, again["status"], again["created"]) == (0, "completed", False)
        assert (await names(second))[-2:] == ["StepSucceeded", "SagaCompleted"]
        assert await second.end() == 0
    assert [one["event"] for one in second.heard] == ["servers", "continuing", "place", "loading", "ready"]


async def test_a_faulty_change_stops_nothing_and_its_mend_is_taken(project: Path) -> None:
    sagas = project / "kiosk/sagas.py"
    text = sagas.read_text()
    async with dev(project) as running:
        await running.until("ready")
        sagas.write_text(text.replace('deadline="2s", ', ""))
        (fault,) = (await running.until("faults"))["faults"]
        assert "sagas.py:7" in fault
        assert "deadline" in fault
        assert (await running.saga(*START))[0] == 0
        sagas.write_text(text.replace("def sell(", "def sell_it("))
        assert "version=2" in (await running.until("faults"))["faults"][0]  # another graph under a version that sagas follow
        sagas.write_text(text.replace("version=1", "version=2"))
        await running.until("ready")
        versions = [one["version"] for one in (await running.saga("definitions"))[1]["items"]]
        assert versions == [1, 2]
        assert await running.end() == 0


async def test_a_second_instance_on_the_same_data_is_refused_and_children_that_die_are_started_again(project: Path) -> None:
    async with dev(project) as running:
        await running.until("ready")
        code, said = await saga(project, "dev", "--definitions", "kiosk.sagas", "--port", "0", "--json")
        assert (code, said["code"]) == (2, "configuration")
        assert f"in use by process {running.process.pid}" in said["detail"]
        (coordinator,) = children_of(running.process.pid, b"serve")
        os.kill(coordinator, signal.SIGKILL)
        assert (await running.until("died"))["child"] == "coordinator"
        async with asyncio.timeout(30):
            while (await running.saga("ready"))[0] != 0:
                pass


PRODUCTION = [
    ("dev", "--definitions", "kiosk.sagas"),
    ("demo", "--exit"),
]


@pytest.mark.parametrize("command", PRODUCTION, ids=lambda command: command[0])
async def test_embedded_servers_are_refused_in_production(tmp_path: Path, command: tuple[str, ...]) -> None:
    code, said = await saga(tmp_path, *command, SAGA_ENV="production")
    assert (code, said.count("\n")) == (2, 1)
    assert "SAGA_ENV is production" in said
    assert os.listdir(tmp_path) == []


async def test_a_port_that_is_taken_is_said_before_anything_is_started(project: Path) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        code, said = await saga(project, "dev", "--definitions", "kiosk.sagas", "--port", str(port))
    assert (code, said) == (2, f"saga: --port: somebody listens on {port} already; choose another, 0 for any that is free\n")
    assert not (project / ".saga-dev/postgres").exists()
