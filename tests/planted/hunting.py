"""Run a rung on a copy of the tree, with a defect or without one."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import orjson

from tests.planted.planted import Planted, plant
from tests.proof.report import ROOT

WHOLE = ("saga", "contracts", "services", "tests", "tools", "docs")
FILES = ("pyproject.toml", "README.md", "CHANGELOG.md")
TESTS_FAILED = 1
PATIENCE = 3.0


@dataclass(frozen=True, slots=True)
class Hunt:
    """What a rung said. `red`: it found something; `sound`: it ended as a rung ends, with a verdict and in time."""

    red: bool
    sound: bool
    seconds: float
    told: str


def copy_tree(to: Path) -> Path:
    """The sources that are run, without what was made of them."""
    unwanted = shutil.ignore_patterns("__pycache__", ".venv", "node_modules", "*.pyc")
    for room in WHOLE:
        if (ROOT / room).is_dir():
            shutil.copytree(ROOT / room, to / room, ignore=unwanted)
    for name in FILES:
        shutil.copy(ROOT / name, to / name)
    return to


def hunt(planted: Planted, at: Path, *, sound_tree: bool = False) -> Hunt:
    """Run what must find the defect, in a copy of the tree under `at`. On a sound tree nothing is planted. Raises DoesNotFit."""
    root = copy_tree(at)
    if not sound_tree:
        plant(root, planted)
    began = monotonic()
    command = planted.command if sound_tree else (*planted.command, *planted.switch)
    code, out, err = _run(command, root, planted.seconds * PATIENCE)
    seconds = monotonic() - began
    ended = code in (0, TESTS_FAILED) and seconds <= planted.seconds
    if planted.command[1] != "pytest":
        return _judged_by_report(code, out, err, seconds, in_time=ended, short=planted.short)
    failed = code == TESTS_FAILED and " failed" in out
    return Hunt(failed, ended and (failed or code == 0), seconds, _last(out))


def _judged_by_report(code: int, out: str, err: str, seconds: float, *, in_time: bool, short: bool) -> Hunt:
    """A rung's own word, and not its exit alone: a command that falls over has found nothing."""
    try:
        told = orjson.loads(out.strip().splitlines()[-1])
    except (IndexError, orjson.JSONDecodeError):
        return Hunt(red=False, sound=False, seconds=seconds, told=_last(err or out))
    verdict, silent = told.get("verdict"), len(told.get("silent_faults", ()))
    red = code == 1 and verdict == "broken" and told["violations"] > silent
    quiet = verdict == "holds" or (short and verdict == "broken" and told["violations"] == silent)
    first = next((line for line in err.splitlines() if " is broken: " in line), "")
    return Hunt(red, in_time and (red or quiet), seconds, first)


def _run(command: tuple[str, ...], root: Path, seconds: float) -> tuple[int, str, str]:
    """In a session of its own, so that nothing it started outlives it."""
    told = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen(
        [sys.executable, *command], cwd=root, env=told, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        return -1, out, f"{err}\nstopped after {seconds:.0f} s"
    return process.returncode, out, err


def _last(text: str) -> str:
    lines = [line for line in text.splitlines() if line.startswith(("FAILED", "ERROR"))] or text.strip().splitlines()
    return lines[-1][:200] if lines else ""
