"""The command that plays the wire protocol at a participant and says which rules it keeps."""
# ruff: noqa: PLC0415 - heavy libraries are loaded by the command that needs them

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from saga.cli.answers import Exit
from saga.cli.asked import Asked, command
from saga.cli.doors import Doors
from saga.cli.shown import print_json, print_line
from saga.cli.words import worded

if TYPE_CHECKING:
    from saga.testing.conversation import Words

_TYPE_AND_BODY = "TYPE=BODY"


def _needed(text: str) -> str:
    if not all(text.partition("=")[::2]):
        raise typer.BadParameter("must be TYPE=BODY")
    return text


def _if_any(text: str) -> str:
    return _needed(text) if text else text


@dataclass(frozen=True, kw_only=True)
class Conformance(Asked):
    """Who is asked, and with which commands."""

    participant: Annotated[str, typer.Option(callback=worded(), help="Its name; its topics are NAME.commands and NAME.events.")]
    do: Annotated[
        str, typer.Option(callback=_needed, metavar=_TYPE_AND_BODY, help="A do that always succeeds; $ID in it becomes new text each time.")
    ]
    undo: Annotated[str, typer.Option(callback=_needed, metavar=_TYPE_AND_BODY, help="The undo of it.")]
    refused: Annotated[str, typer.Option(callback=_if_any, metavar=_TYPE_AND_BODY, help="A do that is always refused.")] = ""
    bootstrap: Annotated[str, typer.Option(help="Kafka's bootstrap servers, instead of SAGA_KAFKA_BOOTSTRAP.")] = ""
    patience: Annotated[float, typer.Option(min=0.1, max=600, help="Seconds that an answer may take.")] = 10.0


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app, "conformance", Conformance)(conformance)


def conformance(asked: Conformance, doors: Doors) -> None:
    """Play the wire protocol at a participant: duplicates, undo before do, fences, epochs, broken records. Exit 1 if it breaks a rule.

    It leaves effects behind, and answers that no coordinator has asked for: use a Kafka and a database made for the test."""
    from saga.config import load_settings

    settings = load_settings(**({"kafka_bootstrap": asked.bootstrap} if asked.bootstrap else {}))
    words = tuple(_words(text) for text in (asked.do, asked.undo, asked.refused) if text)
    verdicts = asyncio.run(doors.conformance(settings, asked.participant, words, asked.patience))
    held = all(not verdict.broken for verdict in verdicts)
    if asked.as_json:
        rules = [{"name": verdict.name, "rule": verdict.rule, "broken": verdict.broken or None} for verdict in verdicts]
        print_json({"ok": held, "participant": asked.participant, "rules": rules})
    else:
        for verdict in verdicts:
            print_line(f"{'BROKEN' if verdict.broken else 'held  '}  {verdict.name}: {verdict.broken or verdict.rule}")
    raise typer.Exit(Exit.DONE if held else Exit.NO)


def _words(text: str) -> "Words":
    from saga.testing.conversation import Words

    message_type, _, body = text.partition("=")
    return Words(message_type, body)
