"""Walks a page of the documentation as its reader does: commands are run, files are written, what is said to be shown is looked for.

sh [exit=N] [background]   run, line after line; the page's own exit code, 0 without one; `background` runs until the page ends
text shows                 each line stands in what the command before it printed; three dots stand for anything
LANGUAGE write=PATH        the block is that file, below the reader's directory
python file=PATH           a quotation of the project: the house compares it
LANGUAGE excerpt           needs what is not here, as a container engine: not run
"""

import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from tests.house.readme import Block, blocks

LONGEST = 100.0


class Stumbled(AssertionError):
    """The page says something that is not so."""


class Walk:
    """A reader with a directory and an environment of their own."""

    def __init__(self, page: Path, directory: Path, environment: Mapping[str, str]) -> None:
        self._page = page
        self._directory = directory
        self._environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1", **environment}
        self._printed = ""
        self.walked = 0

    def go(self) -> None:
        """From the first block to the last. Raises Stumbled with the line of the page."""
        with ExitStack() as running:
            for block in blocks(self._page.read_text(encoding="utf-8")):
                self._step(block, running)
                self.walked += 1

    def _step(self, block: Block, running: ExitStack) -> None:
        words = dict(word.partition("=")[::2] for word in block.info.split())
        if "excerpt" in words:
            return
        if block.language == "sh" and "background" in words:
            self._start(block, running)
        elif block.language == "sh":
            self._run(block, int(words.get("exit", "0")))
        elif block.language == "text" and "shows" in words:
            self._look(block)
        elif "write" in words:
            self._write(block, words["write"])
        elif "file" not in words:
            raise Stumbled(f"{self._where(block)}: nobody runs this block: say what it is")

    def _run(self, block: Block, expected: int) -> None:
        script = f"set -eo pipefail\n{block.body}"
        done = subprocess.run(
            ["bash", "-c", script], cwd=self._directory, env=self._environment, capture_output=True, text=True, timeout=LONGEST, check=False
        )
        self._printed = done.stdout + done.stderr
        if done.returncode != expected:
            raise Stumbled(f"{self._where(block)}: exit code {done.returncode}, not {expected}\n{block.body}\n{self._printed}")

    def _look(self, block: Block) -> None:
        for line in block.body.splitlines():
            wanted = ".*".join(re.escape(part.strip()) for part in line.split("…"))
            if not re.search(wanted, self._printed):
                raise Stumbled(f"{self._where(block)}: {line!r} does not stand in\n{self._printed}")

    def _write(self, block: Block, name: str) -> None:
        path = self._directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.body, encoding="utf-8")

    def _start(self, block: Block, running: ExitStack) -> None:
        process = subprocess.Popen(["bash", "-c", f"exec {block.body}"], cwd=self._directory, env=self._environment, start_new_session=True)
        running.callback(_end, process)

    def _where(self, block: Block) -> str:
        return f"{self._page.name}:{block.line}"


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    if process.poll() is None:
        process.kill()
        raise Stumbled(f"process {process.pid} did not end by SIGINT")
