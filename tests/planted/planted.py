"""What a planted defect is: a change of the source that nobody wants, and the rung that must see it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Edit:
    """`old` stands in the file exactly once and becomes `new`."""

    path: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Planted:
    """One defect. `command` is what must find it, run by Python in a copy of the tree: `-m pytest <node ids>`, or `-m tests.<rung> …`.

    `story` says what goes wrong in the world when this is shipped. `seconds` is how long the command may take on the defect. `switch` are
    words that make the rung itself plant it, where no edit does. `short`: too short a run to meet every fault (I21), and not asked to.
    """

    name: str
    story: str
    rung: str
    command: tuple[str, ...]
    edits: tuple[Edit, ...]
    seconds: float = 180.0
    switch: tuple[str, ...] = ()
    short: bool = False


class DoesNotFit(Exception):
    """The source has changed, and the edit no longer fits: the defect must be planted anew."""


def plant(root: Path, planted: Planted) -> None:
    """Change the sources under `root`. Raises DoesNotFit."""
    for edit in planted.edits:
        path = root / edit.path
        text = path.read_text() if path.is_file() else ""
        if text.count(edit.old) != 1:
            raise DoesNotFit(f"{planted.name}: {edit.path} has {text.count(edit.old)} times: {edit.old.strip()[:80]}")
        path.write_text(text.replace(edit.old, edit.new))


def found_by_search(name: str, story: str, shape: str, *edits: Edit, states: int = 24_000) -> Planted:
    """A defect of the core that the search of one shape finds."""
    command = ("-m", "tests.explore", "--shape", shape, "--states", str(states), "--json")
    return Planted(name, story, "explore", command, edits)


def found_by_tests(name: str, story: str, rung: str, node: str, *edits: Edit) -> Planted:
    """A defect that this test finds."""
    return Planted(name, story, rung, ("-m", "pytest", "-x", "-p", "no:cacheprovider", node), edits)
