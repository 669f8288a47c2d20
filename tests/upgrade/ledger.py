"""The corpus only grows: each file stands in LEDGER with its hash, and no line of LEDGER ever changes or goes.

Why a file beside git's own memory: a corpus that was recorded again because a test was red would be the one thing that the corpus is
there to forbid, and in a diff of recorded JSON nobody would see it. A changed line of LEDGER is seen.
"""

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
LEDGER = "LEDGER"
_KEPT = (".jsonl", ".py", ".json")


def entries(corpus: Path = CORPUS) -> dict[str, str]:
    """Path below the corpus → hash, as the ledger has it."""
    lines = (corpus / LEDGER).read_text().splitlines() if (corpus / LEDGER).exists() else []
    return {path: digest for digest, path in (line.split("  ", 1) for line in lines)}


def found(corpus: Path = CORPUS) -> dict[str, str]:
    """The same of what is there."""
    paths = sorted(path for path in corpus.rglob("*") if path.suffix in _KEPT)
    return {path.relative_to(corpus).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def add(corpus: Path = CORPUS) -> list[str]:
    """Write down what is new. Raises ValueError for a file that was changed or taken away."""
    if faults := list(differences(corpus, grown=True)):
        raise ValueError("; ".join(faults))
    known = entries(corpus)
    fresh = {path: digest for path, digest in found(corpus).items() if path not in known}
    with (corpus / LEDGER).open("a") as file:
        file.write("".join(f"{digest}  {path}\n" for path, digest in fresh.items()))
    return list(fresh)


def differences(corpus: Path = CORPUS, *, grown: bool = False) -> Iterator[str]:
    """What is not as it was written down. `grown`: files that the ledger does not know yet are none."""
    known, there = entries(corpus), found(corpus)
    for path, digest in known.items():
        if there.get(path) != digest:
            yield f"{path} {'was changed' if path in there else 'is gone'}: recorded histories stay as they are for ever"
    if not grown:
        yield from (f"{path} does not stand in {LEDGER}" for path in there if path not in known)


def rewritten(corpus: Path = CORPUS) -> Iterator[str]:
    """Commits after which the ledger did not begin with what it said before. Nothing where git cannot be asked."""
    current = (corpus / LEDGER).read_text()
    path = f"./{LEDGER}"
    told = _git(corpus, "log", "--format=%H", "--", path)
    for commit in told.split() if told else ():
        then = _git(corpus, "show", f"{commit}:{path}")
        if then is not None and not current.startswith(then):
            yield f"{LEDGER} does not begin with what it said at {commit[:12]}"


def _git(corpus: Path, *words: str) -> str | None:
    done = subprocess.run(["git", "-C", str(corpus), *words], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None
