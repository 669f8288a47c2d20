"""`python -m tests.hostile --records 1000000 --calls 200000 --seed 1 [--max-seconds N] [--json]`: hostile records, then calls."""

import argparse
import asyncio
import signal
import sys

from tests.hostile.calls import Calls
from tests.hostile.documented import ask_as_documented
from tests.hostile.outputs import search_log
from tests.hostile.planted_names import DEFECTS
from tests.hostile.records import Records
from tests.hostile.stage import standing
from tests.proof.asking import Budget, options
from tests.proof.report import Report

RECORDS_SHARE = 0.7
DOCUMENTED_SHARE = 20


def main() -> int:
    """Run it; 0 only if everything held."""
    parser = options("hostile", __doc__ or "")
    parser.add_argument("--records", type=int, default=20_000, help="hostile records, the good orders among them not counted")
    parser.add_argument("--calls", type=int, default=3_000, help="hostile calls; one in twenty is schemathesis's")
    parser.add_argument("--stalled-after", type=float, default=60.0, help="seconds in which a partition with records must move")
    parser.add_argument(
        "--planted", action="append", choices=DEFECTS, default=[], help="a defect that the replica is to have; may be repeated"
    )
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that whoever ends it leaves no servers and no files behind
    report = asyncio.run(run(asked))
    return report.finish(as_json=asked.json, record=asked.record)


async def run(asked: argparse.Namespace) -> Report:
    """Both halves against one replica, and what it wrote."""
    report = Report("hostile", asked.seed)
    report.count("stalls", 0)
    report.count("server_errors", 0)
    async with standing(*asked.planted) as stage:
        share = RECORDS_SHARE if asked.calls else 1.0
        if asked.records:
            await Records(stage, asked.seed, report, asked.stalled_after).run(asked.records, Budget(asked.max_seconds * share))
        if asked.calls:
            if report.counts["stalls"]:
                return report  # what a replica that stands still answers says nothing new
            documented = asked.calls // DOCUMENTED_SHARE
            await Calls(stage, asked.seed, report).run(asked.calls - documented, Budget(asked.max_seconds * (1 - share)))
            await asyncio.to_thread(ask_as_documented, documented, asked.seed, report)
        search_log(stage, report)
    return report


if __name__ == "__main__":
    sys.exit(main())
