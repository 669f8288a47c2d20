"""Commands that say what a saga waits for, and follow sagas as they go on."""
# ruff: noqa: PLC0415 - heavy libraries are loaded by the command that needs them

import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from saga.cli.asked import OnDesk, OnSaga, command
from saga.cli.doors import Doors
from saga.cli.sagas import TENANT, Status, ask, id_of, named
from saga.cli.shown import cell, live_table, print_json, print_line
from saga.cli.watching import list_changes, saga_changes
from saga.cli.words import worded

if TYPE_CHECKING:
    from saga.ports.streams import SagaRow
    from saga.runtime.operations import EventView, Operations, SagaView

HEADS = ("saga", "definition", "key", "status", "version", "changed (UTC)", "waits for")
EVENTS = 20


@dataclass(frozen=True, kw_only=True)
class Watch(OnDesk):
    """What is watched, and how often it is looked at."""

    saga: Annotated[str, typer.Argument(metavar="[SAGA]", help="Its id, or definition:key; without it the newest sagas.")] = ""
    definition: Annotated[str | None, typer.Option(callback=worded(), help="Only sagas of this definition.")] = None
    status: Annotated[Status | None, typer.Option(help="Only this status.")] = None
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many of the newest sagas.")] = 20
    every: Annotated[float, typer.Option(min=0.1, max=60, help="Seconds between two looks.")] = 1.0
    rounds: Annotated[int, typer.Option(min=0, help="End after so many changes; 0: when the saga has ended, or never.")] = 0


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    command(app, "explain", OnSaga)(explain)
    command(app, "watch", Watch)(watch)


def explain(asked: OnSaga, doors: Doors) -> None:
    """Say in one sentence what a saga waits for, since when, what happens next and when; or how it ended."""
    which = named(asked.saga)

    async def view(desk: "Operations") -> Any:
        return await desk.show(TENANT, await id_of(desk, which))

    seen: SagaView = ask(asked, doors, view)
    if asked.as_json:
        row = seen.row
        facts = {"saga_id": str(row.saga_id), "version": row.version, "status": row.status, "ended": row.ended}
        print_json({**facts, "explanation": seen.explanation})
    else:
        print_line(seen.explanation)


def watch(asked: Watch, doors: Doors) -> None:
    """Follow a saga until it has ended, or the newest sagas: live in a terminal, else a line for each change."""
    which = named(asked.saga) if asked.saga else None
    live = not asked.as_json and sys.stdout.isatty()
    screen: AbstractContextManager[Any] = live_table() if live else nullcontext()
    with screen as shown:
        show = _Shown(shown, as_json=asked.as_json)
        ask(asked, doors, lambda desk: _one(asked, desk, which, show) if which else _all(asked, desk, show))


class _Shown:
    """What is printed of a change: a table that is drawn anew, a JSON line, or a line."""

    def __init__(self, screen: Any, *, as_json: bool) -> None:
        self._screen = screen
        self._as_json = as_json
        self._events: list[tuple[object, ...]] = []

    def saga(self, view: "SagaView", new: "list[EventView]") -> None:
        """One saga has gone on."""
        from saga.api.views import seen_event

        for event in new:
            if self._as_json:
                print_json(seen_event(event).model_dump(mode="json"))
            elif self._screen is None:
                print_line(" ".join(cell(value) for value in (event.at, event.version, event.name, event.step) if value))
        if self._screen is not None:
            self._events = [*self._events, *((event.version, event.at, event.name, event.step) for event in new)][-EVENTS:]
            self._screen.draw(("version", "at (UTC)", "event", "step"), self._events, view.explanation)
        elif not self._as_json:
            print_line(view.explanation)

    def sagas(self, rows: "list[SagaRow]", new: "list[SagaRow]") -> None:
        """Some sagas have."""
        from saga.api.views import listed

        if self._screen is not None:
            self._screen.draw(HEADS, [_cells(row) for row in rows], f"{len(rows)} sagas, newest first; Ctrl-C ends it")
            return
        for row in new:
            if self._as_json:
                print_json(listed(row).model_dump(mode="json"))
            else:
                print_line(" ".join(cell(value) for value in _cells(row) if value))


async def _one(asked: Watch, desk: "Operations", which: UUID | tuple[str, str], shown: _Shown) -> None:
    left = asked.rounds
    async for view, new in saga_changes(desk, TENANT, await id_of(desk, which), asked.every):
        shown.saga(view, new)
        if (left := left - 1) == 0:
            return


async def _all(asked: Watch, desk: "Operations", shown: _Shown) -> None:
    from saga.ports.streams import SagaFilter

    left = asked.rounds
    async for rows, new in list_changes(desk, SagaFilter(TENANT, asked.definition, asked.status), asked.limit, asked.every):
        shown.sagas(rows, new)
        if (left := left - 1) == 0:
            return


def _cells(row: "SagaRow") -> tuple[object, ...]:
    return row.saga_id, row.definition, row.key, row.status, row.version, row.last_progress, row.waits_for
