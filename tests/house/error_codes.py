"""docs/errors.md: every code that a refused act, an unusable record or a problem document may bear, with what the code says there.

Found in the source: the literal codes of ActRefused, ContractError, Dead, Held and Kind, and the members of Ignored that make a record
a dead letter. What stands between braces in a message is shown as three dots.
"""

import ast
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from saga.core.inputs import UNUSABLE
from tests.house.tree import Tree

DOCUMENT = "docs/errors.md"
INTRODUCTION = """# Errors

Codes are for machines and do not change; sentences are for people. REST answers with problem documents (RFC 9457): `code` is one of these,
`type` is `urn:saga:problem:<code>`. The `saga` command prints `code: sentence` on stderr; its exit codes stand at the end of `saga --help`.
This page is written by `make mend` from the code, and a test compares them.
"""
NONE = 9  # no such argument
FINDS: Mapping[str, tuple[int, int]] = {  # where the code stands among the arguments, and where the sentence
    "ActRefused": (0, 1),
    "ContractError": (0, 1),
    "Dead": (1, 2),
    "Held": (1, NONE),
    "Kind": (1, 2),
}
CHAPTERS: Mapping[str, str] = {
    "ActRefused": "## Acts that are refused\n\nWhat an operator asked does not fit the saga's state: 409, or 412 for `version-changed`.",
    "ContractError": (
        "## Bodies and records that break the contract\n\n"
        "Of a request: 422 (404 for `unknown-definition`, 413 for `too-large`). Of a record: a dead letter with this reason."
    ),
    "Dead": "## Other reasons of dead letters\n\nThe record is sound, and nobody can use it.",
    "Held": "## Reasons why a record is held\n\nIt is tried again by itself.",
    "Kind": "## Problems of requests\n\nThe title of the problem document.",
}


class Found(NamedTuple):
    """A code and one thing that is said with it."""

    kind: str
    code: str
    says: str


def document(tree: Tree) -> str:
    """The whole page."""
    found = sorted({*_in_source(tree), *(Found("Dead", why.value, "") for why in UNUSABLE)})
    return "\n".join([INTRODUCTION, *(_chapter(kind, found) for kind in CHAPTERS)])


def _chapter(kind: str, found: list[Found]) -> str:
    said: dict[str, list[str]] = {}
    for one in found:
        if one.kind == kind:
            said.setdefault(one.code, []).append(one.says)
    rows = [f"| `{code}` | {'; or '.join(text for text in texts if text) or 'the detail says more'} |" for code, texts in said.items()]
    return "\n".join([CHAPTERS[kind], "", "| code | says |", "| --- | --- |", *rows, ""])


def _in_source(tree: Tree) -> Iterator[Found]:
    for name, module in tree.python():
        if not name.startswith("saga/"):
            continue
        for node in ast.walk(module):
            if isinstance(node, ast.Call) and (kind := _called(node)) in FINDS:
                code, says = FINDS[kind]
                if (text := _text(node, code)) and " " not in text:
                    yield Found(kind, text, _text(node, says))


def _called(node: ast.Call) -> str:
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _text(call: ast.Call, at: int) -> str:
    """The literal at this place; names in it become three dots."""
    match call.args[at] if at < len(call.args) else None:
        case ast.Constant(value=str(text)):
            return text.replace("|", "\\|")
        case ast.JoinedStr(values=parts):
            return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in parts).replace("|", "\\|")
        case _:
            return ""
