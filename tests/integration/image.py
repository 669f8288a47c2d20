"""What the Dockerfile makes, made without a container: an environment of wheels, and the folder of the application."""

import os
import pwd
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


@dataclass(frozen=True)
class Image:
    """`home` stands for /opt/saga and /app. Programs run as nobody where this process may choose."""

    home: Path

    @property
    def python(self) -> str:
        """The only Python there is in the image."""
        return str(self.home / "venv/bin/python")

    def command(self, words: Sequence[str]) -> list[str]:
        """A command of the image, its program by its place."""
        return [str(self.home / "venv/bin" / words[0]), *words[1:]]

    def environment(self, given: Mapping[str, str]) -> dict[str, str]:
        """What a process finds in its environment: nothing of ours."""
        fixed = {"PATH": f"{self.home / 'venv/bin'}:/usr/bin:/bin", "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        return {**fixed, **given}

    @cached_property
    def user(self) -> int | None:
        """Whom to be: nobody, where root may choose and nobody may reach the Python that the environment stands on."""
        if os.getuid() != 0:
            return None
        nobody = pwd.getpwnam("nobody").pw_uid
        try:
            return nobody if subprocess.run([self.python, "-c", ""], user=nobody).returncode == 0 else None
        except PermissionError:
            return None

    def run(self, words: Sequence[str], given: Mapping[str, str] | None = None, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self.command(words),
            cwd=self.home / "app",
            env=self.environment(given or {}),
            user=self.user,
            capture_output=True,
            text=True,
            timeout=seconds,
        )


def make_image(home: Path) -> Image:
    """Do what the Dockerfile does, with its own words for pip."""
    image = Image(home)
    home.chmod(0o755)  # whoever runs it must be able to read it
    venv.create(home / "venv", with_pip=True)
    for words in re.findall(r"/opt/saga/bin/pip (install --require-hashes [^\\\n]+)", DOCKERFILE):
        _pip(image.python, *words.split())
    _pip(sys.executable, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(home / "wheels"), ".")
    _pip(image.python, "install", "--no-deps", "--no-index", *map(str, (home / "wheels").iterdir()))
    for folder in re.findall(r"^COPY (contracts|services) ", DOCKERFILE, re.MULTILINE):
        shutil.copytree(ROOT / folder, home / "app" / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return image


def _pip(python: str, *words: str) -> None:
    done = subprocess.run([python, "-m", "pip", "--quiet", "--disable-pip-version-check", *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
