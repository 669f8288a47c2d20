"""All checks, the quick ones first."""

from collections.abc import Iterable

from tests.house.addresses import addresses
from tests.house.documents import documents
from tests.house.locks import locks
from tests.house.names import names
from tests.house.purity import clockless, replay_is_silent
from tests.house.readme import readme
from tests.house.settings import settings_documented
from tests.house.sizes import sizes
from tests.house.surface import surface
from tests.house.tools import formatted, imports, lint, types
from tests.house.tree import Check, Fault, Tree

CHECKS: tuple[Check, ...] = (
    formatted,
    lint,
    names,
    sizes,
    addresses,
    locks,
    readme,
    surface,
    settings_documented,
    documents,
    clockless,
    replay_is_silent,
    imports,
    types,
)


def faults(tree: Tree, checks: Iterable[Check] = CHECKS) -> list[Fault]:
    """What every check finds, in the order of the checks; each fault once."""
    return list(dict.fromkeys(fault for check in checks for fault in check(tree)))
