"""Documents that the code writes: settings, commands, errors. `--write` writes them, the check compares."""

from collections.abc import Callable, Iterator, Mapping

from tests.house import commands, error_codes, lifecycle_schema, settings
from tests.house.tree import Fault, Tree

WRITERS: Mapping[str, Callable[[Tree, str], str]] = {
    settings.DOCUMENT: lambda _, present: settings.document(present),
    commands.DOCUMENT: lambda _, __: commands.document(),
    lifecycle_schema.DOCUMENT: lambda _, __: lifecycle_schema.document(),
    error_codes.DOCUMENT: lambda tree, _: error_codes.document(tree),
}


def documents(tree: Tree) -> Iterator[Fault]:
    """Each document is what the code would write."""
    for name, write in WRITERS.items():
        present = _present(tree, name)
        if present != write(tree, present):
            yield Fault(name, "is not what the code says: make mend")


def write_all(tree: Tree) -> None:
    """Write them anew."""
    for name, write in WRITERS.items():
        page = tree.root / name
        page.parent.mkdir(exist_ok=True)
        page.write_text(write(tree, _present(tree, name)), encoding="utf-8")


def _present(tree: Tree, name: str) -> str:
    return tree.read(name) if name in tree.files else ""
