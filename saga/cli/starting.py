"""Commands on what is to come: start a saga, perhaps wait for its end; ask whether work can be done at all."""
# ruff: noqa: PLC0415 - heavy libraries are loaded by the command that needs them

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer

from saga.cli.answers import Exit
from saga.cli.asked import OnDesk, command
from saga.cli.doors import Doors
from saga.cli.sagas import TENANT, ask
from saga.cli.shown import print_facts, print_json, print_line
from saga.cli.words import worded
from saga.errors import ConfigurationError

if TYPE_CHECKING:
    from saga.runtime.operations import Operations, SagaView, Started

LOOK_EVERY = 0.2


@dataclass(frozen=True, kw_only=True)
class Start(OnDesk):
    """What is started, with what, and how long to wait for its end."""

    definition: Annotated[str, typer.Argument(callback=worded(), metavar="DEFINITION", help="Name of a definition.")]
    body: Annotated[str, typer.Option(metavar="FILE|-|JSON", help="The event that it starts on: a file, - for stdin, or the JSON itself.")]
    key: Annotated[
        str, typer.Option(callback=worded(empty=True), help="Key of this request: the same one again starts nothing new. One is made up.")
    ] = ""
    wait: Annotated[float, typer.Option(min=0, max=3_600, help="Wait so many seconds for its end; exit 0 only if it completed.")] = 0


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    command(app, "start", Start)(start)
    command(app, "ready", OnDesk)(ready)


def start(asked: Start, doors: Doors) -> None:
    """Start a saga."""
    body, key = _body(asked.body), asked.key or f"cli:start:{uuid4()}"

    async def perform(desk: "Operations") -> "tuple[Started, SagaView | None]":
        started = await desk.start(TENANT, asked.definition, body, key)
        return started, await _end_of(desk, started, asked.wait) if asked.wait else None

    started, view = ask(asked, doors, perform)
    if asked.as_json:
        ended = {"status": view.row.status, "ended": view.row.ended} if view else {}
        print_json({"saga_id": str(started.saga_id), "created": started.created, **ended})
    else:
        print_line(f"{started.saga_id} {'started' if started.created else 'had been started before'}")
        if view:
            print_facts([("status", view.row.status), ("waits for", view.explanation)])
    raise typer.Exit(Exit.DONE if view is None or view.row.status == "completed" else Exit.NO)


def ready(asked: OnDesk, doors: Doors) -> None:
    """Say whether work can be done: over REST whether that replica is ready, else whether the database answers and fits."""
    faults: Mapping[str, str] = ask(asked, doors, lambda desk: desk.faults())
    if asked.as_json:
        print_json({"ready": not faults, "faults": dict(faults)})
    else:
        print_line("not ready" if faults else "ready")
        print_facts(sorted(faults.items()))
    raise typer.Exit(Exit.UNAVAILABLE if faults else Exit.DONE)


async def _end_of(desk: "Operations", started: "Started", seconds: float) -> "SagaView":
    """The saga at its end, or as it is when the time is over."""
    until = asyncio.get_running_loop().time() + seconds
    view = await desk.show(TENANT, started.saga_id)
    while not view.row.ended and asyncio.get_running_loop().time() < until:
        await asyncio.sleep(LOOK_EVERY)
        view = await desk.show(TENANT, started.saga_id)
    return view


def _body(said: str) -> dict[str, Any]:
    """The JSON object of --body. Raises ConfigurationError for a file that cannot be read, ContractError for what is not such an object."""
    from saga.body import parse_body

    if said.lstrip().startswith("{"):
        return parse_body(said.encode("utf-8", "surrogateescape"))
    try:
        return parse_body(sys.stdin.buffer.read() if said == "-" else Path(said).read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"--body: {said[:80]!r} is neither a JSON object nor a file that can be read ({type(error).__name__})"
        ) from None
