"""A changed copy of a frozen value with slots, as `dataclasses.replace` makes one, in a quarter of its time.

Why not `replace`: it reads the description of every field and calls `__init__` with all of them, for each of the several copies that every
event makes; half of a fold's time went there. Values that check themselves in `__post_init__` must go through `replace`.

Why a twin: what is frozen can be written only through slot descriptors, a call for each field. A class with the same slots that is not
frozen is written by plain assignments, in half of the time, and its instance then becomes one of the frozen class: Python allows that
between classes of one layout.
"""

from collections.abc import Callable
from dataclasses import Field, fields, make_dataclass
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

if TYPE_CHECKING:

    class Value(Protocol):
        """A dataclass."""

        __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


T = TypeVar("T", bound="Value")


def altered(value: T, **changes: Any) -> T:
    """A copy of `value`, of two fields or more, with these changed. Raises AttributeError for a name that is no field of it."""
    kind = type(value)
    twin, fields_of = _twin_of(kind)
    copy = twin(*fields_of(value))
    for name, changed in changes.items():
        setattr(copy, name, changed)
    copy.__class__ = kind
    return copy  # type: ignore[no-any-return]


@cache
def _twin_of(kind: type[Any]) -> tuple[type[Any], Callable[[Any], tuple[Any, ...]]]:
    """The class that can be written, and what reads all fields at once."""
    names = [field.name for field in fields(kind)]
    return make_dataclass(f"Written{kind.__name__}", names, slots=True), attrgetter(*names)
