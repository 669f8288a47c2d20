"""What a rung found: counts, faults, a verdict per invariant. It judges the run, prints it and keeps it."""

import platform
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import monotonic
from typing import Any

import orjson

ROOT = Path(__file__).parent.parent.parent
CAMPAIGNS = ROOT / "docs" / "campaigns"
PACKAGES = ("saga-coordinator", "aiokafka", "asyncpg", "confluent-kafka", "pydantic", "fastapi")
STORIES = 5


def revision(root: Path = ROOT) -> str:
    """The commit that is run, with a mark when the tree differs from it; `unknown` outside of a repository."""
    told = subprocess.run(
        ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() or "unknown"


def versions() -> dict[str, str]:
    """Of what takes part; a package that is not installed is left out."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


@dataclass
class Verdict:
    """How often an invariant was checked, and the stories of where it broke."""

    checked: int = 0
    stories: list[str] = field(default_factory=list)


class Report:
    """One run of one rung. `counts` are the rung's own figures (`sagas`, `states`, ...); `faults` count how often each one fired."""

    def __init__(self, rung: str, seed: int, faults: Iterable[str] = ()) -> None:
        self.rung = rung
        self.seed = seed
        self.counts: Counter[str] = Counter()
        self.figures: dict[str, Any] = {}
        self.faults: Counter[str] = Counter(dict.fromkeys(faults, 0))
        self.verdicts: dict[str, Verdict] = {}
        self._begun = monotonic()
        self._at = datetime.now(UTC)
        self._revision = revision()

    def count(self, name: str, by: int = 1) -> None:
        """So much more of what the rung counts."""
        self.counts[name] += by

    def tell(self, name: str, value: Any) -> None:
        """A figure that is not counted up: a hash, a percentile, a version of a server."""
        self.figures[name] = value

    def enable(self, *faults: str) -> None:
        """From now on the run fails unless each of these fires (I21)."""
        for fault in faults:
            self.faults[fault] += 0

    def fired(self, fault: str, times: int = 1) -> None:
        """The fault has happened, seen where it happens, not where it was asked for."""
        self.faults[fault] += times

    def held(self, invariant: str, times: int = 1) -> None:
        """The invariant was checked so often and held."""
        if times:
            self.verdicts.setdefault(invariant, Verdict()).checked += times

    def broke(self, invariant: str, story: str) -> None:
        """It was checked and did not hold; `story` says where, and how to see it again."""
        verdict = self.verdicts.setdefault(invariant, Verdict())
        verdict.checked += 1
        verdict.stories.append(story)

    @property
    def silent(self) -> list[str]:
        """Faults that were enabled and never fired."""
        return sorted(fault for fault, times in self.faults.items() if times == 0)

    @property
    def violations(self) -> int:
        """How many checks did not hold, silent faults among them (I21)."""
        return sum(len(verdict.stories) for verdict in self.verdicts.values()) + len(self.silent)

    @property
    def good(self) -> bool:
        """Nothing was broken, and something was checked at all."""
        return self.violations == 0 and bool(self.verdicts)

    def data(self) -> dict[str, Any]:
        """All of it, as JSON can say it; counts and figures stand at the top."""
        verdicts = {name: {"checked": it.checked, "violations": len(it.stories)} for name, it in sorted(self.verdicts.items(), key=_number)}
        return {
            "rung": self.rung,
            "seed": self.seed,
            "at": self._at.isoformat(timespec="seconds"),
            "commit": self._revision,
            "versions": versions(),
            "seconds": round(monotonic() - self._begun, 2),
            **self.counts,
            **self.figures,
            "faults": dict(sorted(self.faults.items())),
            "silent_faults": self.silent,
            "invariants": verdicts,
            "violations": self.violations,
            "verdict": "holds" if self.good else "broken" if self.violations else "nothing was checked",
        }

    def finish(self, *, as_json: bool, record: bool = False) -> int:
        """Print the run, keep it if asked, and say how the process exits: 0 only when everything that was checked held."""
        for name, verdict in self.verdicts.items():
            for story in verdict.stories[:STORIES]:
                print(f"{name} is broken: {story}", file=sys.stderr)
        for fault in self.silent:
            print(f"I21 is broken: {fault} never fired, so this run proves nothing about it", file=sys.stderr)
        if record:
            print(f"kept as {self.keep().relative_to(ROOT)}", file=sys.stderr)
        print(orjson.dumps(self.data()).decode() if as_json else self.table(), flush=True)
        return 0 if self.good else 1

    def table(self) -> str:
        """For a person: what ran, what fired, what held."""
        told = self.data()
        lines = [f"{self.rung}: seed {self.seed}, commit {told['commit']}, {told['seconds']} s: {told['verdict']}"]
        lines += [f"  {name:24} {value!s:>14}" for name, value in (self.counts | self.figures).items()]
        lines += [f"  fault {name:18} {times:>14}" for name, times in told["faults"].items()]
        lines += [f"  {name:24} {it['checked']:>14} checked  {it['violations']} broken" for name, it in told["invariants"].items()]
        return "\n".join(lines)

    def keep(self, folder: Path = CAMPAIGNS) -> Path:
        """Write the page of this campaign and return its path. One page a run: a page is never written again."""
        told = self.data()
        folder.mkdir(parents=True, exist_ok=True)
        page = folder / f"{self._at:%Y-%m-%d-%H%M%S}-{self.rung}.md"
        rows = [f"| {name} | {value} |" for name, value in (self.counts | self.figures).items()]
        faults = [f"| {name} | {times} |" for name, times in told["faults"].items()]
        verdicts = [f"| {name} | {it['checked']} | {it['violations']} |" for name, it in told["invariants"].items()]
        text = [f"# {self.rung}, {told['at']}: {told['verdict']}", ""]
        text += [f"Commit {told['commit']}, seed {self.seed}, {told['seconds']} s. Written by the command itself.", ""]
        text += ["| figure | value |", "| --- | --- |", *rows, ""]
        text += ["| fault | fired |", "| --- | --- |", *faults, ""] if faults else []
        text += ["| invariant | checked | broken |", "| --- | --- | --- |", *verdicts, ""]
        text += ["```json", orjson.dumps(told).decode(), "```", ""]
        page.write_text("\n".join(text))
        return page


def _number(item: tuple[str, Verdict]) -> tuple[int, str]:
    name = item[0]
    return (int(name[1:]) if name[1:].isdigit() else 0), name
