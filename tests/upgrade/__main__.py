"""`python -m tests.upgrade`: recorded histories are judged, then two releases take turns under load."""

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.proof.asking import Budget, options
from tests.proof.report import ROOT, Report
from tests.upgrade import ledger
from tests.upgrade.judging import files, judge
from tests.upgrade.rolling import Wish, roll
from tests.upgrade.tree import Release, export, previous


def main(words: list[str]) -> int:
    """Run it; 0 only if everything held."""
    parser = options("upgrade", __doc__ or "")
    parser.add_argument("--from", dest="revision", default="", help="the older release, any git revision; by default the last one")
    parser.add_argument("--cycles", type=int, default=1, help="how often forward and back")
    parser.add_argument("--participants", type=int, default=2, help="how many of them change their release in a cycle")
    parser.add_argument("--every", type=float, default=0.1, help="seconds from one order to the next")
    parser.add_argument("--corpus-only", action="store_true", help="judge the recorded histories and start no server")
    asked = parser.parse_args(words)
    report, budget = Report("upgrade", asked.seed), Budget(asked.max_seconds)
    corpus(report)
    if not asked.corpus_only:
        with tempfile.TemporaryDirectory(prefix="saga-upgrade-") as name:
            old = export(asked.revision or previous(), Path(name, "old"))
            releases = old, Release("this one", ROOT)
            report.tell("from", old.name)
            for one in releases:
                one.proves_itself()
            asyncio.run(roll(report, releases, Path(name), budget, _say, Wish(asked.cycles, asked.participants, asked.every)))
    return report.finish(as_json=asked.json, record=asked.record)


def corpus(report: Report) -> None:
    """Every recorded history folds and decides as it did, and none was recorded again."""
    for path in files():
        judge(report, path)
    faults = [*ledger.differences(), *ledger.rewritten()]
    for fault in faults:
        report.broke("the corpus only grows", fault)
    report.held("the corpus only grows", 0 if faults else len(ledger.entries()))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
