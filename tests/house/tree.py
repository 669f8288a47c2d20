"""What the checks look at: the files that belong to the project, and what is wrong with them."""

import ast
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing out of order. `where` is a path with its line, or the name of a tool; a `warning` fails nothing."""

    where: str
    what: str
    warning: bool = False

    def __str__(self) -> str:
        return f"{self.where}: {'(warning) ' if self.warning else ''}{self.what}"


class Tree:
    """The files of one root: those that git tracks or would track, or all of them where there is no git."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Paths below the root with forward slashes, sorted."""
        if (self.root / ".git").exists():
            command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
            names = subprocess.run(command, cwd=self.root, capture_output=True, check=True).stdout.decode().split("\0")
        else:
            names = [path.relative_to(self.root).as_posix() for path in self.root.rglob("*")]
        return tuple(sorted({name for name in names if name and (self.root / name).is_file()}))

    def read(self, name: str) -> str:
        """The text of a file; what is not UTF-8 shows as replacement characters."""
        return (self.root / name).read_text(encoding="utf-8", errors="replace")

    def python(self, *under: str) -> Iterator[tuple[str, ast.Module]]:
        """Every Python file below one of the folders (all without any), parsed."""
        for name in self.files:
            if name.endswith(".py") and (not under or name.startswith(under)):
                yield name, ast.parse(self.read(name), filename=name)


Check = Callable[[Tree], Iterator[Fault]]
