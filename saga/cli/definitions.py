"""Commands that need no database: check and draw definitions, print the names of telemetry."""
# ruff: noqa: PLC0415 - heavy libraries are loaded by the command that needs them

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from saga.cli.answers import Exit
from saga.cli.asked import Asked, command
from saga.cli.doors import Doors
from saga.cli.shown import print_json, print_line, print_table
from saga.errors import DefinitionError, Fault, SagaError

if TYPE_CHECKING:
    from saga.definition.graph import Definition


@dataclass(frozen=True, kw_only=True)
class OnModule(Asked):
    """Which definitions."""

    module: Annotated[str, typer.Argument(metavar="MODULE", help="As in shop.sagas, or shop.sagas:fulfil_order for one of it.")]


@dataclass(frozen=True, kw_only=True)
class Diagram(OnModule):
    """Which of them."""

    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Name of a definition; all of the module without it.")] = ""


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    command(app, "check", OnModule)(check)
    command(app, "diagram", Diagram)(diagram)
    inspect = typer.Typer(no_args_is_help=True, help="Print what this release declares.")
    command(inspect, "metrics", Asked)(metrics)
    inspect.callback()(lambda: None)
    app.add_typer(inspect, name="inspect")


def check(asked: OnModule, _: Doors) -> None:
    """Check the definitions of a module: every fault at once, each with its mend. Exit 1 if there is one."""
    found: Sequence[Definition] = ()
    faults: Sequence[Fault] = ()
    try:
        found = _loaded(asked.module)
    except DefinitionError as error:
        faults = error.faults
    if asked.as_json:
        steps: list[dict[str, Any]] = [{**_identity(one), "hash": one.hash, "steps": list(one.steps)} for one in found]
        print_json({"ok": not faults, "definitions": steps, "faults": [_fault(fault) for fault in faults]})
    else:
        for one in found:
            print_line(f"{one.name} version {one.version}: {len(one.steps)} steps, no fault")
        for fault in faults:
            print_line(str(fault))
    raise typer.Exit(Exit.NO if faults else Exit.DONE)


def diagram(asked: Diagram, _: Doors) -> None:
    """Draw definitions as Mermaid text."""
    from saga.definition.diagram import mermaid

    drawn = [one for one in _loaded(asked.module) if asked.name in ("", one.name)]
    if not drawn:
        raise LookupError(f"{asked.module} holds no definition named {asked.name}")
    if asked.as_json:
        print_json({"items": [{**_identity(one), "mermaid": mermaid(one)} for one in drawn]})
        return
    for one in drawn:
        typer.echo(mermaid(one), nl=False)


def metrics(asked: Asked, _: Doors) -> None:
    """Print every metric with its labels, unit and sentence."""
    from saga.observability.names import ALL

    if asked.as_json:
        fields = ("name", "kind", "unit", "sentence")
        print_json({"items": [{**{name: str(getattr(one, name)) for name in fields}, "labels": list(one.labels)} for one in ALL]})
        return
    print_table(
        ("metric", "kind", "unit", "labels", "what it counts"), [(one.name, one.kind, one.unit, one.labels, one.sentence) for one in ALL]
    )


def _loaded(module: str) -> "Sequence[Definition]":
    """The definitions of a module; what the module itself raises becomes a fault of it."""
    from saga.definition.registry import Registry

    try:
        return Registry().load(module)
    except SagaError:
        raise
    except Exception as error:
        fault = Fault(module, f"importing it raised {type(error).__name__}: {error}", "mend the module")
        raise DefinitionError(module, [fault]) from None


def _identity(one: "Definition") -> dict[str, Any]:
    return {"name": one.name, "version": one.version}


def _fault(fault: Fault) -> dict[str, str]:
    return {"where": fault.where, "what": fault.what, "mend": fault.mend}
