"""Purity: what decides and folds has no clock, no chance and no way out."""

import ast
from collections.abc import Iterator
from functools import cache

import grimp

from tests.house.tree import Fault, Tree

PURE = ("saga/core/", "saga/definition/", "contracts/")
CLOCKS = frozenset({("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today")})
CHANCE = frozenset({"uuid1", "uuid4", "uuid7"})
OUTSIDE = frozenset({"open", "print", "input", "exec", "eval"})
SENDS = (
    "transport",
    "relay",
    "producer",
    "intake",
    "deadlines",
    "heartbeat",
    "supervisor",
    "api",
    "cli",
    "sdk",
    "bootstrap",
    "embedded",
    "store",
)
SENDS_OUTSIDE = frozenset(
    {
        "aiokafka",
        "asyncio",
        "asyncpg",
        "confluent_kafka",
        "fastapi",
        "httpx2",
        "requests",
        "smtplib",
        "socket",
        "subprocess",
        "time",
        "urllib",
    }
)


def clockless(tree: Tree) -> Iterator[Fault]:
    """The core, the definitions, the contracts and the services' rules call no clock, make no ids by chance and never wait.

    contracts/export.py is a command that writes files, so it may open them.
    """
    rules = tuple(name for name in tree.files if name.startswith("services/") and name.endswith("/domain.py"))
    for name, module in tree.python(*PURE, *rules):
        for node in ast.walk(module):
            said = _impure(node)
            if said and not (name == "contracts/export.py" and said in OUTSIDE):
                yield Fault(f"{name}:{getattr(node, 'lineno', 1)}", f"{said} has no place here: time, ids and chance are arguments")


def _impure(node: ast.AST) -> str | None:
    match node:
        case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith():
            return "waiting"
        case ast.Call(func=ast.Attribute(value=ast.Name(id=owner) | ast.Attribute(attr=owner), attr=name)) if (owner, name) in CLOCKS:
            return f"{owner}.{name}()"
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)) if name in CHANCE:
            return f"{name}()"
        case ast.Call(func=ast.Name(id=name)) if name in OUTSIDE:
            return name
    return None


def replay_is_silent(_tree: Tree) -> Iterator[Fault]:
    """No import leads from replay, a fold, or `saga` itself (which every import runs) to what sends, waits or calls (hazard S16)."""
    for start in ("saga", "saga.runtime.replay", "saga.core.evolve"):
        for module in sorted(reach(start)):
            parts = module.split(".")
            if parts[0] in SENDS_OUTSIDE or (parts[0] == "saga" and any(part in SENDS for part in parts[1:])):
                chain = graph().find_shortest_chain(start, module) or ()
                yield Fault(start, f"reaches {module}: {' -> '.join(chain)}")


def reach(start: str) -> set[str]:
    """Every module that is imported, by however many steps, when `start` is."""
    return graph().find_upstream_modules(start)


@cache
def graph() -> grimp.ImportGraph:
    """Who imports whom, read from the source and not by importing it."""
    return grimp.build_graph("saga", "contracts", "services", include_external_packages=True, cache_dir=None)
