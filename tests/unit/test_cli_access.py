"""`saga keys` and `saga audit` on a store in memory: what they print, and how they end."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from saga.access.keys import read_key, why_not
from saga.access.ledger import Ledger
from saga.cli.app import app
from saga.cli.doors import Doors
from saga.config import Settings
from saga.testing.store import MemoryStore

WHY = ("--reason", "for CI", "--actor", "ada")


def saga(store: MemoryStore, *arguments: str) -> Result:
    """Run the command on this store."""

    @asynccontextmanager
    async def opened(_: Settings) -> AsyncIterator[Ledger]:
        yield Ledger(store)

    @asynccontextmanager
    async def asked(_: Settings) -> AsyncIterator[Any]:
        yield store  # of the whole desk only the audit is asked for, and the store answers that itself

    return CliRunner().invoke(app, [*arguments], obj=Doors(ledger=opened, operations=asked))


def document(result: Result, code: int = 0) -> Any:
    """The JSON that the command printed."""
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def test_a_key_is_shown_once_and_only_its_hash_is_kept() -> None:  # A3
    store = MemoryStore()
    shown = saga(store, "keys", "add", "ci", "--role", "operator", *WHY).stdout.splitlines()[0]
    credential = read_key(shown)
    assert credential is not None
    row = store.data.api_keys[credential.id]
    assert why_not(row, credential.secret, store.now) == ""
    assert credential.secret not in repr(row) + saga(store, "keys", "list").output + saga(store, "audit", "list").output


def test_a_key_is_for_the_definitions_and_the_time_that_were_said() -> None:
    store = MemoryStore()
    scope = ("--definition", "fulfil-order", "--definition", "return-order", "--tenant", "shop", "--expires", "90d")
    made = document(saga(store, "keys", "add", "ci", "--role", "viewer", *scope, *WHY, "--json"))
    assert (made["grants"], made["tenant"], made["created_by"]) == (["fulfil-order:viewer", "return-order:viewer"], "shop", "ada")
    row = store.data.api_keys[made["id"]]
    assert row.expires_at is not None
    assert why_not(row, made["key"].partition(".")[2], row.expires_at - timedelta(seconds=1)) == ""
    assert why_not(row, made["key"].partition(".")[2], row.expires_at) == "expired-key"


def test_a_name_is_added_once_and_rotated_then() -> None:
    store = MemoryStore()
    saga(store, "keys", "add", "ci", "--role", "viewer", *WHY)
    again = saga(store, "keys", "add", "ci", "--role", "admin", *WHY)
    assert (again.exit_code, "saga keys rotate" in again.stderr) == (2, True)
    store.now += timedelta(seconds=1)
    assert document(saga(store, "keys", "rotate", "ci", *WHY, "--json"))["grants"] == ["viewer"]
    first, second = document(saga(store, "keys", "list", "--json"))["items"]
    assert (first["expires_at"] is not None, second["expires_at"]) == (True, None)


def test_a_deployment_makes_its_first_key_once_however_often_it_starts() -> None:
    store, first = MemoryStore(), ("keys", "add", "first", "--role", "admin", "--if-missing", *WHY)
    assert read_key(saga(store, *first).stdout.splitlines()[0]) is not None
    assert saga(store, *first).stdout == "the key first exists\n"
    assert len(store.data.api_keys) == 1


def test_revoking_says_how_many_secrets_ended_and_of_whom_nobody_has_heard() -> None:
    store = MemoryStore()
    saga(store, "keys", "add", "ci", "--role", "viewer", *WHY)
    saga(store, "keys", "rotate", "ci", *WHY)
    assert "2 secret(s) of ci ended" in saga(store, "keys", "revoke", "ci", *WHY).stdout
    assert "had ended before" in saga(store, "keys", "revoke", "ci", *WHY).stdout
    assert saga(store, "keys", "revoke", "other", *WHY).exit_code == 4
    assert saga(store, "keys", "rotate", "ci", *WHY).exit_code == 4


@pytest.mark.parametrize(
    "arguments",
    [
        ("ci", "--role", "root", *WHY),
        ("ci", "--role", "viewer"),
        ("ci", "--role", "viewer", "--expires", "soon", *WHY),
        ("ci", "--role", "viewer", "--definition", "a:b", *WHY),
        ("c\x1bi", "--role", "viewer", *WHY),
        ("", "--role", "viewer", *WHY),
    ],
)
def test_what_cannot_be_a_key_is_wrong_usage(arguments: tuple[str, ...]) -> None:
    store = MemoryStore()
    assert saga(store, "keys", "add", *arguments).exit_code == 2
    assert store.data.api_keys == {}


def test_the_audit_is_a_table_for_people_and_pages_for_machines() -> None:  # A11
    store = MemoryStore()
    for number in range(3):
        saga(store, "keys", "add", f"k{number}", "--role", "viewer", "--reason", "[red]\x1b[2J", "--actor", "ada")
    table = saga(store, "audit", "list", "--limit", "2").stdout
    assert ("\x1b" in table, "\\x1b[2J" in table, "more: --before 2" in table) == (False, True, True)
    page = document(saga(store, "audit", "list", "--limit", "2", "--json"))
    assert ([item["position"] for item in page["items"]], page["next"]) == ([3, 2], "2")


def test_verifying_prints_heads_and_is_a_no_when_a_row_was_changed() -> None:  # A13
    store = MemoryStore()
    saga(store, "keys", "add", "ci", "--role", "viewer", *WHY)
    whole = saga(store, "audit", "verify")
    assert (whole.exit_code, whole.stdout.splitlines()[0][:10]) == (0, "default:1:")
    rows = store.data.audit["default"]
    rows[0] = replace(rows[0], entry=replace(rows[0].entry, actor="eve"))
    changed = saga(store, "audit", "verify")
    assert (changed.exit_code, "row 1 is not what was written" in changed.stdout) == (1, True)
    assert document(saga(store, "audit", "verify", "--json"), 1)["good"] is False
