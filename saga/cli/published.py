"""Commands on definitions as the database knows them: list them, pause and resume all sagas of one."""
# ruff: noqa: PLC0415 - heavy libraries are loaded by the command that needs them

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer

from saga.cli.asked import Acting, OnDesk, command
from saga.cli.doors import Doors
from saga.cli.sagas import TENANT, ask
from saga.cli.shown import print_json, print_line, print_table
from saga.cli.words import worded

if TYPE_CHECKING:
    from saga.runtime.operations import DefinitionActResult, Operations


@dataclass(frozen=True, kw_only=True)
class OnDefinition(OnDesk, Acting):
    """Which definition."""

    name: Annotated[str, typer.Argument(callback=worded(), metavar="NAME", help="Name of a definition.")]


@dataclass(frozen=True, kw_only=True)
class ResumeDefinition(OnDefinition):
    """How far to go."""

    even_if_forgotten: Annotated[bool, typer.Option("--even-if-forgotten", help="Also if participants may not remember.")] = False


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    command(app, "definitions", OnDesk)(definitions)
    command(app, "pause-definition", OnDefinition)(pause_definition)
    command(app, "resume-definition", ResumeDefinition)(resume_definition)


def definitions(asked: OnDesk, doors: Doors) -> None:
    """List every definition version that a replica ever published, and which are paused."""
    from saga.api.views import DefinitionList, published

    async def both(desk: "Operations") -> DefinitionList:
        paused = {pause.definition: pause for pause in await desk.paused_definitions(TENANT)}
        return DefinitionList(items=[published(row, paused.get(row.name)) for row in await desk.definitions()])

    found: DefinitionList = ask(asked, doors, both)
    if asked.as_json:
        print_json(found.model_dump(mode="json"))
    else:
        heads = ("definition", "version", "starts on", "paused by", "because", "since (UTC)")
        print_table(
            heads, [(one.name, one.version, one.starts_on, one.paused_by, one.paused_because, one.paused_at) for one in found.items]
        )


def pause_definition(asked: OnDefinition, doors: Doors) -> None:
    """Pause all sagas of a definition: those that run, and those that start later."""
    _act(asked, doors, "pause_definition")


def resume_definition(asked: ResumeDefinition, doors: Doors) -> None:
    """End the pause of a definition. Sagas that were paused one by one stay paused."""
    _act(asked, doors, "resume_definition", even_if_forgotten=asked.even_if_forgotten)


def _act(asked: OnDefinition, doors: Doors, verb: str, *, even_if_forgotten: bool = False) -> None:
    from saga.api.views import DefinitionPause
    from saga.runtime.operations import DefinitionAct

    act = DefinitionAct(asked.name, asked.who, asked.reason, f"cli:{verb}:{uuid4()}", even_if_forgotten)

    async def perform(desk: "Operations") -> "DefinitionActResult":
        changed = 0
        while True:
            result: DefinitionActResult = await getattr(desk, verb)(TENANT, act)
            changed += result.changed
            if not result.more:
                return type(result)(result.definition, result.paused, changed, result.refused, more=False)

    result = ask(asked, doors, perform)
    if asked.as_json:
        print_json(DefinitionPause.model_validate(result).model_dump(mode="json"))
        return
    refused = f", {result.refused} could not be changed" if result.refused else ""
    print_line(f"{result.definition} is {'paused' if result.paused else 'not paused'}: {result.changed} sagas changed{refused}")
