"""Who asks: a principal of one tenant, with roles by definition."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

EVERY = "*"
_GRANT = re.compile(r"(?:(?P<definition>[^:\s]{1,200}):)?(?P<role>viewer|operator|admin)")


class Role(IntEnum):
    """What one may do; who may more may also less."""

    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Grant:
    """A role on one definition, or on everything of the tenant (`*`)."""

    definition: str
    role: Role

    def __str__(self) -> str:
        return str(self.role) if self.definition == EVERY else f"{self.definition}:{self.role}"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. `name` is the actor in events and audit: `key:ci`, or `corp:ada` for a person whom the issuer `corp` names."""

    name: str
    tenant: str
    grants: tuple[Grant, ...]

    @property
    def highest(self) -> Role | None:
        """The greatest role on anything."""
        return max((grant.role for grant in self.grants), default=None)

    def role_on(self, definition: str) -> Role | None:
        """The role on a definition; on `*`: on everything."""
        return max((grant.role for grant in self.grants if grant.definition in (EVERY, definition)), default=None)

    def may(self, role: Role, definition: str) -> bool:
        """Whether the role on this definition is enough."""
        return (self.role_on(definition) or 0) >= role

    @property
    def visible(self) -> tuple[str, ...] | None:
        """The definitions that the principal may see; None for all."""
        if self.role_on(EVERY) is not None:
            return None
        return tuple(sorted({grant.definition for grant in self.grants}))

    def sees(self, definition: str) -> bool:
        """Whether the principal may know of the definition."""
        return self.role_on(definition) is not None


def read_grant(text: str) -> Grant | None:
    """`operator` or `fulfil-order:operator`; None for anything else."""
    found = _GRANT.fullmatch(text)
    return Grant(found["definition"] or EVERY, Role[found["role"].upper()]) if found else None


def read_grants(texts: Iterable[str]) -> tuple[Grant, ...]:
    """Those of the texts that are grants: what we do not know grants nothing."""
    return tuple(grant for text in texts if (grant := read_grant(text)) is not None)


def everybody(name: str) -> Principal:
    """Who asks in insecure mode."""
    return Principal(name, "default", (Grant(EVERY, Role.ADMIN),))
