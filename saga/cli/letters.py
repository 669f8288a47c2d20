"""Commands on records that nobody can use."""
# ruff: noqa: PLC0415 - heavy libraries are loaded by the command that needs them

from dataclasses import dataclass
from typing import Annotated

import typer

from saga.cli.asked import OnDesk, command
from saga.cli.doors import Doors
from saga.cli.sagas import TENANT, ask
from saga.cli.shown import print_json, print_line, print_table
from saga.cli.words import worded


@dataclass(frozen=True, kw_only=True)
class DeadLetters(OnDesk):
    """Which page."""

    limit: Annotated[int, typer.Option(min=1, max=200)] = 50
    after: Annotated[str | None, typer.Option(callback=worded(), help="The page behind this dead letter: `next` of the page before.")] = (
        None
    )


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    command(app, "dead-letters", DeadLetters)(dead_letters)


def dead_letters(asked: DeadLetters, doors: Doors) -> None:
    """List records that nobody can use, newest first, with the reason."""
    from saga.api.views import DeadLetterPage, seen_dead_letter
    from saga.errors import ConfigurationError

    if asked.after is not None and (len(asked.after) % 2 or not set(asked.after) <= set("0123456789abcdef")):
        raise ConfigurationError("--after: must be the id of a dead letter, in hex")
    found = [seen_dead_letter(row) for row in ask(asked, doors, lambda desk: desk.dead_letters(TENANT, asked.limit, asked.after))]
    following = found[-1].id if len(found) == asked.limit else None
    if asked.as_json:
        print_json(DeadLetterPage(items=found, next=following).model_dump(mode="json"))
        return
    heads = ("id", "dead since (UTC)", "reason", "detail", "target", "topic", "partition", "offset", "bytes")
    print_table(heads, [(r.id, r.dead_at, r.reason, r.detail, r.target, r.topic, r.partition, r.offset, r.body_bytes) for r in found])
    if following:
        print_line(f"more: --after {following}")
