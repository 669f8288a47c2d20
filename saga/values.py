"""Values: data classes with slots that nobody changes once they are made.

Why frozen for the type checker alone: a frozen data class writes each of its fields by a call of `object.__setattr__`; a command that is
issued cost 3.0 us to make, and 0.6 us so. A record passes through a dozen of them. mypy refuses an assignment as it does for frozen ones.
"""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(kind: type[T]) -> type[T]:
    """`@dataclass(frozen=True, slots=True)` for what is made for every record."""
    return dataclass(slots=True, unsafe_hash=True)(kind)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def named_value(kind: type[T]) -> type[T]:
    """The same, its fields given by name alone."""
    return dataclass(slots=True, unsafe_hash=True, kw_only=True)(kind)
