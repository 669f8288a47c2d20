"""Text that people type, with the bounds that REST has: it goes into events and queries, which keep it for ever."""

from collections.abc import Callable
from typing import Any

import typer

LONGEST_NAME = 200
LONGEST_REASON = 1_000


def fault_of(text: str, longest: int, *, line: bool = True) -> str:
    """What is wrong with a text, or an empty string. `line`: it must be one line that moves no cursor."""
    if not text:
        return "must not be empty"
    if len(text) > longest:
        return f"may have {longest} characters"
    if "\x00" in text or any("\ud800" <= one <= "\udfff" for one in text):
        return "must be UTF-8 without NUL"
    return "must be printable" if line and not text.isprintable() else ""


def worded(longest: int = LONGEST_NAME, *, line: bool = True, empty: bool = False, strip: bool = False) -> Callable[[Any], Any]:
    """A callback for an option of text: refuses what cannot be kept, which is wrong usage. `empty`: it may be left out. `strip`: blanks
    around it are dropped, which is for prose: a name or a key is looked up as it was given."""

    def callback(value: Any) -> Any:
        if value is None or (empty and value == ""):
            return value
        text = str(value).strip() if strip else str(value)
        if fault := fault_of(text, longest, line=line):
            raise typer.BadParameter(fault)
        return text

    return callback
