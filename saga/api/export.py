"""Writes the OpenAPI document: `python -m saga.api.export [FILE]`; a test compares the committed file with the routes (A9)."""

import json
import sys
from pathlib import Path
from typing import Any, cast

from saga.api.app import build_app
from saga.config import Settings
from saga.runtime.operations import LiveOperations

COMMITTED = "contracts/openapi.json"


def text() -> str:
    """The document as it stands in the file: sorted and indented, so that a difference reads well."""
    app = build_app(cast(LiveOperations, _Nobody()), lambda: (b"", "text/plain"), Settings())
    described: dict[str, Any] = app.openapi()
    return json.dumps(described, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> None:
    """Write it, by default where it is committed."""
    Path(arguments[0] if arguments else COMMITTED).write_text(text(), encoding="utf-8")


class _Nobody:
    """No desk is asked while the routes are described."""


if __name__ == "__main__":
    main(sys.argv[1:])
