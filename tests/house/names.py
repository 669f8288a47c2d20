"""Names: a drawer for everything is where a rule goes to be forgotten."""

import ast
import re
from collections.abc import Iterator

from tests.house.tree import Fault, Tree

DRAWERS = frozenset({"util", "utils", "common", "helper", "helpers", "models", "manager", "misc"})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def names(tree: Tree) -> Iterator[Fault]:
    """No file, folder or class is called utils, common, helpers, models or manager, alone or as part of its name."""
    for name in tree.files:
        if not name.endswith((".py", ".sql", ".md", ".sh")):
            continue
        for word in sorted(_words(name) & DRAWERS):
            yield Fault(name, f"the path says {word!r}: name what is in it")
    for name, module in tree.python():
        for node in ast.walk(module):
            if isinstance(node, ast.ClassDef):
                for word in sorted(_words(node.name) & DRAWERS):
                    yield Fault(f"{name}:{node.lineno}", f"class {node.name} says {word!r}: name what it does")


def _words(name: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(name)}
