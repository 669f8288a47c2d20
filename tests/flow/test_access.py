"""REST: who gets in, and what they find there. Every route comes from the OpenAPI document, so a new one is asked too."""

from itertools import product
from uuid import UUID

import pytest
from fastapi import APIRouter, FastAPI
from rest_world import Operation, operations, rest, routes

from saga.access.principal import Role
from saga.access.rules import RULES, On
from saga.api.app import build_app
from saga.api.reading import StrictRoute
from saga.config import Settings
from tests.unit.fake_operations import FakeOperations

APP: FastAPI = build_app(FakeOperations(), lambda: (b"", ""), Settings())
ALL: list[Operation] = list(operations(APP.openapi()))
OPEN = {"/livez", "/readyz", "/metrics", "/openapi.json"}
each = pytest.mark.parametrize("one", ALL, ids=lambda one: one.id)


def test_the_table_and_the_routes_are_the_same() -> None:  # A5, A9
    assert {one.id for one in ALL} == set(RULES)
    assert len(ALL) > 15


def test_what_is_not_behind_the_gate_is_written_down() -> None:  # A9
    behind = {one.path for one in ALL}
    assert {route.path for route in routes(APP)} == behind | OPEN
    assert {route.path for route in routes(APP) if isinstance(route, StrictRoute)} == behind


def test_nobody_changes_anything_as_a_viewer_and_only_admins_act_on_all_sagas_or_read_the_audit() -> None:  # A5
    assert {one.id for one in ALL if one.method != "GET" and RULES[one.id].role < Role.OPERATOR} == set()
    assert {name for name, rule in RULES.items() if rule.role is Role.ADMIN} == {
        "pauseDefinition", "resumeDefinition", "redriveDeadLetters", "listAudit",
    }  # fmt: skip


@each
async def test_without_a_credential_every_route_is_a_401_that_says_how_to_come_in(one: Operation) -> None:  # A5
    async with rest() as at:
        answer = await at.ask(one, {})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == 'Bearer realm="saga"'


def expected(one: Operation, role: str, scope: str) -> tuple[int, ...]:
    """403 where the role is missing, 404 where the caller may not know; else the gate lets it in, whatever comes of it then."""
    rule = RULES[one.id]
    if Role[role.upper()] < rule.role or (rule.on is On.TENANT and scope):
        return (403,)
    if "{letter}" in one.path:
        return (404,)  # there is none
    return (404,) if scope == "return-order:" and rule.on is not On.SOME else (200, 201, 409)


@each
async def test_a_role_opens_what_it_is_for_and_nothing_else(one: Operation) -> None:  # A5
    async with rest() as at:
        saga_id = await at.start(await at.caller("operator"))
        for role, scope in product(("viewer", "operator", "admin"), ("", "fulfil-order:", "return-order:")):
            answer = await at.ask(one, await at.caller(scope + role), saga_id=saga_id)
            assert answer.status_code in expected(one, role, scope), (role, scope, answer.text)


@each
async def test_a_key_without_a_grant_opens_nothing(one: Operation) -> None:
    async with rest() as at:
        assert (await at.ask(one, await at.caller())).status_code == 403


@each
async def test_another_tenant_finds_and_changes_nothing(one: Operation) -> None:  # A1, I16
    async with rest() as at:
        mine = await at.start(await at.caller("admin"))
        before = await at.store.load(mine)
        answer = await at.ask(one, await at.caller("admin", tenant="other"), saga_id=mine)
        assert (await at.store.load(mine), await at.outcomes()) == (before, [])
    told = answer.json() if answer.headers["content-type"].endswith("json") else {"text": answer.text}
    told.pop("instance", "")  # what was asked, said back
    assert str(mine) not in str(told)
    if RULES[one.id].on is On.SAGA:
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_two_tenants_have_a_saga_each_for_one_key_and_see_their_own() -> None:  # A1, I16
    async with rest() as at:
        callers = {tenant: await at.caller("admin", tenant=tenant) for tenant in ("default", "other")}
        sagas = {tenant: await at.start(headers) for tenant, headers in callers.items()}
        for tenant, headers in callers.items():
            listed = (await at.http.get("/v1/sagas", headers=headers)).json()["items"]
            assert [item["saga_id"] for item in listed] == [str(sagas[tenant])]
            other = sagas["other" if tenant == "default" else "default"]
            assert (await at.http.get(f"/v1/sagas/{other}", headers=headers)).status_code == 404


