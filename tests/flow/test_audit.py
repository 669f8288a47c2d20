"""The audit of the whole coordinator: what people do over REST stands in it once, and every change of it is found."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from rest_world import Rest, rest

from saga.access.ledger import Ledger
from saga.errors import UnknownOutcome, WrongExpectedVersion
from saga.ports.access import AuditRow, Head, linked
from saga.testing.store import MemoryStore

REASON = {"reason": "the customer changed their mind"}


@asynccontextmanager
async def started() -> AsyncIterator[tuple[Rest, dict[str, str], str]]:
    """REST, an operator called ada, and where the saga of an order is."""
    async with rest() as at:
        ada = await at.caller("operator", name="ada")
        yield at, ada, f"/v1/sagas/{await at.start(ada)}"


async def test_an_act_is_one_row_with_actor_and_reason_however_often_it_is_sent() -> None:  # I17
    async with started() as (at, ada, saga):
        for _ in range(3):
            answer = await at.http.post(f"{saga}/cancel", json=REASON, headers={**ada, "Idempotency-Key": "k"})
            assert answer.status_code == 200
        row = (await at.store.audit("default", 1, None))[0].entry
        assert await at.outcomes() == [("key:ada", "cancel", "done")]
    assert (row.reason, row.saga_id, row.definition) == (REASON["reason"], saga.rpartition("/")[2], "fulfil-order")
    assert row.input_id == "request:cancel:k"


async def test_what_decide_refuses_or_finds_done_is_a_row_too() -> None:  # I17
    async with started() as (at, ada, saga):
        step = {**REASON, "step": "ship"}
        assert (await at.http.post(f"{saga}/skip", json=step, headers=ada)).status_code == 409
        for verb in ("pause", "pause"):
            assert (await at.http.post(f"{saga}/{verb}", json=REASON, headers=ada)).status_code == 200
        rows = [row.entry for row in await at.store.audit_chain("default", 1, 10)]
    assert [(row.act, row.step, row.outcome) for row in rows] == [
        ("skip", "ship", "refused"),
        ("pause", "", "done"),
        ("pause", "", "unchanged"),
    ]
    assert rows[0].detail != ""


async def test_an_act_for_a_version_that_is_not_loaded_is_a_row_held_and_a_row_done() -> None:  # I17
    async with started() as (at, ada, saga):
        other = at.world.replica(definitions=())
        at.app.state.operations = other.desk
        assert (await at.http.post(f"{saga}/cancel", json=REASON, headers=ada)).status_code == 202
        await at.replica.intake.held(10)
        assert await at.outcomes() == [("key:ada", "cancel", "held"), ("key:ada", "cancel", "done")]


async def test_an_act_whose_commit_was_lost_or_that_a_rival_overtook_is_one_row() -> None:  # I17
    async with started() as (at, ada, saga):
        at.store.fail_next("committed", UnknownOutcome("lost"))
        at.store.fail_next("write", WrongExpectedVersion())
        assert (await at.http.post(f"{saga}/cancel", json=REASON, headers=ada)).status_code == 200
        assert await at.outcomes() == [("key:ada", "cancel", "done")]


async def test_an_act_on_a_definition_is_one_row_and_not_one_for_each_saga() -> None:  # I17
    async with rest() as at:
        root = await at.caller("admin", name="root")
        for number in range(3):
            await at.start(root, str(number))
        for verb in ("pause", "pause", "resume"):
            headers = {**root, "Idempotency-Key": "k"}
            answer = await at.http.post(f"/v1/definitions/fulfil-order/{verb}", json=REASON, headers=headers)
            assert answer.status_code == 200
        assert await at.outcomes() == [("key:root", "pause-definition", "done"), ("key:root", "resume-definition", "done")]


async def test_an_attempt_without_the_role_is_a_row_and_one_without_a_credential_is_none() -> None:  # A5
    async with started() as (at, _, saga):
        eve = await at.caller("viewer", name="eve")
        assert (await at.http.post(f"{saga}/cancel", json=REASON, headers=eve)).status_code == 403
        assert (await at.http.post(f"{saga}/cancel", json=REASON)).status_code == 401
        assert await at.outcomes() == [("key:eve", "cancelSaga", "denied")]
        assert (await at.store.audit("default", 1, None))[0].entry.saga_id == saga.rpartition("/")[2]


async def test_the_audit_is_read_in_pages_by_admins_of_its_tenant() -> None:  # A1
    async with started() as (at, ada, saga):
        for _ in range(5):
            await at.http.post(f"{saga}/pause", json=REASON, headers=ada)
        root, found, path = await at.caller("admin", name="root"), [], "/v1/audit?limit=3"
        while path:
            answer = await at.http.get(path, headers=root)
            found += [item["position"] for item in answer.json()["items"]]
            path = answer.links.get("next", {}).get("url", "")
        other = await at.caller("admin", tenant="other")
        theirs = (await at.http.get("/v1/audit", headers=other)).json()["items"]
    assert found == list(range(7, 0, -1))
    assert [item["act"] for item in theirs] == ["add-key"]


async def chain() -> MemoryStore:
    """A tenant with six rows, and another."""
    async with started() as (at, ada, saga):
        for verb in ("pause", "resume", "pause", "resume", "cancel"):
            await at.http.post(f"{saga}/{verb}", json=REASON, headers=ada)
        await at.caller("admin", tenant="other")
        return at.store


async def faults(store: MemoryStore, *exported: Head) -> list[str]:
    return [fault for verdict in await Ledger(store).verify(exported) for fault in verdict.faults]


FIELDS = ("actor", "act", "outcome", "input_id", "saga_id", "definition", "step", "reason", "detail")
TIME: dict[str, Callable[[AuditRow], AuditRow]] = {
    "at": lambda row: replace(row, at=row.at + timedelta(microseconds=1)),
    "hash": lambda row: replace(row, hash=bytes(32)),
    "position": lambda row: replace(row, position=row.position + 10),
}


@pytest.mark.parametrize("name", [*FIELDS, *TIME])
async def test_a_change_of_any_field_of_any_row_is_found(name: str) -> None:  # A13
    store = await chain()
    rows = store.data.audit["default"]
    assert (len(rows), await faults(store)) == (6, [])
    for index, row in enumerate(list(rows)):
        forged = TIME[name](row) if name in TIME else replace(row, entry=replace(row.entry, **{name: getattr(row.entry, name) + "x"}))
        store.data.audit["default"] = [*rows[:index], forged, *rows[index + 1 :]]
        assert await faults(store), f"row {index + 1}"


async def test_a_row_taken_out_put_in_or_moved_is_found() -> None:  # A13
    store = await chain()
    rows, head = store.data.audit["default"], store.data.head("default")
    stored = (await store.audit_heads())[0]
    for index in range(len(rows)):
        changes = {
            "out": rows[:index] + rows[index + 1 :],
            "twice": [*rows[: index + 1], rows[index], *rows[index + 1 :]],
            "moved": [*rows[:index], *reversed(rows[index : index + 2]), *rows[index + 2 :]] if index < 5 else rows[:-2],
            "renumbered": [replace(row, position=number) for number, row in enumerate(rows[:index] + rows[index + 1 :], 1)],
        }
        for change, forged in changes.items():
            store.data.audit["default"] = forged
            assert await faults(store, stored), (change, index)
    assert head == stored


async def test_a_chain_that_was_written_again_to_its_end_is_found_by_an_exported_head() -> None:  # A13
    store = await chain()
    (exported, _), rows = await store.audit_heads(), list(store.data.audit["default"])
    forged: list[AuditRow] = []
    for row in rows:
        entry = replace(row.entry, reason="nothing to see") if row.position == 3 else row.entry
        forged.append(linked(entry, row.position, row.at, forged[-1].hash if forged else bytes(32)))
    store.data.audit["default"] = forged
    assert await faults(store) == []
    assert "written again" in (await faults(store, exported))[0]
    store.data.audit.pop("default")
    assert await faults(store, exported)


async def test_an_exported_head_still_holds_when_the_chain_has_grown() -> None:
    store = await chain()
    (exported, other) = await store.audit_heads()
    entry = store.data.audit["default"][0].entry
    await store.note(replace(entry, input_id=uuid4().hex))
    assert await faults(store, exported, other) == []
    assert await faults(store, Head("default", 99, bytes(32))) == ["row 99 of an exported head is not there"]
