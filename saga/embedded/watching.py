"""Which files make up definitions and services, and whether one of them has changed. Nothing is imported here."""

import importlib.util
import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

Seen = Mapping[str, tuple[int, int]]


def roots_of(modules: Iterable[str], directory: Path) -> frozenset[Path]:
    """The folder of each module's top package, or its file where it is no package. What cannot be found has no root."""
    found = set()
    for module in modules:
        top = module.partition(":")[0].partition(".")[0]
        beside = directory / top
        if beside.is_dir():
            found.add(beside)
        elif (file := directory / f"{top}.py").exists():
            found.add(file)
        elif top.isidentifier() and (spec := importlib.util.find_spec(top)) is not None and spec.origin:
            found.add(Path(spec.origin).parent if spec.submodule_search_locations else Path(spec.origin))
    return frozenset(found)


def look(roots: Collection[Path], files: Collection[str] = ()) -> Seen:
    """Time and size of every Python file below the roots, and of these files."""
    every = {*files}
    for root in roots:
        if root.is_file():
            every.add(str(root))
        for folder, folders, names in os.walk(root):
            folders[:] = [name for name in folders if not name.startswith((".", "__pycache__"))]
            every |= {os.path.join(folder, name) for name in names if name.endswith(".py")}
    seen = {}
    for file in every:
        try:
            state = os.stat(file)
        except OSError:
            continue
        seen[file] = (state.st_mtime_ns, state.st_size)
    return seen


def changed(before: Seen, after: Seen) -> list[str]:
    """Files that are new, gone or different, sorted."""
    return sorted(file for file in before.keys() | after.keys() if before.get(file) != after.get(file))
