"""Adds a release to the corpus: `python -m tests.upgrade.release r0002`, once before a release is given away.

tests/upgrade/corpus/<name>/*.py       the definitions and messages, copied as they are now
                           *.jsonl     histories of each shape by chance, and of orders of a real demonstration with a killed coordinator
                           release.json  what was recorded, when, by which commit
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

import orjson
from rich.console import Console

from saga.config import release
from saga.definition.graph import Definition
from saga.definition.words import Saga
from saga.embedded import demo
from saga.embedded.application import Place
from tests.proof.report import ROOT, revision
from tests.upgrade import ledger, recording
from tests.upgrade.history import History, Recorded, write
from tests.upgrade.walk import Walk

CODE = {
    "shapes": "tests/upgrade/shapes.py",
    "fulfilment": "services/order/fulfilment.py",
    **{name: f"contracts/{name}.py" for name in ("values", "order", "payment", "inventory", "shipping")},
}
WALKS = 400
LONGEST = 40
KEPT = 8
TROUBLES = (0.0, 0.15, 0.35)


def freeze(directory: Path, package: str) -> None:
    """Copy definitions and messages; what they import of each other is the copy."""
    directory.mkdir()
    (directory / "__init__.py").write_text('"""Definitions and messages as they were when this release was recorded; never changed."""\n')
    for name, source in CODE.items():
        text = (ROOT / source).read_text().replace("from contracts.", f"from {package}.")
        (directory / f"{name}.py").write_text(text)


def definitions(module: str) -> list[Definition]:
    """Every saga of a module."""
    return [value.compile() for value in vars(import_module(module)).values() if isinstance(value, Saga)]


def telling(histories: Iterable[History], most: int) -> list[History]:
    """Those that show the most pairs of neighbouring events that none before showed; few, for they are kept for ever."""
    left, known, chosen = [(history, _pairs(history)) for history in histories], set[tuple[str, str]](), list[History]()
    while left and len(chosen) < most:
        best = max(left, key=lambda one: (len(one[1] - known), -len(one[0].steps)))
        if not best[1] - known:
            break
        left.remove(best)
        known |= best[1]
        chosen.append(best[0])
    return chosen


def _pairs(history: History) -> set[tuple[str, str]]:
    words = [f"{step.kind}:{what}" for step in history.steps for what in [type(event).__name__ for event in step.facts()] or [step.said]]
    return set(zip(["", *words], words, strict=False))


class _Recorded(demo._Demo):
    """The demonstration, with the streams read before its servers are gone."""

    directory: Path
    histories: Sequence[History] = ()

    async def _report(self, place: Place, seconds: float) -> Any:
        report = await super()._report(place, seconds)
        self.histories = await recording.histories(self.directory, place.coordinator_dsn, "fulfil-order")
        return report


async def demonstrated(orders: int, seed: int) -> Sequence[History]:
    """Histories of a real run: PostgreSQL, a broker, four services with faults, and a coordinator that is killed."""
    with tempfile.TemporaryDirectory(prefix="saga-record-") as name:
        with patch.dict("os.environ", recording.hook(Path(name))):
            running = _Recorded(demo.DemoOptions(orders=orders, seed=seed, exit=True), Console(stderr=True))
            running.directory = Path(name)
            if await running.run():
                raise SystemExit("the demonstration did not end well: nothing is recorded of it")
        return running.histories


def main(words: Sequence[str]) -> int:
    """Record; the files that are new."""
    parser = argparse.ArgumentParser(prog="python -m tests.upgrade.release", description=__doc__)
    parser.add_argument("name", help="as in r0002")
    parser.add_argument("--orders", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(words)
    directory, package = ledger.CORPUS / asked.name, f"tests.upgrade.corpus.{asked.name}"
    freeze(directory, package)
    for definition in definitions(f"{package}.shapes"):
        walks = [Walk(definition, asked.seed * WALKS + n, TROUBLES[n % len(TROUBLES)]).story(LONGEST) for n in range(WALKS)]
        _keep(directory, definition.name, Recorded(definition.name, f"{package}.shapes", definition.name, tuple(telling(walks, KEPT))))
    orders = telling(asyncio.run(demonstrated(asked.orders, asked.seed)), 2 * KEPT)
    _keep(directory, "demo", Recorded("demo", f"{package}.fulfilment", "fulfil-order", tuple(orders)))
    said = {"release": release(), "commit": revision(), "at": datetime.now(UTC).isoformat(timespec="seconds"), "orders": asked.orders}
    (directory / "release.json").write_bytes(orjson.dumps(said, option=orjson.OPT_INDENT_2) + b"\n")
    print(f"{len(ledger.add())} files are new in {ledger.LEDGER}")
    return 0


def _keep(directory: Path, name: str, recorded: Recorded) -> None:
    write(directory / f"{name}.jsonl", recorded)
    print(f"{name:14} {len(recorded.histories):3} histories, {sum(len(one.steps) for one in recorded.histories):4} decisions", flush=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
