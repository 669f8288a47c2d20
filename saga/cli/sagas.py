"""Commands on sagas: look at them, act on them."""
# ruff: noqa: PLC0415 - heavy libraries are loaded by the command that needs them

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID, uuid4

import typer

from saga.cli.asked import OnAct, OnDesk, OnSaga, OnStep, command
from saga.cli.doors import Doors
from saga.cli.shown import print_facts, print_json, print_line, print_table
from saga.cli.words import LONGEST_NAME, LONGEST_REASON, fault_of, worded
from saga.errors import ConfigurationError, ContractError

if TYPE_CHECKING:
    from saga.runtime.operations import ActResult, Operations

TENANT = "default"
Status = Literal["running", "compensating", "paused", "parked", "completed", "compensated", "cancelled"]


@dataclass(frozen=True, kw_only=True)
class List(OnDesk):
    """Filters and the page."""

    definition: Annotated[str | None, typer.Option(callback=worded(), help="Only sagas of this definition.")] = None
    status: Annotated[Status | None, typer.Option(help="Only this status.")] = None
    key: Annotated[str | None, typer.Option(callback=worded(line=False), help="Only this business key.")] = None
    started_after: Annotated[datetime | None, typer.Option(help="UTC.")] = None
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50
    after: Annotated[UUID | None, typer.Option(help="The page behind this saga: `next` of the page before.")] = None


@dataclass(frozen=True, kw_only=True)
class Show(OnSaga):
    """Which version."""

    at: Annotated[int | None, typer.Option(min=1, help="As of this version.")] = None


@dataclass(frozen=True, kw_only=True)
class Events(OnSaga):
    """Which events."""

    after: Annotated[int, typer.Option(min=0, help="Only versions above this one.")] = 0
    limit: Annotated[int, typer.Option(min=1, max=1_000)] = 200


@dataclass(frozen=True, kw_only=True)
class Retry(OnStep):
    """How far to go."""

    even_if_forgotten: Annotated[bool, typer.Option("--even-if-forgotten", help="Also if the participant may not remember it.")] = False


@dataclass(frozen=True, kw_only=True)
class Resume(OnAct):
    """How far to go."""

    even_if_forgotten: Annotated[bool, typer.Option("--even-if-forgotten", help="Also if participants may not remember.")] = False


@dataclass(frozen=True, kw_only=True)
class Answer(OnStep):
    """What a person says in a participant's place."""

    evidence: Annotated[str, typer.Option(callback=worded(LONGEST_REASON, line=False, strip=True), help="How you know.")]
    undo: Annotated[bool, typer.Option("--undo", help="The effect of a parked undo is gone; else the step succeeded.")] = False
    reply_type: Annotated[str, typer.Option(callback=worded(empty=True), help="Only where the command has several types of success.")] = ""
    reply: Annotated[str, typer.Option(help="Body of the reply: one JSON object.")] = "{}"


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    command(app, "list", List)(list_sagas)
    command(app, "show", Show)(show)
    command(app, "events", Events)(events)
    command(app, "cancel", OnAct)(cancel)
    command(app, "retry", Retry)(retry)
    command(app, "skip", OnStep)(skip)
    command(app, "pause", OnAct)(pause)
    command(app, "resume", Resume)(resume)
    command(app, "doubt", OnStep)(doubt)
    command(app, "answer", Answer)(answer)
    command(app, "fence", OnStep)(fence)


def list_sagas(asked: List, doors: Doors) -> None:
    """List sagas, newest first."""
    from saga.api.views import SagaPage, listed
    from saga.ports.streams import SagaFilter

    since = asked.started_after.replace(tzinfo=UTC) if asked.started_after else None
    wanted = SagaFilter(TENANT, asked.definition, asked.status, asked.key, since)
    page = ask(asked, doors, lambda desk: desk.list_sagas(wanted, asked.limit, asked.after))
    if asked.as_json:
        print_json(SagaPage(items=[listed(row) for row in page.rows], next=str(page.after) if page.after else None).model_dump(mode="json"))
        return
    heads = ("saga", "definition", "key", "status", "version", "started (UTC)", "waits for")
    print_table(
        heads, [(row.saga_id, row.definition, row.key, row.status, row.version, row.started_at, row.waits_for) for row in page.rows]
    )
    if page.after:
        print_line(f"more: --after {page.after}")


def show(asked: Show, doors: Doors) -> None:
    """Show one saga: its steps, what it waits for and why; now or as of a version."""
    from saga.api.views import shown

    which = named(asked.saga)

    async def view(desk: "Operations") -> Any:
        return await desk.show(TENANT, await id_of(desk, which), asked.at)

    seen = shown(ask(asked, doors, view))
    if asked.as_json:
        print_json(seen.model_dump(mode="json", exclude={"events_href"}))
        return
    names = ("saga_id", "definition", "key", "status", "version", "started_at", "ended_at", "due_at", "cause", "trace_id")
    print_facts([*((name, getattr(seen, name)) for name in names), ("waits for", seen.explanation)])
    heads = ("step", "status", "attempt", "due (UTC)", "undo", "participant", "detail")
    print_table(
        heads,
        [
            (f"{one.step} {one.branch}".strip(), one.status, one.attempt or "", one.due_at, one.undo_status, one.participant, one.detail)
            for one in seen.steps
        ],
    )


