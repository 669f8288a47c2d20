"""The audit and keys, in memory and on Postgres: one row an act, in the act's own transaction, in a chain that shows every change."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from store_shapes import opened, saga, started, write

from saga.access.keys import Owner, make_key
from saga.access.ledger import Ledger
from saga.access.principal import Grant, Role
from saga.errors import WrongExpectedVersion
from saga.ports.access import AuditEntry, Head
from saga.ports.streams import Append, Batch, PausedDefinition, Store

ENTRY = AuditEntry("default", "key:ci", "cancel", "done", "request:cancel:1", str(saga(1)), "fulfil-order", "", "changed their mind")


def entry(number: int, tenant: str = "default") -> AuditEntry:
    return replace(ENTRY, input_id=f"request:cancel:{number}", tenant=tenant)


async def positions(store: Store, tenant: str = "default") -> list[int]:
    return [row.position for row in await store.audit_chain(tenant, 0, 1000)]


async def test_a_row_is_written_with_its_batch_and_says_all_that_was_said(store: Store) -> None:  # I17
    await write(store, Batch(audit=[ENTRY]))
    (row,) = await store.audit("default", 10, None)
    assert (row.entry, row.position) == (ENTRY, 1)
    assert await store.audit_heads() == [Head("default", 1, row.hash)]


async def test_a_batch_that_fails_leaves_no_row(store: Store) -> None:  # I17
    await write(store, started(1))
    with pytest.raises(WrongExpectedVersion):
        await write(store, Batch(appends=[Append(saga(1), 0, (b"again",))], audit=[ENTRY]))
    with pytest.raises(ZeroDivisionError):
        async with opened(store, Batch(audit=[ENTRY])):
            raise ZeroDivisionError
    assert await positions(store) == []


async def test_a_request_has_one_row_for_each_outcome_and_target(store: Store) -> None:  # I17
    held, elsewhere = replace(ENTRY, outcome="held"), replace(ENTRY, saga_id=str(saga(2)))
    await write(store, Batch(audit=[held, ENTRY, ENTRY]))
    await write(store, Batch(audit=[ENTRY, elsewhere, replace(held, reason="again")]))
    assert [row.entry for row in await store.audit_chain("default", 0, 10)] == [held, ENTRY, elsewhere]


async def test_a_repetition_that_changes_nothing_is_no_row_and_a_held_act_that_is_done_is_one(store: Store) -> None:  # I17
    held, done, same = (replace(ENTRY, outcome=outcome) for outcome in ("held", "done", "unchanged"))
    for one in (held, same, done, same, replace(same, act="pause"), replace(same, act="pause")):
        await store.note(one)
    rows = await store.audit_chain("default", 0, 10)
    assert [(row.entry.act, row.entry.outcome) for row in rows] == [("cancel", "held"), ("cancel", "done"), ("pause", "unchanged")]


async def test_chains_of_tenants_are_apart(store: Store) -> None:  # A1, I16
    await write(store, Batch(audit=[entry(1), entry(2, "other"), entry(3)]))
    await store.note(entry(4, "other"))
    assert (await positions(store), await positions(store, "other")) == ([1, 2], [1, 2])
    assert [row.entry.input_id[-1] for row in await store.audit("other", 10, None)] == ["4", "2"]
    assert [head.tenant for head in await store.audit_heads()] == ["default", "other"]


async def test_writers_at_once_make_one_chain(store: Store) -> None:
    await asyncio.gather(*(store.note(entry(number)) for number in range(12)))
    assert await positions(store) == list(range(1, 13))
    assert [one.faults for one in await Ledger(store).verify()] == [()]


async def test_pages_go_backwards_and_the_chain_forwards(store: Store) -> None:
    for number in range(5):
        await store.note(entry(number))
    assert [row.position for row in await store.audit("default", 2, None)] == [5, 4]
    assert [row.position for row in await store.audit("default", 2, 4)] == [3, 2]
    assert [row.position for row in await store.audit_chain("default", 3, 10)] == [4, 5]


async def test_a_pause_of_a_definition_is_audited_with_it(store: Store) -> None:  # I17
    pause = PausedDefinition("default", "fulfil-order", "key:ci", "fire", "i")
    act = replace(ENTRY, act="pause-definition", saga_id="", input_id="a")
    await store.pause_definition(pause, act)
    await store.pause_definition(pause, replace(act, input_id="b"))
    await store.resume_definition("default", "fulfil-order", replace(act, act="resume-definition", input_id="c"))
    await store.resume_definition("default", "fulfil-order", replace(act, act="resume-definition", input_id="d"))
    assert [row.entry.outcome for row in await store.audit_chain("default", 0, 10)] == ["done", "unchanged", "done", "unchanged"]


KEY, _ = make_key(Owner("ci", "default", "ada"), [Grant("*", Role.OPERATOR)], None)
SECOND, _ = make_key(Owner("ci", "default", "ada"), [Grant("fulfil-order", Role.VIEWER)], None)


async def test_secrets_of_a_key_overlap_and_end(key_store: Store) -> None:
    await key_store.add_api_key(KEY, replace(ENTRY, input_id="1"))
    await key_store.rotate_api_key(SECOND, 3600, replace(ENTRY, input_id="2"))
    keys = {key.id: key for key in await key_store.api_keys("default")}
    first, second = keys[KEY.id], keys[SECOND.id]
    assert first.expires_at is not None
    assert first.created_at is not None
    assert timedelta(minutes=59) < first.expires_at - first.created_at < timedelta(minutes=61)
    assert (second.expires_at, second.grants, second.secret_hash) == (None, ("fulfil-order:viewer",), SECOND.secret_hash)
    assert await key_store.revoke_api_key("default", "ci", KEY.id, replace(ENTRY, input_id="3")) == 1
    assert await key_store.revoke_api_key("default", "ci", None, replace(ENTRY, input_id="4")) == 1
    assert await key_store.revoke_api_key("default", "ci", None, replace(ENTRY, input_id="5")) == 0
    outcomes = [row.entry.outcome for row in await key_store.audit_chain("default", 0, 10)]
    assert outcomes == ["done", "done", "done", "done", "unchanged"]


async def test_secrets_are_listed_as_they_were_made_also_by_a_clock_that_stands(key_store: Store) -> None:
    secrets = [replace(KEY, id=f"sk_{letter}") for letter in "dbca"]
    for number, secret in enumerate(secrets):
        await key_store.add_api_key(secret, replace(ENTRY, input_id=str(number)))
    assert [key.id for key in await key_store.api_keys("default")] == [secret.id for secret in secrets]


async def test_a_key_is_found_by_its_id_alone(key_store: Store) -> None:
    await key_store.add_api_key(KEY, ENTRY)
    found = await key_store.api_key(KEY.id)
    assert found is not None
    assert replace(found, created_at=None) == KEY
    assert await key_store.api_key("sk_0") is None
    assert await key_store.api_keys("other") == []
