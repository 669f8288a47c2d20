"""What commands print: JSON for machines, tables for people. Text of strangers is shown as text: no markup, no control characters (A11)."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text


def as_json_line(value: object) -> str:
    """One line of JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


def print_json(value: object) -> None:
    """The document of a command on stdout."""
    sys.stdout.write(as_json_line(value))
    sys.stdout.flush()


def print_table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on stdout; nothing is cut off when stdout is no terminal."""
    table = Table(*heads, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(cell(value)) for value in row))
    _console().print(table)


class Screen:
    """A table in a terminal that is drawn anew."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def draw(self, heads: Sequence[str], rows: Iterable[Sequence[object]], below: str) -> None:
        """Show this instead of what is there."""
        table = Table(*heads, box=None, pad_edge=False, header_style="bold")
        for row in rows:
            table.add_row(*(Text(cell(value), no_wrap=True, overflow="ellipsis") for value in row))
        self._live.update(Group(table, Text(printable(below))), refresh=True)


@contextmanager
def live_table() -> Iterator[Screen]:
    """Take the terminal for as long; what is shown last stays."""
    with Live(console=_console(), auto_refresh=False) as live:
        yield Screen(live)


def print_line(text: str) -> None:
    """One line of text on stdout, wrapped by the terminal only."""
    _console().print(Text(printable(text)), soft_wrap=True)


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Names and values, one a line; without those that are empty."""
    for name, value in facts:
        if (said := cell(value)) != "":
            print_line(f"{name:<16} {said}")


def cell(value: object) -> str:
    """A value as people read it: times in UTC to the second, lists with commas, nothing for None."""
    match value:
        case None:
            return ""
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S")
        case list() | tuple():
            return ", ".join(cell(one) for one in value)
        case dict():
            return printable(json.dumps(value, ensure_ascii=False))
    return printable(str(value))


def printable(text: str, *, lines: bool = False) -> str:
    """The text with everything that could move a cursor written out; `lines` keeps line breaks."""
    return "".join(one if one.isprintable() or (lines and one == "\n") else ascii(one)[1:-1] for one in text)


def _console() -> Console:
    wide: dict[str, Any] = {} if sys.stdout.isatty() else {"width": 10_000}
    return _Console(highlight=False, markup=False, **wide)


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to `answering`: rich would end the process with 1, which means that the answer is no."""
        raise BrokenPipeError
