"""Commands on API keys: make, list, rotate, revoke. They speak to the database, with the login that migrates."""
# ruff: noqa: PLC0415 - heavy libraries are loaded by the command that needs them

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from saga.cli.asked import Acting, OnDatabase, command
from saga.cli.doors import Doors
from saga.cli.shown import print_json, print_line, print_table
from saga.cli.words import worded
from saga.definition.spans import HOW_TO_WRITE, read_span
from saga.errors import ConfigurationError

if TYPE_CHECKING:
    from saga.access.ledger import KeyAct, Ledger
    from saga.ports.access import ApiKey

Role = Literal["viewer", "operator", "admin"]
_TENANT = typer.Option(callback=worded(), help="Whose sagas it is for.")


@dataclass(frozen=True, kw_only=True)
class List(OnDatabase):
    """Whose keys."""

    tenant: Annotated[str | None, typer.Option(callback=worded(), help="Only keys of this tenant.")] = None


@dataclass(frozen=True, kw_only=True)
class OnKey(Acting):
    """Which key."""

    name: Annotated[str, typer.Argument(metavar="NAME", callback=worded(100), help="Its name: key:NAME acts in events and audit.")]
    tenant: Annotated[str, _TENANT] = "default"


@dataclass(frozen=True, kw_only=True)
class Add(OnKey):
    """What it may do, and how long."""

    role: Annotated[Role, typer.Option(help="What it may do.")]
    definition: Annotated[list[str] | None, typer.Option(help="Only on this definition; may be given several times.")] = None
    expires: Annotated[str, typer.Option(help="It ends after this time, as 90d or 12h; without it never.")] = ""
    if_missing: Annotated[bool, typer.Option("--if-missing", help="Nothing is done, and nothing is wrong, if the key exists.")] = False


@dataclass(frozen=True, kw_only=True)
class Rotate(OnKey):
    """How long the old secret goes on."""

    overlap: Annotated[str, typer.Option(help="So long the old secrets live on, as 24h; 0 ends them now.")] = "24h"
    expires: Annotated[str, typer.Option(help="The new secret ends after this time; without it never.")] = ""


@dataclass(frozen=True, kw_only=True)
class Revoke(OnKey):
    """All secrets or one."""

    key_id: Annotated[str | None, typer.Option("--id", callback=worded(), help="Only this secret, as `saga keys list` names it.")] = None


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    keys = typer.Typer(no_args_is_help=True, help="API keys: who may use REST.")
    command(keys, "add", Add)(add)
    command(keys, "list", List)(list_keys)
    command(keys, "rotate", Rotate)(rotate)
    command(keys, "revoke", Revoke)(revoke)
    app.add_typer(keys, name="keys")


def add(asked: Add, doors: Doors) -> None:
    """Make a key. Its secret is shown once and stored nowhere."""
    from saga.access.principal import read_grant

    texts = [f"{one}:{asked.role}" for one in asked.definition or []] or [asked.role]
    grants = [grant for text in texts if (grant := read_grant(text)) is not None]
    if len(grants) < len(texts):
        raise ConfigurationError("--definition: must be the name of a definition")
    ends = _from_now(asked.expires)

    async def made(ledger: "Ledger") -> Any:
        missing = not asked.if_missing or not await ledger.lives(asked.tenant, asked.name)
        return await ledger.add_key(_act(asked), grants, ends) if missing else None

    if (shown := ask(asked, doors, made)) is not None:
        _show_once(asked, shown)
    elif asked.as_json:
        print_json({"name": asked.name, "existed": True})
    else:
        print_line(f"the key {asked.name} exists")


def rotate(asked: Rotate, doors: Doors) -> None:
    """Give a key a new secret; the old ones live on for a while, so that every user can change without a gap."""
    overlap = 0.0 if asked.overlap == "0" else _span("--overlap", asked.overlap).total_seconds()
    ends = _from_now(asked.expires)
    _show_once(asked, ask(asked, doors, lambda ledger: ledger.rotate_key(_act(asked), overlap, ends)))


def revoke(asked: Revoke, doors: Doors) -> None:
    """End a key's secrets, or one of them. Replicas refuse it within seconds."""
    ended = ask(asked, doors, lambda ledger: ledger.revoke_key(_act(asked), asked.key_id))
    if asked.as_json:
        print_json({"name": asked.name, "revoked": ended})
    else:
        print_line(f"{ended} secret(s) of {asked.name} ended" if ended else f"{asked.name} had ended before")


def list_keys(asked: List, doors: Doors) -> None:
    """List keys and their secrets' ids; the secrets themselves are known to their users only."""
    found = ask(asked, doors, lambda ledger: ledger.keys(asked.tenant))
    if asked.as_json:
        print_json({"items": [_plain(key) for key in found]})
        return
    heads = ("tenant", "name", "id", "grants", "made by", "made (UTC)", "expires", "revoked")
    print_table(heads, [(k.tenant, k.name, k.id, k.grants, k.created_by, k.created_at, k.expires_at, k.revoked_at) for k in found])


def ask(asked: OnDatabase, doors: Doors, question: "Callable[[Ledger], Awaitable[Any]]") -> Any:
    """What the ledger answers."""
    settings = asked.settings()

    async def opened() -> Any:
        async with doors.ledger(settings) as ledger:
            return await question(ledger)

    return asyncio.run(opened())


def _act(asked: OnKey) -> "KeyAct":
    from saga.access.ledger import KeyAct

    return KeyAct(asked.tenant, asked.name, asked.who, asked.reason)


def _show_once(asked: OnKey, made: "tuple[ApiKey, str]") -> None:
    row, text = made
    if asked.as_json:
        print_json({**_plain(row), "key": text})
        return
    print_line(text)
    print_line("This is the only time that it is shown. Send it as: Authorization: Bearer KEY")


def _plain(key: "ApiKey") -> dict[str, Any]:
    names = ("id", "name", "tenant", "created_by")
    times = {name: moment.isoformat() if (moment := getattr(key, name)) else None for name in ("created_at", "expires_at", "revoked_at")}
    return {**{name: getattr(key, name) for name in names}, "grants": list(key.grants), **times}


def _span(option: str, text: str) -> timedelta:
    span = read_span(text)
    if span is None:
        raise ConfigurationError(f"{option}: {HOW_TO_WRITE}")
    return span


def _from_now(text: str) -> datetime | None:
    return datetime.now(UTC) + _span("--expires", text) if text else None