def events(asked: Events, doors: Doors) -> None:
    """List the events of one saga, oldest first."""
    from saga.api.views import EventPage, seen_event

    which = named(asked.saga)

    async def page(desk: "Operations") -> Any:
        return await desk.events(TENANT, await id_of(desk, which), asked.after, asked.limit)

    found = [seen_event(event) for event in ask(asked, doors, page)]
    following = found[-1].version if len(found) == asked.limit else None
    if asked.as_json:
        print_json(EventPage(items=found, next=following).model_dump(mode="json"))
        return
    print_table(
        ("version", "at (UTC)", "event", "step", "data"), [(one.version, one.at, one.name, one.step, dict(one.data)) for one in found]
    )
    if following is not None:
        print_line(f"more: --after {following}")


def cancel(asked: OnAct, doors: Doors) -> None:
    """Turn a saga back: what was done is undone. Too late once the pivot was issued."""
    _act(asked, doors, "cancel", {})


def retry(asked: Retry, doors: Doors) -> None:
    """Send a step's command, or its undo, again; or build it again with mended code."""
    _act(asked, doors, "retry", {"step": asked.step, "branch": asked.branch, "even_if_forgotten": asked.even_if_forgotten})


def skip(asked: OnStep, doors: Doors) -> None:
    """Go on without a stuck step after the pivot, or without a parked undo."""
    _act(asked, doors, "skip", {"step": asked.step, "branch": asked.branch})


def pause(asked: OnAct, doors: Doors) -> None:
    """Stop a saga where it is: replies are recorded, nothing is sent and no deadline fires until it is resumed."""
    _act(asked, doors, "pause", {})


def resume(asked: Resume, doors: Doors) -> None:
    """Go on after a pause: every deadline moves by its span."""
    _act(asked, doors, "resume", {"even_if_forgotten": asked.even_if_forgotten})


def doubt(asked: OnStep, doors: Doors) -> None:
    """Wait no longer for a step before the pivot: it is in doubt now, and undone whether it happened or not."""
    _act(asked, doors, "doubt", {"step": asked.step, "branch": asked.branch})


def answer(asked: Answer, doors: Doors) -> None:
    """Answer in a participant's place: the pivot, or a stuck step after it, succeeded; or a parked undo is done."""
    from saga.body import parse_body
    from saga.runtime.operations import HandAnswer

    try:
        reply = parse_body(asked.reply.encode())
    except ContractError as error:
        raise ConfigurationError(f"--reply: {error}") from None
    said = HandAnswer(asked.evidence, asked.undo, asked.reply_type, reply)
    _act(asked, doors, "answer", {"step": asked.step, "branch": asked.branch, "answer": said})


def fence(asked: OnStep, doors: Doors) -> None:
    """Make sure that an unanswered pivot never happens. If it did, its answer is fetched; if not, the saga turns back."""
    _act(asked, doors, "fence", {"step": asked.step, "branch": asked.branch})


def _act(asked: OnAct, doors: Doors, verb: str, more: dict[str, Any]) -> None:
    from saga.api.views import done
    from saga.runtime.operations import ActRequest

    which = named(asked.saga)
    identity = f"cli:{verb}:{uuid4()}"  # before the first try, so that a try of the intake is recognised

    async def perform(desk: "Operations") -> "ActResult":
        saga_id = await id_of(desk, which)
        act = ActRequest(saga_id, asked.who, asked.reason, identity, expected_version=asked.if_version, **more)
        perform: Callable[[str, ActRequest], Awaitable[ActResult]] = getattr(desk, verb)
        return await perform(TENANT, act)

    result = ask(asked, doors, perform)
    if asked.as_json:
        print_json(done(result).model_dump(mode="json"))
    elif result.held:
        print_line("held: its definition version is not loaded here (SAGA_DEFINITIONS); a replica that has it will decide")
    else:
        print_line(f"{result.saga_id} is {result.status} at version {result.version}: {', '.join(result.events) or 'nothing to change'}")


def ask(asked: OnDesk, doors: Doors, question: "Callable[[Operations], Awaitable[Any]]") -> Any:
    """What the desk answers, wherever it is."""
    opening = asked.desk(doors)

    async def opened() -> Any:
        async with opening as desk:
            return await question(desk)

    return asyncio.run(opened())


def named(text: str) -> UUID | tuple[str, str]:
    """What the argument names: an id, or a definition and a key. Raises ConfigurationError, before anything is connected."""
    definition, colon, key = text.partition(":")
    if colon and not any(fault_of(part, LONGEST_NAME, line=False) for part in (definition, key)):
        return definition, key
    try:
        return UUID(text)
    except ValueError:
        raise ConfigurationError(f"{text[:80]!r} is neither the id of a saga nor definition:key, as in fulfil-order:1042") from None


async def id_of(desk: "Operations", which: UUID | tuple[str, str]) -> UUID:
    """The id of what an argument names. Raises LookupError."""
    return which if isinstance(which, UUID) else await desk.find(TENANT, *which)
