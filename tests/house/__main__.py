"""`python -m tests.house`: every fault once, exit 1 if there is one. `--write` writes the generated documents first."""

import sys

from tests.house.checks import CHECKS, faults
from tests.house.documents import write_all
from tests.house.tree import Tree


def main(arguments: list[str]) -> int:
    """Say whether the house is in order."""
    tree = Tree()
    if "--write" in arguments:
        write_all(tree)
    found = faults(Tree())
    for fault in found:
        print(fault)
    grave = [fault for fault in found if not fault.warning]
    print(f"{len(CHECKS)} checks, {len(grave)} fault(s), {len(found) - len(grave)} warning(s)")
    return 1 if grave else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
