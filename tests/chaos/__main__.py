"""`python -m tests.chaos --minutes 2 --seed 7 --faults kill,pause,broker,reset [--json]`: a cluster under load while things die."""

import asyncio
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path

from tests.chaos.campaign import Wanted, campaign
from tests.chaos.machine_faults import NEMESIS
from tests.proof.asking import options
from tests.proof.report import Report

USUAL = "kill,service,pause,broker,postgres,promote,partition,delay,reset,disk,clock,rebalance,topic,grow"


def main() -> int:
    """Run a campaign; 0 only if everything that was checked held and every fault fired."""
    parser = options("chaos", __doc__ or "")
    parser.add_argument("--minutes", type=float, default=2.0, help="how long load and faults last; start, quiescence and check come on top")
    parser.add_argument("--faults", default=USUAL, help=f"comma-separated: {', '.join(sorted(NEMESIS))}")
    parser.add_argument("--rate", type=float, default=8.0, help="orders a second")
    parser.add_argument("--most", type=int, default=150, help="no order is placed while so many are under way")
    parser.add_argument("--tree", type=Path, help="run the processes from this copy of the tree: to see a planted defect found")
    asked = parser.parse_args()
    faults = [name.strip() for name in asked.faults.split(",") if name.strip()]
    if unknown := sorted(set(faults) - set(NEMESIS)):
        parser.error(f"--faults: {', '.join(unknown)}: choose from {', '.join(sorted(NEMESIS))}")
    report = Report("chaos", asked.seed)
    seconds = min(asked.minutes * 60, asked.max_seconds)
    wanted = Wanted(seconds, asked.rate, asked.most, faults, asked.tree and asked.tree.resolve())
    asyncio.run(_ended_in_order(campaign(wanted, report)))
    return report.finish(as_json=asked.json, record=asked.record)


async def _ended_in_order(run: Coroutine[None, None, None]) -> None:
    """SIGTERM ends the run like Ctrl-C: nothing of the cluster is left behind."""
    task = asyncio.ensure_future(run)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await task


if __name__ == "__main__":
    sys.exit(main())
