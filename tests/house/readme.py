"""The README: its code is the code, its commands exist, and so do the files that it points at.

A Python block says where it is from (```python file=services/order/fulfilment.py): then each of its statements stands in that file,
docstrings and imports aside. `whole` in the block's first line: nothing of the file is left out.
"""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from saga.cli.app import app
from tests.house.tree import Fault, Tree

PAGES = ("first-saga", "first-participant", "operate", "replay", "access", "security", "deploy", "lifecycle", "wire", "guarantees")
DOCUMENTS = ("README.md", *(f"docs/{page}.md" for page in PAGES))
OPENAPI = "contracts/openapi.json"
_BLOCK = re.compile(r"^```(?P<language>\w+)(?P<info>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?://|#)(?P<target>[^)#]+)")
_ROUTE = re.compile(r"`(?P<method>GET|POST|PUT|PATCH|DELETE) (?P<path>/[^\s`?]*)")
_COMMAND = re.compile(r"^(?:\.venv/bin/)?saga ([a-z][a-z-]*)", re.MULTILINE)
_TARGET = re.compile(r"\bmake (?P<target>[a-z-]+)")
CODE_BY_LINE = 15


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: `line` is where its fence stands."""

    line: int
    language: str
    info: str
    body: str


def blocks(text: str) -> list[Block]:
    """Every fenced block that names its language."""
    return [
        Block(text[: found.start()].count("\n") + 1, found["language"], found["info"].strip(), found["body"])
        for found in _BLOCK.finditer(text)
    ]


def readme(tree: Tree) -> Iterator[Fault]:
    """Code blocks are real, commands and files exist, and a reader sees code by line 15."""
    for name in DOCUMENTS:
        if name not in tree.files:
            continue
        text = tree.read(name)
        found = blocks(text)
        if name == DOCUMENTS[0] and (not found or found[0].line > CODE_BY_LINE):
            yield Fault(name, f"the first code stands after line {CODE_BY_LINE}")
        for block in found:
            if block.language == "python":
                yield from _python(tree, name, block)
        yield from _targets(tree, name, text)
        yield from _links(tree, name, text)
        yield from _routes(tree, name, text)
        yield from _commands(name, text)


def _routes(tree: Tree, name: str, text: str) -> Iterator[Fault]:
    paths = json.loads(tree.read(OPENAPI))["paths"] if OPENAPI in tree.files else {}
    for method, path in sorted(set(_ROUTE.findall(text))):
        if method.lower() not in paths.get(path, {}):
            yield Fault(name, f"{method} {path} is not served")


def _commands(name: str, text: str) -> Iterator[Fault]:
    known = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    known |= {group.name for group in app.registered_groups if group.name}
    code = "\n".join([*(block.body for block in blocks(text) if block.language == "sh"), *re.findall(r"`([^`\n]+)`", text)])
    for command in sorted(set(_COMMAND.findall(code)) - known):
        yield Fault(name, f"saga {command} is no command")


def _targets(tree: Tree, name: str, text: str) -> Iterator[Fault]:
    known = {word for rule in re.findall(r"^([a-z][a-z -]*):", tree.read("Makefile"), re.MULTILINE) for word in rule.split()}
    code = "\n".join([*(block.body for block in blocks(text) if block.language == "sh"), *re.findall(r"`([^`\n]+)`", text)])
    for target in sorted(set(_TARGET.findall(code)) - known):
        yield Fault(name, f"make {target} does not exist")


def _links(tree: Tree, name: str, text: str) -> Iterator[Fault]:
    for target in sorted({found["target"].strip() for found in _LINK.finditer(text)}):
        if not ((tree.root / name).parent / target).exists():
            yield Fault(name, f"points at {target}, which does not exist")


def _python(tree: Tree, name: str, block: Block) -> Iterator[Fault]:
    where = f"{name}:{block.line}"
    try:
        said = _statements(block.body)
    except SyntaxError as error:
        yield Fault(where, f"the block is not Python: {error.msg}")
        return
    if "write=" in block.info:
        return  # a file of the reader's own: tests/docs writes and runs it
    source = re.search(r"file=(\S+)", block.info)
    if source is None:
        yield Fault(where, "the block does not say which file it is from (file=...)")
        return
    if source[1] not in tree.files:
        yield Fault(where, f"{source[1]} does not exist")
        return
    real = _statements(tree.read(source[1]))
    for label, statement in said.items():
        if real.get(label) != statement:
            yield Fault(where, f"{label} is not what stands in {source[1]}")
    if "whole" in block.info.split():
        for label in real.keys() - said.keys():
            yield Fault(where, f"leaves out {label} of {source[1]}")
    if [label for label in real if label in said] != [label for label in said if label in real]:
        yield Fault(where, f"has another order than {source[1]}")


def _statements(text: str) -> dict[str, str]:
    """What each top-level statement is called → what it is, without docstrings; imports left out, because prose needs none."""
    found: dict[str, str] = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Import | ast.ImportFrom) or _is_text(node):
            continue
        found[_label(node)] = ast.dump(_Bare().visit(node))
    return found


def _label(node: ast.stmt) -> str:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return name
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name
        case _:
            return ast.unparse(node)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


class _Bare(ast.NodeTransformer):
    """Takes the docstrings away."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        body = getattr(node, "body", None)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and body and _is_text(body[0]):
            node.body = node.body[1:]
        return super().generic_visit(node)
