"""`python -m tests.chaos --minutes 2 --seed 7 --faults kill,pause,broker,reset [--json]`: a cluster under load while things die."""

import asyncio
import sys

from tests.chaos.campaign import Wanted, campaign
from tests.chaos.faults import FAULTS
from tests.proof.asking import options
from tests.proof.report import Report

USUAL = "kill,service,pause,broker,postgres,promote,partition,delay,reset,disk,clock,rebalance,topic,grow"


def main() -> int:
    """Run a campaign; 0 only if everything that was checked held and every fault fired."""
    parser = options("chaos", __doc__ or "")
    parser.add_argument("--minutes", type=float, default=2.0, help="how long load and faults last; start, quiescence and check come on top")
    parser.add_argument("--faults", default=USUAL, help=f"comma-separated: {', '.join(sorted(FAULTS))}")
    parser.add_argument("--rate", type=float, default=8.0, help="orders a second")
    asked = parser.parse_args()
    faults = [name.strip() for name in asked.faults.split(",") if name.strip()]
    if unknown := sorted(set(faults) - set(FAULTS)):
        parser.error(f"--faults: {', '.join(unknown)}: choose from {', '.join(sorted(FAULTS))}")
    report = Report("chaos", asked.seed)
    seconds = min(asked.minutes * 60, asked.max_seconds)
    asyncio.run(campaign(Wanted(seconds, asked.rate, faults), report))
    return report.finish(as_json=asked.json, record=asked.record)


if __name__ == "__main__":
    sys.exit(main())
