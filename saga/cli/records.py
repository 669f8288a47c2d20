"""Commands on kept records: look at dead letters, redrive or discard them; look at held records, try them now."""
# ruff: noqa: PLC0415 - heavy libraries are loaded by the command that needs them

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal
from uuid import uuid4

import typer

from saga.cli.asked import Acting, OnDesk, command
from saga.cli.doors import Doors
from saga.cli.sagas import TENANT, ask
from saga.cli.shown import print_facts, print_json, print_line, print_table
from saga.cli.words import worded
from saga.errors import ConfigurationError

if TYPE_CHECKING:
    from saga.ports.records import RecordFilter
    from saga.runtime.operations import Operations
    from saga.runtime.record_operations import RecordsResult

Verb = Literal["redrive_many", "retry_held"]
LetterArgument = Annotated[str, typer.Argument(callback=worded(), metavar="LETTER", help="Its id, as in the list.")]


@dataclass(frozen=True, kw_only=True)
class Filtered(OnDesk):
    """Which records."""

    definition: Annotated[str | None, typer.Option(callback=worded(), help="Starts of this definition, and what its sagas were told.")] = (
        None
    )
    target: Annotated[str | None, typer.Option(callback=worded(), help="For this definition or saga id.")] = None
    code: Annotated[str | None, typer.Option(callback=worded(), help="Only with this code, as in the list.")] = None
    topic: Annotated[str | None, typer.Option(callback=worded(), help="Only of this topic.")] = None
    since: Annotated[datetime | None, typer.Option(help="Dead, or held, since then; UTC.")] = None
    until: Annotated[datetime | None, typer.Option(help="Dead, or held, before then; UTC.")] = None

    def wanted(self) -> "RecordFilter":
        """The filter as the desk takes it."""
        from saga.ports.records import RecordFilter

        since, until = (moment.replace(tzinfo=UTC) if moment else None for moment in (self.since, self.until))
        return RecordFilter(None, self.definition, self.target, self.code, self.topic, since, until)


@dataclass(frozen=True, kw_only=True)
class ListLetters(Filtered):
    """Filters and the page."""

    settled: Annotated[bool, typer.Option("--all", help="Also those that somebody has settled.")] = False
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50
    after: Annotated[str | None, typer.Option(callback=worded(), help="The page behind this letter.")] = None


@dataclass(frozen=True, kw_only=True)
class ListHeld(Filtered):
    """Filters and the page."""

    limit: Annotated[int, typer.Option(min=1, max=1_000)] = 200


@dataclass(frozen=True, kw_only=True)
class OnLetter(OnDesk):
    """Which dead letter."""

    letter: LetterArgument


@dataclass(frozen=True, kw_only=True)
class ActOnLetter(OnLetter, Acting):
    """Which dead letter, who and why."""


@dataclass(frozen=True, kw_only=True)
class ActOnRecords(Filtered, Acting):
    """Which records, who and why; and how far to go."""

    one: Annotated[
        str, typer.Argument(callback=worded(empty=True), metavar="[ID]", help="One record; else those that the options find.")
    ] = ""
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before acting on all that were counted.")] = False


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    letters = typer.Typer(no_args_is_help=True, help="Records that nobody can use: look, redrive, discard.")
    command(letters, "list", ListLetters)(list_letters)
    command(letters, "show", OnLetter)(show_letter)
    command(letters, "redrive", ActOnRecords)(redrive)
    command(letters, "discard", ActOnLetter)(discard)
    app.add_typer(letters, name="dead-letters")
    held = typer.Typer(no_args_is_help=True, help="Records that wait for a definition or a saga: look, try now.")
    command(held, "list", ListHeld)(list_held)
    command(held, "retry", ActOnRecords)(retry_held)
    app.add_typer(held, name="held")


def list_letters(asked: ListLetters, doors: Doors) -> None:
    """List dead letters, newest first: those that are open, or all."""
    from saga.api.record_views import DeadLetterPage, seen_dead_letter

    if asked.after is not None and (len(asked.after) % 2 or not set(asked.after) <= set("0123456789abcdef")):
        raise ConfigurationError("--after: must be the id of a dead letter, in hex")
    wanted = replace(asked.wanted(), open=not asked.settled)
    rows = ask(asked, doors, lambda desk: desk.dead_letters(TENANT, asked.limit, asked.after, wanted))
    following = rows[-1].id if len(rows) == asked.limit else None
    page = DeadLetterPage(items=[seen_dead_letter(row) for row in rows], next=following)
    if asked.as_json:
        print_json(page.model_dump(mode="json"))
        return
    heads = ("letter", "code", "target", "record", "dead since (UTC)", "outcome", "by")
    print_table(
        heads,
        [
            (one.id, one.reason, one.target, f"{one.topic}/{one.partition}/{one.offset}", one.dead_at, one.outcome, one.acted_by)
            for one in page.items
        ],
    )
    if following:
        print_line(f"more: --after {following}")


