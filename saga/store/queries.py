"""The named queries of sql/queries: one file a table, `-- name: purpose` above each."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

_HEAD = re.compile(r"^-- ([a-z_]+): (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Query:
    """One statement, by name; `purpose` is its sentence."""

    name: str
    purpose: str
    text: str


def sql(name: str) -> str:
    """The text of a query. Raises LookupError for a name that no file has."""
    try:
        return queries()[name].text
    except KeyError:
        raise LookupError(f"no query is named {name!r}") from None


@cache
def queries() -> Mapping[str, Query]:
    """All queries, read once. Raises ValueError if two have one name."""
    found: dict[str, Query] = {}
    for file in sorted(files("saga.store").joinpath("sql/queries").iterdir(), key=lambda path: path.name):
        for query in _parse(file.read_text("utf-8")):
            if query.name in found:
                raise ValueError(f"{file.name}: a query named {query.name!r} exists already")
            found[query.name] = query
    return MappingProxyType(found)


def _parse(text: str) -> Iterator[Query]:
    heads = list(_HEAD.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    for head, end in zip(heads, ends, strict=True):
        yield Query(head[1], head[2], text[head.end() : end].strip().removesuffix(";"))
