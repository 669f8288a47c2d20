"""Two PostgreSQL servers: a primary, and a standby without whose word nothing is committed (synchronous_standby_names = '*').

    promote()   the primary dies for good, the standby is promoted, a new standby is built from it at the old address

The setting stays on over a promotion: until the new standby is there nothing is acknowledged, so a second promotion loses nothing either.
"""

import asyncio
import contextlib
import os
import shutil
import subprocess
from pathlib import Path
from time import monotonic

import asyncpg
import psutil

from saga.embedded import postgres as embedded
from saga.embedded.kafka import free_ports
from saga.embedded.postgres import EmbeddedPostgres
from saga.errors import Unavailable
from saga.store.sqlstate import DRIVER_ERRORS
from tests.chaos.disk import Disk

SETTINGS = {
    "wal_keep_size": "256MB",
    "max_wal_size": "256MB",
    "fsync": "off",  # what is killed is a process, never the machine: its writes are with the kernel
    "synchronous_commit": "on",
    "log_min_messages": "warning",
    "wal_receiver_status_interval": "1s",
    "wal_retrieve_retry_interval": "200ms",
    "max_connections": "150",
}
WITHIN = 60.0


class Pair:
    """Servers 0 and 1. `primary` is the number of the one that takes writes."""

    def __init__(self, home: Path, *, own_disks: bool = False) -> None:
        self._homes = [home / "postgres-1", home / "postgres-2"]
        self._disks = [Disk(one) for one in self._homes] if own_disks else []
        self.ports = free_ports(2)
        self._servers = [self._server(0), self._server(1)]
        self.primary = 0

    @property
    def disk(self) -> Disk:
        """The primary's."""
        return self._disks[self.primary]

    def words(self) -> str:
        """What the primary has logged."""
        return (self._homes[self.primary] / "log").read_text(errors="replace")

    async def start(self, *databases: str) -> None:
        """The primary with these databases, then its standby, then commits wait for it."""
        for disk in self._disks:
            disk.mount()
        await asyncio.to_thread(self._servers[0].start)
        for database in databases:
            await self._servers[0].create_database(database)
        await self.execute("alter system set synchronous_standby_names = '*'")  # the standby's copy has it too
        await asyncio.to_thread(self._build_standby)
        await self.execute("select pg_reload_conf()")
        await self.in_sync()

    def stop(self) -> None:
        """End both (blocking): the standby last, for the other waits for its word."""
        for number in (self.primary, 1 - self.primary):
            self._servers[number].stop()
        for disk in self._disks:
            disk.unmount()

    def dsn(self, database: str) -> str:
        """The primary, directly: for the checker."""
        return self._servers[self.primary].dsn(database)

    def password(self) -> str:
        """The superuser's, the same on both."""
        return (self._homes[self.primary] / "password").read_text().strip()

    async def execute(self, *statements: str) -> None:
        """As superuser on the primary."""
        connection = await asyncpg.connect(self.dsn("postgres"), timeout=10)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close(timeout=5)

    async def in_sync(self, within: float = WITHIN) -> float:
        """Wait until the standby is streaming and synchronous; the seconds that it took. Raises Unavailable."""
        began = monotonic()
        while monotonic() - began < within:
            try:
                connection = await asyncpg.connect(self.dsn("postgres"), timeout=5)
            except DRIVER_ERRORS:
                await asyncio.sleep(0.2)
                continue
            try:
                if await connection.fetchval("select count(*) from pg_stat_replication where sync_state = 'sync' and state = 'streaming'"):
                    return monotonic() - began
            finally:
                await connection.close(timeout=5)
            await asyncio.sleep(0.1)
        raise Unavailable("postgres", f"no standby was in sync within {within:.0f} s")

    async def kill(self) -> None:
        """SIGKILL every process of the primary, as a machine that stops would."""
        await asyncio.to_thread(self._kill, self.primary)

    async def restart(self) -> None:
        """Start the primary again over its data: crash recovery."""
        await asyncio.to_thread(self._servers[self.primary].start)

    async def rouse(self) -> bool:
        """Start the primary if it has stopped by itself; whether it had."""
        if self._alive():
            return False
        await asyncio.to_thread(self._servers[self.primary].stop)
        await self.restart()
        return True

    async def promote(self) -> None:
        """Make the standby the primary; the old one must be dead."""
        connection = await asyncpg.connect(self._servers[1 - self.primary].dsn(), timeout=10)
        try:
            if not await connection.fetchval("select pg_promote(true, 30)"):
                raise Unavailable("postgres", "the standby was not promoted within 30 s")
        finally:
            await connection.close(timeout=5)
        self.primary = 1 - self.primary

    async def rebuild(self) -> None:
        """A new standby at the place of the dead server, from the present primary."""
        await asyncio.to_thread(self._build_standby)
        await self.in_sync()

    def _server(self, number: int) -> EmbeddedPostgres:
        return EmbeddedPostgres(self._homes[number], SETTINGS, port=self.ports[number])

    def _build_standby(self) -> None:
        number = 1 - self.primary
        home, login = self._homes[number], embedded._login()
        home.mkdir(exist_ok=True)
        shutil.rmtree(home / "data", ignore_errors=True)
        shutil.copy(self._homes[self.primary] / "password", home / "password")
        for path in (home, home / "password"):
            if login:
                shutil.chown(path, login["user"], login["group"])
        command = [embedded._binary("pg_basebackup"), "-h", "127.0.0.1", "-p", str(self.ports[self.primary]), "-U", "postgres"]
        command += ["-D", str(home / "data"), "-R", "-X", "stream", "-c", "fast", "--no-sync"]
        environment = {"PATH": os.environ["PATH"], "PGPASSWORD": self.password(), "HOME": str(home)}
        done = subprocess.run(command, capture_output=True, timeout=WITHIN, cwd="/", check=False, env=environment, **login)
        if done.returncode:
            raise Unavailable("postgres", f"pg_basebackup failed: {done.stderr.decode(errors='replace')[-500:]}")
        self._servers[number].start()

    def _alive(self) -> bool:
        try:
            return psutil.Process(self._servers[self.primary].pid).is_running()
        except (Unavailable, psutil.NoSuchProcess):
            return False

    def _kill(self, number: int) -> None:
        family = self._family(number)
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):  # a session that has just ended
                process.kill()
        self._servers[number].stop()
        psutil.wait_procs(family, timeout=10)

    def _family(self, number: int) -> list[psutil.Process]:
        postmaster = psutil.Process(self._servers[number].pid)
        return [postmaster, *postmaster.children(recursive=True)]
