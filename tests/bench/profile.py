"""Where a replica's time goes: `make bench-profile ARGS="--orders 10000 --top 30"` while it has all the work that it can take,
`ARGS="--rate 20 --orders 600"` while it has little: then a batch holds one record, and what a batch costs is what a record costs.

py-spy looks at the replica from outside, so it runs as it always does. `--out FILE` keeps the stacks, collapsed, for a flame graph.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.bench.measure import BEGIN, END, measure
from tests.bench.stage import Stage, Wanted, open_loop

A_SECOND = 200
WARM = 3_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.profile", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--orders", type=int, default=10_000, help="orders in all; sampled between a fifth and nineteen twentieths of them")
    parser.add_argument("--in-flight", type=int, default=2_000, help="orders under way")
    parser.add_argument("--rate", type=float, default=0.0, help=f"orders a second instead, once {WARM:,} have warmed up everything")
    parser.add_argument("--top", type=int, default=30, help="so many functions of each kind")
    parser.add_argument("--out", type=Path, help="keep the collapsed stacks here")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        stacks = asked.out or Path(folder) / "stacks"
        faults = asyncio.run(_sample(_wanted(asked), stacks))
        print(table(stacks.read_text(), asked.top), flush=True)
    for fault in faults:
        print(f"WRONG: {fault}", flush=True)
    return 1 if faults else 0


def _wanted(asked: argparse.Namespace) -> Wanted:
    if asked.rate:
        return open_loop(asked.rate, asked.orders, WARM)
    return Wanted(orders=asked.orders, in_flight=asked.in_flight)


async def _sample(wanted: Wanted, stacks: Path) -> Sequence[str]:
    sampling: list[asyncio.subprocess.Process] = []
    counted = wanted.orders - wanted.warm

    async def sample(here: Stage, ended: int) -> None:
        if not sampling and ended > wanted.warm + BEGIN * counted:
            replica = here.replicas[0].process
            assert replica is not None
            words = ("record", "--rate", str(A_SECOND), "--format", "raw", "--output", str(stacks), "--pid", str(replica.pid))
            sampling.append(
                await asyncio.create_subprocess_exec(Path(sys.executable).parent / "py-spy", *words, stdout=asyncio.subprocess.DEVNULL)
            )
        if sampling and ended > wanted.warm + END * counted and sampling[0].returncode is None:
            sampling[0].send_signal(signal.SIGINT)
            await sampling[0].wait()

    return (await measure(wanted, sample)).faults


def table(stacks: str, top: int) -> str:
    """Shares of all samples by function, of those that it was at work in itself and of those that it was anywhere in the stack of."""
    itself: Counter[str] = Counter()
    within: Counter[str] = Counter()
    samples = 0
    for line in stacks.splitlines():
        stack, _, count = line.rpartition(" ")
        functions = [frame.rpartition(":")[0] for frame in stack.split(";")]
        samples += int(count)
        itself[functions[-1]] += int(count)
        within.update(dict.fromkeys(functions, int(count)))
    lines = [f"{samples} samples"]
    for title, counts in (("itself", itself), ("with all that it calls", within)):
        lines += ["", title, *(f"{100 * count / samples:6.1f} %  {name}" for name, count in counts.most_common(top))]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
