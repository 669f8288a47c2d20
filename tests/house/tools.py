"""Format, lint, types, imports. Each tool reads pyproject.toml and nothing else."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.house.tree import Fault, Tree


def formatted(tree: Tree) -> Iterator[Fault]:
    """`ruff format` would change nothing."""
    for line in _run(tree, "ruff", "format", "--check", "--output-format", "concise", "."):
        yield Fault("format", line)


def lint(tree: Tree) -> Iterator[Fault]:
    """`ruff check` finds nothing; docstrings on public names are part of it (D1)."""
    for line in _run(tree, "ruff", "check", "--output-format", "concise", "."):
        yield Fault("lint", line)


def types(tree: Tree) -> Iterator[Fault]:
    """`mypy` in strict mode finds nothing in saga, contracts, services and this house."""
    for line in _run(tree, "mypy", "--no-pretty", "--hide-error-context"):
        yield Fault("types", line)


def imports(tree: Tree) -> Iterator[Fault]:
    """The contracts of import-linter hold."""
    told = "\n    ".join(line for line in _run(tree, "lint-imports") if not any(mark in line for mark in "╔║╚╝═▲└┘─"))
    if told:
        yield Fault("imports", told.partition("Broken contracts")[2].strip() or told)


_SUMS = re.compile(r"^(Found \d|\[\*\]|\d+ files? would be)|: note: ")


def _run(tree: Tree, tool: str, *arguments: str) -> list[str]:
    """What the tool of this environment says, line by line; nothing when it is content."""
    command = [str(Path(sys.executable).with_name(tool)), *arguments]
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "160"}
    done = subprocess.run(command, cwd=tree.root, capture_output=True, text=True, env=environment, check=False)
    if done.returncode == 0:
        return []
    said = (line for line in (done.stdout + done.stderr).splitlines() if line.strip())
    return [line for line in said if not _SUMS.search(line)] or [f"{tool} ended with {done.returncode}"]
