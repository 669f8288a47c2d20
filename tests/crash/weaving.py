"""Gives every await of the product a name, at import and from outside: the product has no line for it, and a new await is a new point.

    await E             ->  await POINTS.at("module:function:E", E)
    async with C as x   ->  async with POINTS.within("...", C) as x      (four moments: before and after entering and leaving)
    async for x in I    ->  async for x in POINTS.walking("...", I)

The source is read, rewritten as a tree and compiled; no compiled file is read or written. A planted defect is a change of that source
(planted.py): the same door, so what is tested is the product's own text but for that change.
"""

import ast
import importlib.abc
import importlib.machinery
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from types import CodeType, ModuleType

WOVEN = (
    "saga.runtime.intake",
    "saga.runtime.folds",
    "saga.runtime.kept",
    "saga.runtime.relay",
    "saga.runtime.deadlines",
    "saga.runtime.heartbeat",
    "saga.runtime.replay",
    "saga.runtime.operating",
    "saga.runtime.supervisor",
    "saga.store.",
    "saga.transport.consumer",
    "saga.transport.producer",
    "saga.sdk.intake",
    "saga.sdk.relay",
    "saga.sdk.service",
    "saga.sdk.work",
    "saga.sdk.barrier.",
)
NOT_WOVEN = ("saga.store.migrate", "saga.store.access", "saga.store.inspection")
HOME = "tests.crash.points"
SHOWN = 70


class Weaver(ast.NodeTransformer):
    """Rewrites one module."""

    def __init__(self, module: str) -> None:
        self._module = module.removeprefix("saga.")
        self._where: list[str] = []
        self._seen: Counter[str] = Counter()

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._inside(node.name, node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._inside(node.name, node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._inside(node.name, node)

    def visit_Await(self, node: ast.Await) -> ast.AST:
        name = self._name(node.value)
        self.generic_visit(node)
        node.value = _call("at", name, node.value)
        return node

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AST:
        names = [self._name(item.context_expr) for item in node.items]
        self.generic_visit(node)
        for name, item in zip(names, node.items, strict=True):
            item.context_expr = _call("within", name, item.context_expr)
        return node

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.AST:
        name = self._name(node.iter)
        self.generic_visit(node)
        node.iter = _call("walking", name, node.iter)
        return node

    def _inside(self, name: str, node: ast.AST) -> ast.AST:
        self._where.append(name)
        self.generic_visit(node)
        self._where.pop()
        return node

    def _name(self, node: ast.expr) -> str:
        text = f"{self._module}.{'.'.join(self._where)}: {ast.unparse(node)[:SHOWN]}"
        self._seen[text] += 1
        return text if self._seen[text] == 1 else f"{text} #{self._seen[text]}"


def _call(what: str, name: str, value: ast.expr) -> ast.Call:
    points = ast.Attribute(ast.Name("_crash_points", ast.Load()), what, ast.Load())
    return ast.Call(points, [ast.Constant(name), value], [])


def woven(source: str, module: str, path: str = "<woven>") -> CodeType:
    """The code of a module with all its awaits named. Lines keep their numbers but for the first, which names the points."""
    tree = Weaver(module).visit(ast.parse(source, path))
    body: list[ast.stmt] = tree.body
    first = 1 if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) else 0
    body.insert(first, ast.ImportFrom(HOME, [ast.alias("POINTS", "_crash_points")], 0))
    ast.fix_missing_locations(tree)
    return compile(tree, path, "exec")


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, path: str, changes: Sequence[tuple[str, str]], weave: bool) -> None:
        super().__init__(name, path)
        self._changes = changes
        self._weave = weave

    def get_code(self, fullname: str) -> CodeType:
        source = self.get_data(self.path).decode()
        for old, new in self._changes:
            if source.count(old) != 1:
                raise LookupError(f"a planted defect does not fit {fullname} any more: {old!r} stands there {source.count(old)} times")
            source = source.replace(old, new)
        return woven(source, fullname, self.path) if self._weave else compile(source, self.path, "exec")


class Finder(importlib.abc.MetaPathFinder):
    """Finds the woven modules before the ordinary finders do. `changes` are planted: by module, what stands there and what is to."""

    def __init__(self, changes: Mapping[str, Sequence[tuple[str, str]]]) -> None:
        self._changes = changes

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        weave = is_woven(fullname)
        if not weave and fullname not in self._changes:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.origin is None or spec.submodule_search_locations is not None:
            return None
        spec.loader = _Loader(fullname, spec.origin, self._changes.get(fullname, ()), weave)
        return spec


def is_woven(module: str) -> bool:
    """Whether the awaits of this module are points."""
    return any(module == name or (name.endswith(".") and module.startswith(name)) for name in WOVEN) and module not in NOT_WOVEN


def install(changes: Mapping[str, Sequence[tuple[str, str]]]) -> None:
    """From now on the product is imported woven. Raises RuntimeError if some of it has been imported already."""
    early = sorted(name for name in sys.modules if is_woven(name))
    if early:
        raise RuntimeError(f"imported before they could be woven: {', '.join(early)}")
    sys.meta_path.insert(0, Finder(changes))
