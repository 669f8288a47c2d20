"""The surface: what people import. A name is added or taken away on purpose, in public_names.txt and in the change log."""

import importlib
from collections.abc import Iterator
from types import ModuleType

from tests.house.tree import Fault, Tree

LIST = "tests/house/public_names.txt"
PUBLIC = ("saga", "saga.definition", "saga.sdk")


def surface(tree: Tree) -> Iterator[Fault]:
    """The packages that re-export say exactly the names of public_names.txt, and nothing else of theirs can be imported from there."""
    written = {line for line in tree.read(LIST).splitlines() if line and not line.startswith("#")}
    said: set[str] = set()
    for name in PUBLIC:
        module = importlib.import_module(name)
        said |= {f"{name}.{word}" for word in getattr(module, "__all__", ())}
        yield from _honest(module)
    for name in sorted(said - written):
        yield Fault(name, f"is public and does not stand in {LIST}")
    for name in sorted(written - said):
        yield Fault(name, f"stands in {LIST} and is not public")


def _honest(module: ModuleType) -> Iterator[Fault]:
    every = {name for name, value in vars(module).items() if not name.startswith("_") and not isinstance(value, ModuleType)}
    for name in sorted(every ^ set(getattr(module, "__all__", ()))):
        yield Fault(f"{module.__name__}.{name}", "is importable and not in __all__, or the other way round")
