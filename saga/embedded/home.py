"""The directory where `saga dev` keeps what survives it: Postgres, a real Kafka's log, the logs of its children, and who holds it.

    DIR/lock        locked while an instance runs; its number stands in it, for people
    DIR/postgres    the server's data                DIR/kafka   the real Kafka's log
    DIR/log         one file a child                 DIR/env     addresses, for other terminals: `set -a; . DIR/env`

Why a lock of the kernel and not a file with a process number: the kernel drops it however its holder ends, so nothing stale is ever
believed. Servers of an instance that was killed may still be ending when the next one comes; those are waited for, and killed if they do
not end. A process is one of them only if its command names this directory: a number alone may belong to somebody else by now.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from saga.errors import ConfigurationError

FORMER_ENDS_WITHIN = 15.0
_KEPT = ("postgres", "kafka", "log", "env", "ports")


class Home:
    """The directory, held by this process. Use it as `with`: raises ConfigurationError if another holds it, or if it cannot be used."""

    def __init__(self, directory: Path, former_ends_within: float = FORMER_ENDS_WITHIN) -> None:
        self.directory = directory.resolve()
        self._patience = former_ends_within
        self._lock: IO[str] | None = None

    @property
    def postgres(self) -> Path:
        """Where the embedded Postgres lives."""
        return self.directory / "postgres"

    @property
    def kafka(self) -> Path:
        """Where a real Kafka keeps its log."""
        return self.directory / "kafka"

    def log(self, name: str) -> Path:
        """Where the child of this name writes."""
        return self.directory / "log" / f"{name}.log"

    def clear(self) -> None:
        """Forget everything that was kept."""
        for name in _KEPT:
            path = self.directory / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def port(self, name: str) -> int:
        """The port that this server had the last time, 0 if it had none: others may still have it in their settings."""
        with contextlib.suppress(OSError, ValueError):
            return int((self.directory / "ports" / name).read_text())
        return 0

    def keep_port(self, name: str, port: int) -> None:
        """Remember a port."""
        path = self.directory / "ports" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{port}\n")

    def write_environment(self, values: Mapping[str, str]) -> Path:
        """Write the addresses for other terminals; the file may be read by its owner only, for a DSN holds a password."""
        path = self.directory / "env"
        path.touch(mode=0o600)
        path.write_text("".join(f"{name}='{value}'\n" for name, value in values.items()))
        return path

    def __enter__(self) -> Self:
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            _refuse_what_nobody_can_enter(self.directory)
            self._lock = (self.directory / "lock").open("a+")
        except OSError as error:
            raise ConfigurationError(f"--data: {self.directory} cannot be used ({error.strerror})") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.seek(0)
            holder = self._lock.read().strip() or "unknown"
            self._lock.close()
            raise ConfigurationError(f"--data: {self.directory} is in use by process {holder}: end it, or give another directory") from None
        self._lock.truncate(0)
        self._lock.write(f"{os.getpid()}\n")
        self._lock.flush()
        (self.directory / "log").mkdir(exist_ok=True)
        self._end_former(self.postgres / "data" / "postmaster.pid", str(self.postgres / "data"))
        self._end_former(self.kafka / "broker.log.pid", str(self.kafka))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._lock is not None:
            self._lock.close()

    def _end_former(self, file: Path, mark: str) -> None:
        """Wait until the server that wrote this file is gone, kill it if need be, and take the file away."""
        try:
            process = int(file.read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return
        until = time.monotonic() + self._patience
        while is_ours(process, mark):
            if time.monotonic() > until:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            time.sleep(0.05)
        file.unlink(missing_ok=True)


def is_ours(process: int, mark: str) -> bool:
    """Whether a process of this number runs whose command names `mark`."""
    with contextlib.suppress(OSError):
        return mark.encode() in Path(f"/proc/{process}/cmdline").read_bytes()
    return False


def _refuse_what_nobody_can_enter(directory: Path) -> None:
    """Root starts Postgres as `nobody`, who must be able to get there."""
    closed = [parent for parent in (directory, *directory.parents) if os.geteuid() == 0 and not parent.stat().st_mode & 0o001]
    if closed:
        raise ConfigurationError(f"--data: as root, Postgres runs as 'nobody', who cannot enter {closed[-1]}: give another directory")