def show_letter(asked: OnLetter, doors: Doors) -> None:
    """Show one dead letter with its bytes."""
    from saga.api.record_views import shown_dead_letter

    row = ask(asked, doors, lambda desk: desk.dead_letter(TENANT, asked.letter))
    shown = shown_dead_letter(row)
    if asked.as_json:
        print_json(shown.model_dump(mode="json"))
        return
    facts = shown.model_dump(exclude={"headers", "body_base64", "key_base64"})
    print_facts(facts.items())
    for header in shown.headers:
        print_line(f"{header.name}: {header.text if header.text is not None else header.base64 or ''}")
    print_line((row.letter.record.value or b"").decode("utf-8", "backslashreplace"))


def redrive(asked: ActOnRecords, doors: Doors) -> None:
    """Try dead letters again like new records: one, or all open ones that the options find, by topic, partition and offset."""
    if asked.one:
        _act_on_letter(asked, asked.one, doors, "redrive")
    else:
        _act_on_many(asked, doors, "redrive_many")


def discard(asked: ActOnLetter, doors: Doors) -> None:
    """Set one dead letter aside: settled, never tried again, and never deleted."""
    _act_on_letter(asked, asked.letter, doors, "discard")


def list_held(asked: ListHeld, doors: Doors) -> None:
    """List held records, by topic, partition and offset."""
    from saga.api.record_views import HeldRecordPage, seen_held_record

    rows = ask(asked, doors, lambda desk: desk.held_records(TENANT, asked.limit, asked.wanted()))
    page = HeldRecordPage(items=[seen_held_record(row) for row in rows], next=None)
    if asked.as_json:
        print_json(page.model_dump(mode="json"))
        return
    heads = ("record", "waits for", "target", "topic/partition/offset", "held since (UTC)")
    print_table(
        heads,
        [
            (
                one.id,
                _waits_for(one.definition, one.definition_version),
                one.target,
                f"{one.topic}/{one.partition}/{one.offset}",
                one.held_at,
            )
            for one in page.items
        ],
    )


def retry_held(asked: ActOnRecords, doors: Doors) -> None:
    """Try held records now, although their time has not come; what must still wait waits on."""
    _act_on_many(asked, doors, "retry_held")


def _act_on_letter(asked: ActOnLetter | ActOnRecords, letter: str, doors: Doors, verb: Literal["redrive", "discard"]) -> None:
    from saga.api.record_views import became
    from saga.runtime.record_operations import LetterAct

    act = LetterAct(letter, asked.who, asked.reason, f"cli:{verb}:{uuid4()}")
    done = became(ask(asked, doors, lambda desk: getattr(desk, verb)(TENANT, act)))
    if asked.as_json:
        print_json(done.model_dump(mode="json"))
    else:
        print_line(f"{done.outcome}: {' '.join(part for part in (done.reason, done.detail) if part)}".rstrip(": "))


def _act_on_many(asked: ActOnRecords, doors: Doors, verb: Verb) -> None:
    from saga.api.record_views import became_of_all

    wanted = replace(asked.wanted(), ids=(asked.one,)) if asked.one else asked.wanted()
    if asked.as_json and not (asked.yes or asked.dry_run or asked.one):
        raise ConfigurationError("--json cannot ask: say --yes, or --dry-run to count")
    result = ask(asked, doors, lambda desk: _in_turns(asked, desk, verb, wanted))
    if asked.as_json:
        print_json(became_of_all(result).model_dump(mode="json"))
    elif not result.done:
        print_line(f"{result.count} records")
    else:
        print_line(", ".join(f"{count} {outcome}" for outcome, count in sorted(result.outcomes.items())) or "none")


async def _in_turns(asked: ActOnRecords, desk: "Operations", verb: Verb, wanted: "RecordFilter") -> "RecordsResult":
    """Count, ask the person once, then act in calls of a thousand until none is left."""
    from saga.runtime.record_operations import RecordsAct

    act = RecordsAct(wanted, asked.who, asked.reason, f"cli:{verb}:{uuid4()}")
    counted: RecordsResult = await getattr(desk, verb)(TENANT, act)
    if asked.dry_run or not counted.count:
        return counted
    if not (asked.yes or asked.one):
        typer.confirm(f"{counted.count} records: act on all of them?", abort=True)
    outcomes: dict[str, int] = {}
    while True:
        result: RecordsResult = await getattr(desk, verb)(TENANT, replace(act, confirm=counted.confirm))
        outcomes = {name: outcomes.get(name, 0) + (result.outcomes or {}).get(name, 0) for name in {*outcomes, *(result.outcomes or {})}}
        if not result.after:
            return replace(result, outcomes=outcomes)
        act = replace(act, wanted=replace(act.wanted, after=result.after))
        counted = await getattr(desk, verb)(TENANT, act)


def _waits_for(definition: str, version: int) -> str:
    return f"{definition} version {version}" if definition else "its saga"
