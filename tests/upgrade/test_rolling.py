"""A short upgrade: one cycle, forward and back, between the last release and this one."""

import os
import subprocess
import sys

import orjson
import pytest

from tests.proof.report import ROOT
from tests.upgrade.tree import Release

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]


def test_two_releases_take_turns_under_load_and_nothing_is_lost_or_done_twice() -> None:  # S12, P8, I1-I4, I8, I12, I19
    command = [
        sys.executable,
        "-m",
        "tests.upgrade",
        "--seed",
        "1",
        "--participants",
        "1",
        "--every",
        "0.2",
        "--max-seconds",
        "1",
        "--json",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=380, check=False)
    assert done.returncode == 0, done.stderr
    told = orjson.loads(done.stdout.splitlines()[-1])
    assert (told["cycles"], told["violations"], told["silent_faults"]) == (1, 0, [])
    assert told["sagas"] > 20


def test_a_tree_that_is_not_imported_from_is_no_release(tmp_path: os.PathLike[str]) -> None:
    with pytest.raises(LookupError, match="would run"):
        Release("empty", tmp_path).proves_itself()  # type: ignore[arg-type]
