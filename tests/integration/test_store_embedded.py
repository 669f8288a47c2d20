"""The embedded server: it ends with its parent, however that ends, and keeps its data where it was told to."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import asyncpg
import pytest

from saga.embedded.postgres import EmbeddedPostgres
from saga.errors import Unavailable

pytestmark = pytest.mark.integration
PARENT = """
import sys, time
from saga.embedded.postgres import EmbeddedPostgres
with EmbeddedPostgres() as server:
    print(server.pid, server.dsn(), flush=True)
    time.sleep(100)
"""


async def gone(path: Path) -> None:
    """Wait until this does not exist any more."""
    async with asyncio.timeout(20):
        while await asyncio.to_thread(path.exists):  # noqa: ASYNC110 -- it has a limit
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_the_server_ends_when_its_parent_is_killed(how: signal.Signals) -> None:
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", PARENT, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    line = await asyncio.wait_for(parent.stdout.readline(), 30)
    pid, dsn = line.decode().split()
    directory = Path(os.readlink(f"/proc/{pid}/cwd"))
    parent.send_signal(how)
    await parent.wait()
    await gone(Path(f"/proc/{pid}"))
    with pytest.raises(OSError):
        await asyncpg.connect(dsn, timeout=2)
    await gone(directory)


async def test_data_in_a_given_directory_is_there_after_a_restart(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)  # as root the server runs as another user, who must be able to get there
    async with EmbeddedPostgres(directory) as server:
        connection = await asyncpg.connect(await server.create_database("shop"))
        await connection.execute("create table kept as select 42 as answer")
        await connection.close()
    async with EmbeddedPostgres(directory) as server:
        connection = await asyncpg.connect(await server.create_database("shop"))
        assert await connection.fetchval("select answer from kept") == 42
        await connection.close()
        with pytest.raises(Unavailable, match="did not start"):
            EmbeddedPostgres(directory).start()
        assert server.pid > 0


def test_a_stopped_server_says_that_it_does_not_run() -> None:
    server = EmbeddedPostgres(settings={"max_connections": "20"})
    server.start()
    pid = server.pid
    server.stop()
    server.stop()
    with pytest.raises(Unavailable):
        _ = server.pid
    assert not Path(f"/proc/{pid}").exists()
