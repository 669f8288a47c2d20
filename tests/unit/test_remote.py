"""The desk over REST: where it looks, what it repeats, and what it makes of answers that are none."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import httpx2
import pytest

from saga.errors import ActRefused, ConfigurationError, ContractError, NotAllowed, NotAuthenticated, Unavailable, UnknownOutcome
from saga.remote.address import Address, read_address
from saga.remote.answers import CoordinatorFault
from saga.remote.asking import TRIES, Asking
from saga.remote.desk import RemoteDesk, remote_operations
from saga.runtime.operations import ActRequest, Operations
from tests.unit.doors import URL, remote_desk, saga
from tests.unit.fake_operations import FakeOperations

SAGA = UUID(int=1)
ACT = ActRequest(SAGA, "ada", "r", "cli:cancel:1")
DONE = {"saga_id": str(SAGA), "version": 4, "status": "compensating", "events": [], "held": False}
Answer = Callable[[httpx2.Request], httpx2.Response]


@asynccontextmanager
async def answered(*answers: httpx2.Response | Exception) -> AsyncIterator[tuple[RemoteDesk, list[httpx2.Request], list[float]]]:
    """A desk whose replica answers this, in turn and the last one for ever; what it was asked; how long was waited between."""
    asked: list[httpx2.Request] = []
    waited: list[float] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        given = answers[min(len(asked), len(answers)) - 1]
        if isinstance(given, Exception):
            raise given
        return httpx2.Response(given.status_code, headers=given.headers, content=given.content)

    async def pause(seconds: float) -> None:
        waited.append(seconds)

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer), base_url=f"{URL}/") as http:
        yield RemoteDesk(Asking(http, pause)), asked, waited


def problem(status: int, code: str, detail: str, **headers: str) -> httpx2.Response:
    """A problem document."""
    body = {"type": "t", "title": "t", "status": status, "code": code, "detail": detail, "instance": "/"}
    return httpx2.Response(status, headers={"content-type": "application/problem+json", **headers}, content=json.dumps(body))


ANSWERS: list[tuple[httpx2.Response, type[Exception], str]] = [
    (problem(401, "unauthenticated", "no credential came"), NotAuthenticated, "no credential came"),
    (problem(403, "not-allowed", "this needs the role operator"), NotAllowed, "this needs the role operator"),
    (problem(404, "not-found", "no saga has this id"), LookupError, "no saga has this id"),
    (problem(404, "unknown-saga", "gone"), ActRefused, "unknown-saga: gone"),
    (problem(404, "unknown-definition", "none"), ContractError, "unknown-definition: none"),
    (problem(409, "too-late", "the pivot was issued"), ActRefused, "too-late: the pivot was issued"),
    (problem(412, "version-changed", "it is at 5"), ActRefused, "version-changed: it is at 5"),
    (problem(413, "too-large", "too much"), ContractError, "too-large: too much"),
    (problem(422, "invalid-request", "body /x: no"), ContractError, "invalid-request: body /x: no"),
    (problem(429, "too-many-requests", "ask less often"), Unavailable, "coordinator is unavailable: ask less often"),
    (problem(500, "internal", "its log says more"), CoordinatorFault, "its log says more"),
    (problem(503, "unavailable", "postgres is unavailable: try again"), Unavailable, "postgres is unavailable: try again"),
    (problem(503, "outcome-unknown", "ask again"), UnknownOutcome, "ask again"),
    (httpx2.Response(502, content=b"<html>"), UnknownOutcome, "a gateway answered 502"),
    (httpx2.Response(301, headers={"location": "http://elsewhere.example/"}), Unavailable, "none of this release"),
    (httpx2.Response(200, content=b"<html>"), Unavailable, "none of this release"),
    (httpx2.Response(200, json={"saga_id": str(SAGA)}), Unavailable, "version is not what this release knows"),
]


@pytest.mark.parametrize(("answer", "kind", "text"), ANSWERS)
async def test_each_problem_is_the_error_of_the_desk_again(answer: httpx2.Response, kind: type[Exception], text: str) -> None:
    async with answered(answer) as (desk, _, _):
        with pytest.raises(kind) as caught:
            await desk.cancel("default", ACT)
    assert type(caught.value) is kind
    assert text in str(caught.value)


async def test_an_act_whose_answer_is_lost_is_sent_again_as_the_same_request() -> None:
    async with answered(httpx2.ReadError("cut"), httpx2.Response(200, json=DONE)) as (desk, asked, waited):
        assert (await desk.cancel("default", ACT)).version == 4
    assert [one.headers["idempotency-key"] for one in asked] == ["cli:cancel:1"] * 2
    assert asked[0].content == asked[1].content
    assert len(waited) == 1


@pytest.mark.parametrize(
    ("errors", "kind"),
    [
        ([httpx2.ConnectError("refused")], Unavailable),  # it was never sent, so nothing happened
        ([httpx2.ReadTimeout("late")], UnknownOutcome),
        ([httpx2.ReadTimeout("late"), httpx2.ConnectError("refused")], UnknownOutcome),
    ],
)
async def test_tries_end_and_say_whether_it_may_have_happened(errors: list[Exception], kind: type[Exception]) -> None:
    async with answered(*errors) as (desk, asked, _):
        with pytest.raises(kind):
            await desk.cancel("default", ACT)
    assert len(asked) == TRIES


async def test_a_question_whose_answer_is_lost_changed_nothing() -> None:
    async with answered(httpx2.ReadTimeout("late")) as (desk, asked, _):
        with pytest.raises(Unavailable, match="nobody answers"):
            await desk.show("default", SAGA)
    assert len(asked) == TRIES


@pytest.mark.parametrize(("said", "expected"), [("2", 2.0), ("86400", 5.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0.25), ("-1", 0.25)])
async def test_retry_after_is_waited_for_within_a_bound(said: str, expected: float) -> None:
    again = problem(503, "unavailable", "postgres is unavailable: try again", **{"retry-after": said})
    async with answered(again, httpx2.Response(200, json=DONE)) as (desk, asked, waited):
        await desk.cancel("default", ACT)
    assert (waited, len(asked)) == ([expected], 2)


async def test_what_no_header_can_hold_is_refused_before_anything_is_sent() -> None:
    async with answered(httpx2.Response(200, json=DONE)) as (desk, asked, _):
        with pytest.raises(ConfigurationError, match="the request's key must be printable ASCII"):
            await desk.cancel("default", ActRequest(SAGA, "ada", "r", "k\r\nX-Evil: 1"))
    assert asked == []


@pytest.mark.parametrize("actor", ["ada", "Ädä Löw", "李雷", " utf-8''%41", "a" * 200, "😀" * 200, "%C3%A4"])
async def test_an_actor_of_any_script_arrives_as_it_was_named(actor: str) -> None:
    fake = FakeOperations().with_rows(1)
    await remote_desk(fake).cancel("default", ActRequest(SAGA, actor, "r", "k"))
    assert [act.actor for _, act in fake.acts] == [actor.strip()]


async def test_an_actor_that_would_begin_a_line_ends_neither_header_nor_event() -> None:  # A11
    fake = FakeOperations().with_rows(1)
    with pytest.raises(ContractError, match="X-Actor"):
        await remote_desk(fake).cancel("default", ActRequest(SAGA, "ada\r\nX-Evil: 1", "r", "k"))
    assert fake.acts == []


async def test_more_events_than_a_page_has_come_from_several() -> None:
    fake = FakeOperations().with_rows(1)
    fake.rows[SAGA] = fake.rows[SAGA].__class__(
        **{name: getattr(fake.rows[SAGA], name) for name in fake.rows[SAGA].__slots__} | {"version": 450}
    )
    desk: Operations = remote_desk(fake)
    assert [event.version for event in await desk.events("default", SAGA, 10, 430)] == list(range(11, 441))


ADDRESSES = [
    ("ftp://saga.example", "must be the address"),
    ("saga.example:8080", "must be the address"),
    ("http://saga.example:99999", "must be the address"),
    ("http://saga.example/?x=1", "must be the address"),
    ("http://ada:secret-canary@saga.example", "must not hold a login"),
]


@pytest.mark.parametrize(("url", "text"), ADDRESSES)
def test_an_address_that_cannot_work_is_wrong_usage(url: str, text: str) -> None:
    result = saga(FakeOperations(), "list", SAGA_URL=url)
    assert (result.exit_code, result.stdout) == (2, "")
    assert text in result.stderr
    assert "canary" not in result.stderr


def test_the_key_comes_from_the_environment_or_a_file_and_is_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("id.secret-canary\n")
    found = read_address("", {"SAGA_URL": "https://saga.example/base/", "SAGA_API_KEY_FILE": str(file)})
    assert found is not None
    assert (found.url, found.key) == ("https://saga.example/base", "id.secret-canary")
    assert "canary" not in repr(found)
    assert read_address("", {"SAGA_API_KEY": "id.secret"}) is None


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"SAGA_API_KEY": "a", "SAGA_API_KEY_FILE": "b"}, "both set"),
        ({"SAGA_API_KEY_FILE": "/nonexistent/key"}, "cannot be read"),
        ({"SAGA_API_KEY": "se cret"}, "printable ASCII"),
        ({"SAGA_API_KEY": "secret\n"}, "printable ASCII"),
    ],
)
def test_a_key_that_cannot_work_is_said_without_the_key(keys: dict[str, str], text: str) -> None:
    result = saga(FakeOperations(), "list", SAGA_URL=URL, **keys)
    assert result.exit_code == 2
    assert text in result.stderr
    assert "cret" not in result.stderr.replace("secret file", "")


async def test_the_key_is_sent_as_a_bearer_below_the_base_of_the_address() -> None:
    asked: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return httpx2.Response(200, json={"items": [], "next": None})

    async with remote_operations(Address(f"{URL}/base", "id.secret"), httpx2.MockTransport(answer)) as desk:
        assert await desk.dead_letters("default", 5, None) == []
    assert (asked[0].url.path, asked[0].headers["authorization"]) == ("/base/v1/dead-letters", "Bearer id.secret")


def test_an_option_beats_the_environment_and_two_places_are_refused() -> None:
    desk = FakeOperations().with_rows(1)
    assert (
        saga(desk, "cancel", str(SAGA), "--reason", "r", "--actor", "ädä", "--postgres", "postgresql://x@y/z", SAGA_URL=URL).exit_code == 0
    )
    assert saga(desk, "list", "--postgres", "postgresql://x@y/z", "--url", URL).exit_code == 2


BODIES = [("{not json", 1), ("/nonexistent/body.json", 2), ("[1]", 2), ("{}", 1)]


@pytest.mark.parametrize(("body", "code"), BODIES)
def test_a_start_says_what_is_wrong_with_its_body(body: str, code: int) -> None:
    result = saga(FakeOperations(), "start", "fulfil-order", "--body", body)
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (code, "", 1)


def test_a_start_reads_a_file_and_is_recognised_by_its_key(tmp_path: Path) -> None:
    file = tmp_path / "order.json"
    file.write_text('{"order_id": "7"}')
    desk, line = FakeOperations(), ["start", "fulfil-order", "--body", str(file), "--key", "k", "--json"]
    first, again = (json.loads(saga(desk, *line).stdout) for _ in range(2))
    assert (first["created"], again["created"], first["saga_id"]) == (True, False, again["saga_id"])


def test_waiting_for_an_end_that_does_not_come_is_exit_code_1() -> None:
    result = saga(FakeOperations(), "start", "fulfil-order", "--body", '{"order_id": "7"}', "--wait", "0.3")
    assert result.exit_code == 1
    assert "running" in result.stdout
