"""Writes down every decision of a real coordinator, and fits them to the streams that its database kept.

    python -m saga serve  with  PYTHONPATH=<this package's `hook` in a directory>:…  and  SAGA_RECORD=<directory>

A process that is killed loses at most the line that it was writing. A decision is written before its commit, so the file also holds
decisions that a rival or a crash undid: only those whose events are the stream's own are kept.
"""

import os
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from tests.upgrade.history import History, Step, line_of, step_of, take

RECORD = "SAGA_RECORD"
HOOK = """
import sys
if "serve" in sys.orig_argv:
    from tests.upgrade.recording import install
    install()
"""
IDLE = 2  # how many decisions without events are kept of one version: duplicates look alike


def hook(directory: Path) -> Mapping[str, str]:
    """What the environment of a process must have, so that it writes its decisions into this directory."""
    (directory / "sitecustomize.py").write_text(HOOK)
    path = os.pathsep.join((str(directory), str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")))
    return {"PYTHONPATH": path, RECORD: str(directory)}


def install() -> None:
    """From now on this process writes down what it decides."""
    from saga.core.decide import decide
    from saga.runtime import plan

    file = (Path(os.environ[RECORD]) / f"decisions-{os.getpid()}.jsonl").open("ab", buffering=0)

    def recorded(definition: Any, state: Any, given: Any, now: datetime) -> Any:
        step, _ = take(definition, state, given, now)
        key = given.key if state.started is None else state.start.key
        file.write(orjson.dumps({"definition": definition.name, "key": key, "version": state.version, **line_of(step)}) + b"\n")
        return decide(definition, state, given, now)

    vars(plan)["decide"] = recorded


async def histories(directory: Path, dsn: str, definition: str) -> list[History]:
    """Every saga whose whole stream was seen being decided, by key."""
    steps = _decisions(directory, definition)
    found = []
    for key, stream in sorted((await _streams(dsn, definition)).items()):
        if whole := _fitted(steps[key], stream):
            found.append(History(key, tuple(whole)))
    return found


def _fitted(steps: Mapping[int, Sequence[Step]], stream: Sequence[bytes]) -> list[Step]:
    """The decisions that made this stream, with some that added nothing; empty where one is missing."""
    whole: list[Step] = []
    version = 0
    while version < len(stream):
        idle = [step for step in steps.get(version, ()) if not step.events]
        made = [one for one in steps.get(version, ()) if one.events and one.events == tuple(stream[version : version + len(one.events)])]
        if not made:
            return []
        whole += [*idle[:IDLE], made[0]]
        version += len(made[0].events)
    return [*whole, *[step for step in steps.get(version, ()) if not step.events][:IDLE]]


def _decisions(directory: Path, definition: str) -> dict[str, dict[int, list[Step]]]:
    found: dict[str, dict[int, list[Step]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted(directory.glob("decisions-*.jsonl")):
        for raw in path.read_bytes().split(b"\n"):
            try:
                line = orjson.loads(raw)
            except orjson.JSONDecodeError:
                continue  # the end of a process that was killed
            if line["definition"] == definition:
                found[line["key"]][line["version"]].append(step_of(line))
    return found


async def _streams(dsn: str, definition: str) -> dict[str, list[bytes]]:
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        rows = await connection.fetch(
            "select s.key, e.data from saga.saga_event e join saga.saga s using (saga_id)"
            " where s.definition = $1 order by s.key, e.version",
            definition,
        )
    finally:
        await connection.close()
    found: dict[str, list[bytes]] = defaultdict(list)
    for row in rows:
        found[row["key"]].append(bytes(row["data"]))
    return found


if __name__ == "__main__":
    sys.exit("this module is installed by `hook`")
