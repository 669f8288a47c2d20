"""Sizes: what loves a codebase dies of is the long tail, so the tail is cut off here."""

import ast
from collections.abc import Iterator

from tests.house.tree import Fault, Tree

FILE_LINES, FILE_LINES_WARNED = 400, 300
FUNCTION_LINES = 50
TEST_LINES_WARNED = 25
CLASS_LINES = 200
PARAMETERS = 6
SOURCES = (".py", ".sql", ".sh")

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def sizes(tree: Tree) -> Iterator[Fault]:
    """No file, function, class or signature is too long."""
    yield from _files(tree)
    for name, module in tree.python():
        for node in ast.walk(module):
            if isinstance(node, _Function):
                yield from _function(name, node)
            elif isinstance(node, ast.ClassDef) and _lines(node) > CLASS_LINES:
                yield Fault(f"{name}:{node.lineno}", f"class {node.name} has {_lines(node)} lines, more than {CLASS_LINES}")


def _files(tree: Tree) -> Iterator[Fault]:
    for name in tree.files:
        if not name.endswith(SOURCES):
            continue
        lines = tree.read(name).count("\n")
        if lines > FILE_LINES_WARNED:
            too_long = lines > FILE_LINES
            limit = FILE_LINES if too_long else FILE_LINES_WARNED
            yield Fault(name, f"{lines} lines, more than {limit}", warning=not too_long)


def _function(name: str, node: _Function) -> Iterator[Fault]:
    where = f"{name}:{node.lineno}"
    if _lines(node) > FUNCTION_LINES:
        yield Fault(where, f"{node.name} has {_lines(node)} lines, more than {FUNCTION_LINES}")
    elif node.name.startswith("test_") and _lines(node) > TEST_LINES_WARNED:
        yield Fault(where, f"{node.name} has {_lines(node)} lines, more than {TEST_LINES_WARNED}", warning=True)
    count = _parameters(node)
    if count > PARAMETERS:
        yield Fault(where, f"{node.name} takes {count} parameters, more than {PARAMETERS}")


def _parameters(node: _Function) -> int:
    named = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return len([parameter for parameter in named if parameter.arg not in {"self", "cls"}])


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1
