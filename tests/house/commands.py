"""docs/cli.md: every command with its options, as typer describes the application."""

import html
import os
import subprocess
import sys
from pathlib import Path

DOCUMENT = "docs/cli.md"
TITLE = "The saga command"
_WIDE = {"COLUMNS": "200", "TERM": "dumb", "NO_COLOR": "1"}


def document() -> str:
    """The whole page. Raises CalledProcessError when the application cannot be loaded."""
    typer = str(Path(sys.executable).with_name("typer"))
    command = [typer, "saga.cli.app", "utils", "docs", "--name", "saga", "--title", TITLE]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **_WIDE})
    return html.unescape(done.stdout).strip() + "\n"
