"""Another release of the same repository: its files in a directory of their own, run by this Python with its packages."""

import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from saga.embedded.processes import Child
from tests.proof.report import ROOT

PREVIOUS = Path(__file__).parent / "previous"


@dataclass(frozen=True, slots=True)
class Release:
    """What a process runs. `-P` keeps the working directory out of the path, so that only `tree` is what it imports from."""

    name: str
    tree: Path

    def child(self, name: str, words: Sequence[str], environment: Mapping[str, str], log: Path) -> Child:
        """A process of this release; `words` are what stands behind `python`."""
        return Child(f"{name} ({self.name})", ("-P", *words), {**environment, "PYTHONPATH": str(self.tree)}, log)

    def run(self, words: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """One command of this release, to its end."""
        path = {"PYTHONPATH": str(self.tree), "PATH": "/usr/bin:/bin"}
        return subprocess.run(
            [sys.executable, "-P", *words], env={**environment, **path}, capture_output=True, text=True, timeout=120, check=False
        )

    def proves_itself(self) -> str:
        """Where its `saga` is imported from. Raises LookupError when that is not its tree: then a run would show nothing."""
        told = self.run(("-c", "import saga, services.order; print(saga.__file__, services.order.__file__)"), {}).stdout.split()
        if not told or not all(Path(one).is_relative_to(self.tree) for one in told):
            raise LookupError(f"{self.name} would run {told}")
        return self.name


def export(revision: str, directory: Path) -> Release:
    """The release of a git revision. Raises LookupError where git does not have it (a shallow clone)."""
    commit = _git("rev-parse", "--verify", f"{revision}^{{commit}}").decode().strip()
    with tarfile.open(fileobj=BytesIO(_git("archive", commit))) as archive:
        archive.extractall(directory, filter="data")
    return Release(commit[:12], directory)


def previous() -> str:
    """The release before this one: the last tag, and where there is none the revision that is written down."""
    tag = subprocess.run(["git", "-C", str(ROOT), "describe", "--tags", "--abbrev=0"], capture_output=True, text=True, check=False)
    return tag.stdout.strip() or PREVIOUS.read_text().split()[0]


def _git(*words: str) -> bytes:
    done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, check=False)
    if done.returncode:
        raise LookupError(f"git {' '.join(words)}: {done.stderr.decode().strip()}")
    return done.stdout
