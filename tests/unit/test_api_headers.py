"""REST: what stands around every answer, good or bad: nothing guessed, shared, remembered or told of ourselves (hazard A8)."""

import json
from collections.abc import Mapping

import pytest
from rest_world import routes

from saga.api.app import build_app
from saga.config import Settings
from tests.unit.api_client import client
from tests.unit.fake_operations import FakeOperations

ORIGIN = {"Origin": "https://evil.test", "Cookie": "session=1", "X-Forwarded-Host": "evil.test", "X-Debug": "1"}
FORBIDDEN = ("access-control-allow-origin", "access-control-allow-credentials", "set-cookie", "server", "x-powered-by")
INSIDE = ("Traceback", 'File "', "site-packages", "saga/", "asyncpg", "secret-canary", "RuntimeError")
APP = build_app(FakeOperations(), lambda: (b"", ""), Settings())
PATHS = sorted({route.path.format(name="fulfil-order", version=1, saga_id="x", letter="x") for route in routes(APP)})
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE")


def sound(headers: Mapping[str, str], text: str) -> None:
    """Every answer, whatever it says."""
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["content-security-policy"] == "default-src 'none'"
    assert [name for name in FORBIDDEN if name in headers] == []
    assert [word for word in INSIDE if word in text] == []


@pytest.mark.parametrize("path", [*PATHS, "/", "/docs", "/redoc", "/openapi.json", "/console", "/debug", "/v1/../metrics", "/.env"])
async def test_every_method_on_every_path_gets_a_sound_answer(path: str) -> None:  # A8, A9
    async with client(FakeOperations()) as http:
        for method in METHODS:
            answer = await http.request(method, path, headers=ORIGIN)
            sound(answer.headers, answer.text if answer.status_code >= 400 else "")
            assert answer.status_code < 500
            if answer.status_code >= 400 and method != "HEAD":
                assert json.loads(answer.text)["status"] == answer.status_code


@pytest.mark.parametrize("path", [path for path in PATHS if path.startswith("/v1") and "x" not in path.split("/")])
async def test_a_bug_behind_any_list_tells_nothing_of_itself(path: str) -> None:  # A8, A12
    async with client(FakeOperations(raises=RuntimeError("secret-canary"))) as http:
        answer = await http.get(path)
    sound(answer.headers, answer.text)
    assert answer.status_code in (405, 422, 500)  # 422: the path of an act, read as an id


async def test_a_browser_is_never_told_that_another_site_may_read() -> None:  # A8
    preflight = {"Origin": "https://evil.test", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    async with client(FakeOperations()) as http:
        answer = await http.options("/v1/sagas", headers=preflight)
    assert answer.status_code == 405
    sound(answer.headers, answer.text)


@pytest.mark.parametrize("where", ["?access_token={key}", "?api_key={key}"])
async def test_a_credential_in_the_address_is_none(where: str) -> None:  # A8: addresses are logged
    async with client(FakeOperations(), secure=True) as http:
        answer = await http.get("/v1/sagas" + where.format(key="sk_0123456789abcdef." + "a" * 43))
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer  "},
        {"Authorization": "Basic YWRhOnNlY3JldA=="},
        {"Authorization": "Bearer sk_0123456789abcdef." + "a" * 43},
        {"Authorization": "Bearer " + "a" * 100_000},
        {"X-API-Key": "sk_0123456789abcdef." + "a" * 43},
        {"Cookie": "Authorization=Bearer x"},
    ],
)
async def test_what_is_no_credential_lets_nobody_in(headers: dict[str, str]) -> None:  # A8: no ambient credentials
    async with client(FakeOperations(), secure=True) as http:
        answer = await http.get("/v1/sagas", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_two_credentials_are_none() -> None:
    async with client(FakeOperations(), secure=True) as http:
        answer = await http.get("/v1/sagas", headers=[("Authorization", "Bearer a.b.c"), ("Authorization", "Bearer d.e.f")])
    assert "one Authorization header" in answer.json()["detail"]
