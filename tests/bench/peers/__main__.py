"""`make bench-peers ARGS="--orders 3000 --repeats 2 --json"`: A B A B, each run on servers of its own, ratios of each pair.

`ARGS="--rate 20 --orders 600"` asks both for so many orders a second instead, once they are warm: then latency is what is compared.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any

import asyncpg
import orjson

from saga.embedded.postgres import EmbeddedPostgres
from tests.bench.measure import Measured, measure, measured
from tests.bench.servers import POSTGRES, ROOT, servers, used_by, written_to
from tests.bench.stage import Moment, Wanted, open_loop
from tests.proof.report import revision, versions

PROGRAM = Path(__file__).parent / "dbos_orders.py"
IN_FLIGHT = 400
WARM, PEER_WARM = 3_000, 200
STEPS = 4
SAYS_WITHIN = 60.0
_ENDS = "select status, count(*) from dbos.workflow_status group by status"
_RECORDED = "select count(*) from dbos.operation_outputs"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.peers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", type=Path, default=ROOT / ".venv-peers/bin/python", help="where the peers are installed")
    parser.add_argument("--orders", type=int, default=5_000, help="orders in each of our runs; a peer gets a quarter")
    parser.add_argument("--rate", type=float, default=0.0, help="orders a second instead of many under way; a peer gets as many as we do")
    parser.add_argument("--repeats", type=int, default=2, help="how often A B is played")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON instead of a table")
    asked = parser.parse_args(arguments)
    told = asyncio.run(_all(asked))
    print(orjson.dumps(told).decode() if asked.json else _table(told), flush=True)
    return 0 if told["verified"] else 1


async def _all(asked: argparse.Namespace) -> dict[str, Any]:
    pairs: list[tuple[Measured, Measured]] = []
    mine, others = _wanted(asked.rate, asked.orders)
    for number in range(asked.repeats):
        print(f"pair {number + 1} of {asked.repeats}", file=sys.stderr, flush=True)
        ours = await measure(mine)
        async with _dbos(asked.python, others) as peer:
            pairs.append((ours, await measured(peer, others.orders, warm=others.warm)))
    rates = [ours.rate / other.rate for ours, other in pairs]
    return {
        "verified": not any(found.faults for pair in pairs for found in pair),
        "ratio_dbos": round(median(rates), 2),
        "ratios_dbos": [round(ratio, 2) for ratio in rates],
        "rate": asked.rate,
        "latency_ratios_dbos": {
            f"p{share * 100:.0f}": [round(ours.latency(share) / other.latency(share), 2) for ours, other in pairs] for share in (0.5, 0.99)
        },
        "saga": [_said(ours) for ours, _ in pairs],
        "dbos": [_said(other) for _, other in pairs],
        "faults": [fault for pair in pairs for found in pair for fault in found.faults],
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": revision(),
        "versions": versions(),
        "postgres": POSTGRES,
    }


def _wanted(rate: float, orders: int) -> tuple[Wanted, Wanted]:
    """What we are asked for, and what a peer is; a quarter of the orders is enough for one with so many under way."""
    if rate:
        return replace(open_loop(rate, orders, WARM), fsync_each=True), open_loop(rate, orders, PEER_WARM)
    return Wanted(orders=orders, in_flight=IN_FLIGHT, fsync_each=True), Wanted(orders=max(80, orders // 4), in_flight=IN_FLIGHT)


class _Dbos:
    """DBOS at work on a database of its own."""

    def __init__(self, python: Path, wanted: Wanted, postgres: EmbeddedPostgres, dsn: str) -> None:
        self._python = python
        self._wanted = wanted
        self._postgres = postgres
        self._dsn = dsn
        self.said: dict[str, Any] = {"ended": 0, "repeated": 0}
        self.latencies: list[float] = []
        self.process: asyncio.subprocess.Process | None = None

    async def play(self) -> AsyncIterator[dict[str, Any]]:
        """Start it; what it says. Raises TimeoutError when it says nothing more."""
        asked = json.dumps({"dsn": self._dsn, **{word: getattr(self._wanted, word) for word in ("orders", "in_flight", "rate", "warm")}})
        pipe = asyncio.subprocess.PIPE
        self.process = await asyncio.create_subprocess_exec(self._python, PROGRAM, asked, stdout=pipe, limit=1 << 24)
        assert self.process.stdout is not None
        while line := await asyncio.wait_for(self.process.stdout.readline(), SAYS_WITHIN):
            if line.startswith(b"{"):  # it writes lines of its own too
                self.said |= json.loads(line)
                self.latencies += self.said["latencies"]
                yield self.said

    async def moment(self) -> Moment:
        """Now."""
        assert self.process is not None
        wal, tables = await written_to(self._dsn, "dbos")
        cpu = {"dbos": used_by(self.process.pid), "postgres": used_by(self._postgres.pid)}
        return Moment(monotonic(), self.said["ended"], cpu, wal, tables)

    async def faults(self) -> list[str]:
        """Every workflow ended well, and each of its steps was recorded and done once."""
        faults = []
        if set(self.said["effects"].values()) != {self._wanted.orders} or len(self.said["effects"]) != STEPS:
            faults.append(f"dbos: the steps had these effects: {self.said['effects']}")
        connection = await asyncpg.connect(self._dsn, timeout=10)
        try:
            ends = {row["status"]: row["count"] for row in await connection.fetch(_ENDS)}
            recorded = await connection.fetchval(_RECORDED)
        finally:
            await connection.close()
        if ends != {"SUCCESS": self._wanted.orders} or recorded != STEPS * self._wanted.orders:
            faults.append(f"dbos: of {self._wanted.orders} workflows: {ends}, {recorded} steps recorded")
        return faults

    async def close(self) -> None:
        """End it."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


@asynccontextmanager
async def _dbos(python: Path, wanted: Wanted) -> AsyncIterator[_Dbos]:
    async with servers() as (_, postgres, _home):
        made = _Dbos(python, wanted, postgres, await postgres.create_database("dbos"))
        try:
            yield made
        finally:
            await made.close()


def _said(found: Measured) -> dict[str, Any]:
    return {
        "sagas_per_s": round(found.rate, 1),
        "cpu_s_per_1000": {name: round(used, 3) for name, used in found.cpu.items()},
        "wal_kb": round(found.wal / 1000, 2),
        "tables_kb": round(found.tables / 1000, 2),
        "p50_ms": round(found.latency(0.5), 1),
        "p99_ms": round(found.latency(0.99), 1),
    }


def _table(told: dict[str, Any]) -> str:
    lines = [
        f"{name:5} {run['sagas_per_s']:9.1f}/s  {sum(run['cpu_s_per_1000'].values()):7.2f} CPU s per 1,000  WAL {run['wal_kb']:6.1f} kB"
        f"  p50 {run['p50_ms']:7.1f} ms  p99 {run['p99_ms']:7.1f} ms"
        for name in ("saga", "dbos")
        for run in told[name]
    ]
    if told["rate"]:
        lines.append(f"our latency against DBOS at {told['rate']:g}/s, pair by pair: {told['latency_ratios_dbos']}")
    else:
        lines.append(f"ours against DBOS: {told['ratio_dbos']} x, pair by pair {told['ratios_dbos']}")
    return "\n".join([*lines, *(f"WRONG: {fault}" for fault in told["faults"])])


if __name__ == "__main__":
    sys.exit(main())
