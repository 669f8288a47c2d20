"""`make bench ARGS="--rows happy,calm --json"`: what a machine does of it, on servers that keep what they acknowledge.

Each row has servers of its own. The exit code is 1 when a run's results are wrong, whatever its figures say."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import orjson

from saga.embedded.kafka import VERSION
from tests.bench.figures import FULL, SHORT, Outcome, Sizes
from tests.bench.rows import ROWS
from tests.bench.servers import POSTGRES
from tests.proof.report import revision, versions


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", default=",".join(ROWS), help=f"which: {','.join(ROWS)}")
    parser.add_argument("--short", action="store_true", help="few orders: enough to see that the results are right")
    parser.add_argument("--stored", type=int, help="so many sagas that are there already, in the rows about that")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON instead of a table")
    parser.add_argument("--out", type=Path, help="write the JSON into this file too")
    asked = parser.parse_args(arguments)
    names = [name for name in asked.rows.split(",") if name]
    if unknown := sorted(set(names) - set(ROWS)):
        parser.error(f"--rows: {', '.join(unknown)}: choose from {', '.join(ROWS)}")
    sizes = SHORT if asked.short else FULL
    if asked.stored is not None:
        sizes = replace(sizes, stored=asked.stored)
    outcomes = asyncio.run(_all(names, sizes))
    told = _data(outcomes)
    if asked.out is not None:
        asked.out.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2))
    print(orjson.dumps(told).decode() if asked.json else _table(outcomes), flush=True)
    return 0 if told["verified"] else 1


async def _all(names: Sequence[str], sizes: Sizes) -> dict[str, Outcome]:
    outcomes = {}
    for name in names:
        print(f"{name}: {(ROWS[name].__doc__ or '').strip()}", file=sys.stderr, flush=True)
        outcomes[name] = await ROWS[name](sizes)
    return outcomes


def _data(outcomes: dict[str, Outcome]) -> dict[str, object]:
    """`verified`: all results were right; the figures of the first row that tells them stand at the top."""
    top: dict[str, object] = {}
    for outcome in outcomes.values():
        for figure in outcome.figures:
            for name, key in (("rate", "sagas_per_s"), ("cpu per 1,000", "cpu_s_per_1000")):
                if figure.name == name:
                    top.setdefault(key, round(figure.value, 4))
    rows = {
        name: {
            "figures": {
                figure.name: {"value": round(figure.value, 4), "unit": figure.unit, "goal": figure.goal, "met": figure.met}
                for figure in it.figures
            },
            "faults": it.faults,
            **it.more,
        }
        for name, it in outcomes.items()
    }
    return {
        "verified": bool(outcomes) and not any(outcome.faults for outcome in outcomes.values()),
        **top,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": revision(),
        "cores": os.cpu_count(),
        "versions": {**versions(), "kafka": VERSION},
        "postgres": POSTGRES,
        "rows": rows,
    }


def _table(outcomes: dict[str, Outcome]) -> str:
    lines = []
    for name, outcome in outcomes.items():
        for figure in outcome.figures:
            goal = "" if figure.goal is None else f"{'≥' if figure.more else '≤'} {figure.goal:g}"
            verdict = {None: "", True: "met", False: "missed"}[figure.met]
            lines.append(f"{name:10} {figure.name:20} {figure.value:12.3f} {figure.unit:4} {goal:>9} {verdict}")
        lines += [f"{name:10} WRONG: {fault}" for fault in outcome.faults]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
