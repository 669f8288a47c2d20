"""Reads the SQL files of this folder: one per table, each query named in a comment with a sentence on its purpose."""

import re
from collections.abc import Mapping
from pathlib import Path

_FOLDER = Path(__file__).parent / "sql"
_NAMED = re.compile(r"^-- (\w+): .*$", re.MULTILINE)


def script(name: str) -> str:
    """The whole text of a file."""
    return (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")


def queries(name: str) -> Mapping[str, str]:
    """The queries of a file by name."""
    parts = _NAMED.split(script(name))
    return {title: text.strip() for title, text in zip(parts[1::2], parts[2::2], strict=True)}
