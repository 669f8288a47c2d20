"""A changed copy of a frozen value with slots, as `dataclasses.replace` makes one, in little more than half of its time.

Why not `replace`: it reads the description of every field and calls `__init__` with all of them, for each of the several copies that every
event makes; half of a fold's time went there. Values that check themselves in `__post_init__` must go through `replace`.
"""

from collections.abc import Callable
from dataclasses import Field, fields
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

if TYPE_CHECKING:

    class Value(Protocol):
        """A dataclass."""

        __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


T = TypeVar("T", bound="Value")
Set = Callable[[object, object], None]
Get = Callable[[object], object]


def altered(value: T, **changes: Any) -> T:
    """A copy of `value` with these fields changed. Raises KeyError for a name that is no field of it."""
    kind = type(value)
    slots, setters = _slots(kind)
    copy = object.__new__(kind)
    for put, get in slots:
        put(copy, get(value))
    for name, changed in changes.items():
        setters[name](copy, changed)
    return copy


@cache
def _slots(kind: type[Any]) -> tuple[tuple[tuple[Set, Get], ...], dict[str, Set]]:
    """How the fields of a class are written and read, past what makes it frozen."""
    found = {field.name: getattr(kind, field.name) for field in fields(kind)}
    return tuple((slot.__set__, slot.__get__) for slot in found.values()), {name: slot.__set__ for name, slot in found.items()}
