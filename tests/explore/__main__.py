"""`python -m tests.explore --states 200000 [--shape shop] [--json]`: explore further than the tests do. Exits with 1 on a find."""

import argparse
import json
import sys
from dataclasses import asdict
from time import monotonic

from tests.explore.search import Search
from tests.explore.shapes import SHAPES


def main() -> int:
    """Run the shapes and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.explore", description=__doc__)
    parser.add_argument("--states", type=int, default=200_000, help="at most so many states a shape")
    parser.add_argument("--shape", choices=list(SHAPES), action="append", help="only this one; may be repeated")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")
    arguments = parser.parse_args()
    found = {}
    for name in arguments.shape or SHAPES:
        begun = monotonic()
        report = Search(SHAPES[name]).run(arguments.states)
        found[name] = {**asdict(report), "seconds": round(monotonic() - begun, 2)}
        if not arguments.json:
            size = f"{report.states:9} states ({'all' if report.whole else 'cut off'}) {report.folds:6} folds"
            print(f"{name:14} {size} {found[name]['seconds']:7} s  {report.broken or 'holds'}")
            for line in report.story:
                print(f"    {line}")
    if arguments.json:
        print(json.dumps(found, indent=2))
    return 1 if any(report["broken"] for report in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