async def test_a_pause_of_a_definition_holds_for_its_tenant_only() -> None:  # A1, I16
    async with rest() as at:
        mine, other = await at.caller("admin"), await at.caller("admin", tenant="other")
        await at.http.post("/v1/definitions/fulfil-order/pause", json={"reason": "fire"}, headers=mine)
        seen = [(await at.http.get("/v1/definitions", headers=one)).json()["items"][0]["paused_because"] for one in (mine, other)]
        assert seen == ["fire", ""]
        await at.start(other)
        (item,) = (await at.http.get("/v1/sagas", headers=other)).json()["items"]
    assert item["status"] == "running"


async def test_lists_hold_only_definitions_that_the_caller_may_see() -> None:
    async with rest() as at:
        await at.start(await at.caller("operator"))
        for scope, count in (("viewer", 1), ("fulfil-order:viewer", 1), ("return-order:admin", 0)):
            headers = await at.caller(scope)
            for path in ("/v1/sagas", "/v1/sagas?definition=fulfil-order", "/v1/definitions"):
                assert len((await at.http.get(path, headers=headers)).json()["items"]) == count, (scope, path)


async def test_the_actor_of_an_act_is_the_key_whatever_a_header_says() -> None:  # I17
    async with rest() as at:
        saga_id = await at.start(await at.caller("operator"))
        ada = await at.caller("operator", name="ada")
        answer = await at.http.post(f"/v1/sagas/{saga_id}/cancel", json={"reason": "r"}, headers={**ada, "X-Actor": "root"})
        assert answer.status_code == 200
        (turned,) = [event for event in await at.world.events(saga_id) if type(event).__name__ == "TurnedBack"]
        assert (turned.actor, await at.outcomes()) == ("key:ada", [("key:ada", "cancel", "done")])


async def test_a_route_without_a_rule_is_refused_to_everybody() -> None:  # A5
    async def forgotten() -> str:
        raise AssertionError("nobody may come here")

    router = APIRouter(route_class=StrictRoute)
    router.add_api_route("/v1/forgotten", forgotten, operation_id="forgotten")
    async with rest() as at:
        at.app.include_router(router)
        answer = await at.http.get("/v1/forgotten", headers=await at.caller("admin"))
    assert (answer.status_code, answer.json()["code"]) == (403, "not-allowed")


@pytest.mark.parametrize("path", sorted(OPEN))
async def test_what_machines_ask_stays_open(path: str) -> None:
    async with rest() as at:
        assert (await at.http.get(path)).status_code in (200, 503)


async def test_a_body_is_not_read_before_the_caller_is_known() -> None:  # A4
    async def endless() -> object:
        raise AssertionError("the body was read")
        yield b""

    async with rest() as at:
        answer = await at.http.post(f"/v1/sagas/{UUID(int=1)}/cancel", content=endless(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 401


async def test_who_asks_too_often_waits_and_others_do_not() -> None:  # A4
    async with rest(Settings(http_rate=1)) as at:
        hasty, calm = await at.caller("viewer"), await at.caller("viewer")
        answers = [await at.http.get("/v1/sagas", headers=hasty) for _ in range(5)]
        assert [one.status_code for one in answers] == [200, 200, 429, 429, 429]
        assert (answers[-1].json()["code"], answers[-1].headers["retry-after"]) == ("too-many-requests", "1")
        assert (await at.http.get("/v1/sagas", headers=calm)).status_code == 200


HIDDEN = ("tenant", "actor", "input_id", "saga_id", "version", "role", "epoch", "status", "at", "__proto__", "expected_version")


@pytest.mark.parametrize("one", [one for one in ALL if one.id != "startSaga"], ids=lambda one: one.id)
async def test_hidden_fields_are_refused_by_name(one: Operation) -> None:  # A3
    path = one.path.format(name="fulfil-order", version=1, saga_id=UUID(int=1), letter="0" * 64)
    async with rest() as at:
        admin = await at.caller("admin")
        for hidden in HIDDEN:
            body = {**dict.fromkeys(one.fields, "x"), hidden: "x"}
            asked = {"json": body} if one.method == "POST" else {"params": {hidden: "x"}}
            answer = await at.http.request(one.method, path, headers=admin, **asked)
            assert answer.status_code == 422, hidden
            assert any(error["pointer"].strip("/") == hidden for error in answer.json()["errors"])
