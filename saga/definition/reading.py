"""Reads what a function wants and returns from its annotations. Parameter names mean nothing.

Annotations are resolved one by one, so that one name that does not resolve hides no other, with the function's globals and the names
that were in sight where it was written.
"""

import ast
import inspect
import linecache
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

from saga.definition.faults import Faults
from saga.definition.said import Origin, Step, place_of


class Unknown:
    """An annotation that is missing or does not resolve; the fault is noted already."""


UNKNOWN: Final = Unknown


@dataclass(frozen=True, slots=True)
class Wanted:
    """A parameter as annotated: one or several classes, whether None will do, and the step that `Annotated` names."""

    parameter: str
    types: tuple[type[Any], ...]
    optional: bool = False
    named: "Step[..., Any] | str | None" = None

    def __str__(self) -> str:
        return f"{self.parameter}: {' | '.join([t.__name__ for t in self.types] + ['None'] * self.optional)}"


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function wants and returns. `whole` is False if a parameter had a fault and is left out; `returns` may be UNKNOWN."""

    where: str
    wanted: tuple[Wanted, ...]
    returns: Any
    whole: bool


def read_signature(function: Any, origin: Origin, faults: Faults, returns: str) -> Signature:
    """Read a user function; what cannot be read is noted in `faults`. `returns` names what it should return, for the mend."""
    where = place_of(function, origin)
    if not _is_plain(function, where, faults):
        return Signature(where, (), UNKNOWN, whole=False)
    plain = inspect.unwrap(function)
    wanted = [_wanted(parameter, plain, origin, where, faults) for parameter in inspect.signature(plain).parameters.values()]
    return Signature(
        where,
        tuple(found for found in wanted if found is not None),
        _returns(plain, origin, where, faults, returns),
        whole=None not in wanted,
    )


def is_lambda(function: object) -> bool:
    """A lambda has no annotations: it means the start event."""
    return inspect.isfunction(function) and function.__name__ == "<lambda>"


def _is_plain(function: Any, where: str, faults: Faults) -> bool:
    plain = inspect.unwrap(function) if callable(function) else function
    if not inspect.isfunction(function) or not inspect.isfunction(plain):
        faults.add(where, "it is no plain function", "write it as a def with annotations")
        return False
    if is_lambda(plain):
        faults.add(where, "a lambda has no annotations to tell what it needs", "write it as a def with annotations")
        return False
    if inspect.iscoroutinefunction(plain) or inspect.isgeneratorfunction(plain) or inspect.isasyncgenfunction(plain):
        faults.add(
            where, "it is async or yields, but must be pure and return at once", "write it as a plain def; effects belong to participants"
        )
        return False
    return True


def _wanted(parameter: inspect.Parameter, plain: Callable[..., Any], origin: Origin, where: str, faults: Faults) -> Wanted | None:
    name = parameter.name
    if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
        faults.add(where, f"{parameter} has no name to be given by", "take each input as a named parameter")
        return None
    if parameter.annotation is parameter.empty:
        faults.add(where, f"{name} has no annotation", "annotate it with the start event or with the reply that it takes")
        return None
    annotation = _resolve(name, parameter.annotation, plain, origin, where, faults)
    return None if annotation is UNKNOWN else _taken_apart(name, annotation, where, faults)


def _returns(plain: Callable[..., Any], origin: Origin, where: str, faults: Faults, expected: str) -> Any:
    annotation = inspect.signature(plain).return_annotation
    if annotation is inspect.Signature.empty:
        faults.add(where, "it does not say what it returns", f"annotate it with {expected}")
        return UNKNOWN
    return _resolve("return", annotation, plain, origin, where, faults)


def _resolve(name: str, annotation: object, plain: Callable[..., Any], origin: Origin, where: str, faults: Faults) -> Any:
    holder = types.SimpleNamespace(__annotations__={name: annotation})
    try:
        return get_type_hints(holder, plain.__globals__, dict(origin.names), include_extras=True)[name]
    except NameError as error:
        faults.add(where, *_missing(error.name, plain))
    except Exception as error:
        faults.add(where, f"the annotation {annotation!r} of {name} cannot be read: {error}", "annotate it with a class")
    return UNKNOWN


def _missing(name: str | None, plain: Callable[..., Any]) -> tuple[str, str]:
    if name in _imported_for_checking(plain):
        return (
            f"{name} is imported under TYPE_CHECKING, so it does not exist when the program runs",
            f"move the import of {name} out of the if",
        )
    return f"the name {name} is not known here", f"import {name}, or define it above the function"


def _imported_for_checking(plain: Callable[..., Any]) -> set[str]:
    try:
        tree = ast.parse("".join(linecache.getlines(plain.__code__.co_filename, plain.__globals__)))
    except SyntaxError:
        return set()
    guarded = (node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
    inside = (statement for guard in guarded for top in guard.body for statement in ast.walk(top))
    imports = (statement for statement in inside if isinstance(statement, ast.Import | ast.ImportFrom))
    return {alias.asname or alias.name.partition(".")[0] for statement in imports for alias in statement.names}


def _taken_apart(name: str, annotation: object, where: str, faults: Faults) -> Wanted | None:
    leaves: list[type[Any]] = []
    named: list[Step[..., Any] | str] = []
    for leaf in _leaves(annotation):
        if isinstance(leaf, Step | str):
            named.append(leaf)
        elif isinstance(leaf, type):
            leaves.append(leaf)
        else:
            faults.add(where, f"{name} is annotated with {leaf!r}, which is no class", "take the start event or the reply of a step")
            return None
    kinds = tuple(dict.fromkeys(leaf for leaf in leaves if leaf is not types.NoneType))
    if not kinds or len(set(named)) > 1:
        faults.add(
            where, f"the annotation of {name} names no class, or several steps", "write Reply, Reply | None or Annotated[Reply, step]"
        )
        return None
    return Wanted(name, kinds, types.NoneType in leaves, named[0] if named else None)


def _leaves(annotation: object) -> Iterator[object]:
    """The classes of a union, and what `Annotated` says of the step. Other metadata is nobody's business here."""
    if get_origin(annotation) is Annotated:
        inner, *metadata = get_args(annotation)
        yield from _leaves(inner)
        yield from (item for item in metadata if isinstance(item, Step | str))
    elif get_origin(annotation) in (Union, types.UnionType):
        for part in get_args(annotation):
            yield from _leaves(part)
    else:
        yield annotation
