"""Commands on the audit: look at it, and prove that nobody changed it."""
# ruff: noqa: PLC0415 - heavy libraries are loaded by the command that needs them

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from saga.cli import sagas
from saga.cli.answers import Exit
from saga.cli.asked import OnDatabase, OnDesk, command
from saga.cli.doors import Doors
from saga.cli.keys import ask
from saga.cli.shown import print_json, print_line, print_table
from saga.cli.words import worded
from saga.errors import ConfigurationError

if TYPE_CHECKING:
    from saga.ports.access import Head


@dataclass(frozen=True, kw_only=True)
class List(OnDesk):
    """Whose audit, and the page."""

    tenant: Annotated[str, typer.Option(callback=worded(), help="Whose audit; over REST the key says it.")] = "default"
    limit: Annotated[int, typer.Option(min=1, max=1_000)] = 50
    before: Annotated[int | None, typer.Option(min=1, help="The page before this position: `next` of the page.")] = None


@dataclass(frozen=True, kw_only=True)
class Verify(OnDatabase):
    """What to compare with."""

    head: Annotated[
        list[str] | None, typer.Option(help="A head that was printed before, as TENANT:POSITION:HASH: it must still stand there.")
    ] = None


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    audit = typer.Typer(no_args_is_help=True, help="Who did what, and whether somebody changed that.")
    command(audit, "list", List)(list_audit)
    command(audit, "verify", Verify)(verify)
    app.add_typer(audit, name="audit")


def list_audit(asked: List, doors: Doors) -> None:
    """List the audit of a tenant, newest first."""
    from saga.api.views import AuditPage, audited

    rows = [audited(row) for row in sagas.ask(asked, doors, lambda desk: desk.audit(asked.tenant, asked.limit, asked.before))]
    following = rows[-1].position if len(rows) == asked.limit else None
    if asked.as_json:
        print_json(AuditPage(items=rows, next=str(following) if following else None).model_dump(mode="json"))
        return
    heads = ("position", "at (UTC)", "actor", "act", "outcome", "saga", "definition", "step", "reason", "detail")
    print_table(
        heads,
        [(r.position, r.at, r.actor, r.act, r.outcome, r.saga_id, r.definition, r.step, r.reason, r.detail) for r in rows],
    )
    if following:
        print_line(f"more: --before {following}")


def verify(asked: Verify, doors: Doors) -> None:
    """Compute every chain again: finds an edit, a row taken out or put in, a changed order. Prints the heads, to be kept elsewhere."""
    exported = [_head(text) for text in asked.head or []]
    verdicts = ask(asked, doors, lambda ledger: ledger.verify(exported))
    good = not any(verdict.faults for verdict in verdicts)
    if asked.as_json:
        items = [{"head": _text(one.head), "rows": one.rows, "faults": list(one.faults)} for one in verdicts]
        print_json({"good": good, "items": items})
    else:
        for one in verdicts:
            print_line(_text(one.head))
            for fault in one.faults:
                print_line(f"  {one.head.tenant}: {fault}")
        print_line("every chain is whole" if good else "somebody has changed the audit")
    raise typer.Exit(Exit.DONE if good else Exit.NO)


def _head(text: str) -> "Head":
    from saga.ports.access import Head

    tenant, position, hexed = [*text.rsplit(":", 2), "", ""][:3]
    try:
        return Head(tenant, int(position), bytes.fromhex(hexed))
    except ValueError:
        raise ConfigurationError("--head: must be TENANT:POSITION:HASH, as `saga audit verify` prints it") from None


def _text(head: "Head") -> str:
    return f"{head.tenant}:{head.position}:{head.hash.hex()}"
