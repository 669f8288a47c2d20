"""A file system of a size that can be changed: a disk that is full at will."""

import contextlib
import os
import subprocess
from pathlib import Path

from saga.errors import ConfigurationError

ROOM = "8g"  # in memory, and taken only as it is used


class Disk:
    """A tmpfs at `path`. Full means that it is made as small as what is on it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def mount(self) -> None:
        """Raises ConfigurationError where mounting is not allowed."""
        self.path.mkdir(exist_ok=True)
        try:
            self._mount(f"size={ROOM},mode=0711", "-t", "tmpfs")
        except (OSError, subprocess.CalledProcessError):
            raise ConfigurationError(
                "--faults disk: a tmpfs cannot be mounted here, which needs the right to mount; leave it out"
            ) from None

    def fill(self) -> None:
        """From now on there is next to no room. It cannot be made smaller than what is on it, which grows while we look."""
        for spare in (0, 16, 64, 256, 1024):
            found = os.statvfs(self.path)
            with contextlib.suppress(subprocess.CalledProcessError):
                self._mount(f"remount,size={(found.f_blocks - found.f_bfree + spare) * found.f_frsize}")
                return

    def clear(self) -> None:
        """There is room again."""
        self._mount(f"remount,size={ROOM}")

    def unmount(self) -> None:
        """Everything on it is gone. Harmless where nothing is mounted."""
        subprocess.run(("umount", "--lazy", str(self.path)), capture_output=True, check=False)

    def _mount(self, options: str, *kind: str) -> None:
        subprocess.run(("mount", *kind, "-o", options, "saga-chaos", str(self.path)), capture_output=True, check=True)
