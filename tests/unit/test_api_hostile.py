"""REST: whatever a client sends, the answer is a problem that points at what is wrong, and never a 500."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saga.api import reading
from tests.unit.api_client import client, pointers, problem_of
from tests.unit.fake_operations import FakeOperations

STARTS = "/v1/definitions/fulfil-order/sagas"
FIRST = f"/v1/sagas/{UUID(int=1)}"
JSON = {"Content-Type": "application/json"}
KEYED = {**JSON, "Idempotency-Key": "k"}

# A1, A4: parameters
QUERIES = [
    ("/v1/sagas?limit=0", "limit"),
    ("/v1/sagas?limit=201", "limit"),
    ("/v1/sagas?limit=ten", "limit"),
    (f"/v1/sagas?limit={'9' * 5000}", "limit"),
    ("/v1/sagas?status=lost", "status"),
    ("/v1/sagas?key=%00", "key"),
    ("/v1/sagas?key=", "key"),
    (f"/v1/sagas?key={'k' * 201}", "key"),
    ("/v1/sagas?definition=%00", "definition"),
    ("/v1/sagas?started_after=yesterday", "started_after"),
    ("/v1/sagas?started_after=2026-03-01T09:30:00", "started_after"),
    ("/v1/sagas?started_after=0001-01-01T00:00:00%2B14:00", "started_after"),
    ("/v1/sagas?started_before=9999-12-31T23:59:59-14:00", "started_before"),
    ("/v1/sagas?cursor=", "cursor"),
    ("/v1/sagas?cursor=%F0%9F%92%A5", "cursor"),
    ("/v1/sagas?cursor=%00", "cursor"),
    ("/v1/sagas?cursor=A", "cursor"),
    ("/v1/sagas?cursor=ZAECAw", "cursor"),
    (f"/v1/sagas?cursor={'A' * 199}", "cursor"),
    ("/v1/sagas?offset=3", "offset"),
    ("/v1/dead-letters?cursor=cwAAAAAAAAAAAAAAAAAAAAE", "cursor"),
    (f"{FIRST}?at_version=0", "at_version"),
    (f"{FIRST}?at_version=99999999999", "at_version"),
    (f"{FIRST}/events?after=-1", "after"),
]


@pytest.mark.parametrize(("path", "parameter"), QUERIES)
async def test_a_wrong_parameter_is_pointed_at(path: str, parameter: str) -> None:
    async with client(FakeOperations().with_rows(1)) as http:
        document = problem_of(await http.get(path), 422, "invalid-request")
    assert ("query", parameter) in pointers(document)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", STARTS),
        ("POST", f"{FIRST}/cancel"),
        ("GET", "/v1/definitions"),
        ("GET", "/v1/definitions/fulfil-order/1/diagram"),
    ],
)
async def test_a_parameter_of_a_route_without_any_is_not_ignored(method: str, path: str) -> None:  # A3
    operations = FakeOperations().with_rows(1)
    body = b'{"order_id": "1"}' if path == STARTS else b'{"reason": "r"}'
    async with client(operations) as http:
        answer = await http.request(method, f"{path}?force=true", content=body, headers=KEYED)
    assert pointers(problem_of(answer, 422, "invalid-request")) == [("query", "force")]
    assert (operations.acts, len(operations.rows)) == ([], 1)


@pytest.mark.parametrize("saga_id", ["1", "not-a-uuid", "%00", "..%2f..", "' or 1=1 --", "x" * 4000])
async def test_a_wrong_id_is_pointed_at(saga_id: str) -> None:
    async with client(FakeOperations()) as http:
        answer = await http.get(f"/v1/sagas/{quote(saga_id, safe='%')}")
    assert answer.status_code in (404, 422)
    assert answer.headers["content-type"] == "application/problem+json"


# P14, A4: bodies
BODIES = [
    (b"", 422, "not-json"),
    (b"{", 422, "not-json"),
    (b"[]", 422, "not-an-object"),
    (b"null", 422, "not-an-object"),
    (b"\xff", 422, "not-utf-8"),
    (b'{"order_id": "1", "order_id": "2"}', 422, "bad-value"),
    (b'{"order_id": "\\u0000"}', 422, "bad-value"),
    (b'{"order_id": "\\ud800"}', 422, "bad-value"),
    (b'{"order_id": 1e400}', 422, "bad-value"),
    (b'{"order_id": NaN}', 422, "bad-value"),
    (b'{"order_id": 18446744073709551616}', 422, "bad-value"),
    (b'{"order_id": ' + b"9" * 5000 + b"}", 422, "bad-value"),
    (b'{"a": ' * 33 + b"1" + b"}" * 33, 422, "too-deep"),
    (b'{"a": ' * 20_000 + b"1" + b"}" * 20_000, 422, "too-deep"),
    (b'{"order_id": "' + b"x" * 256 * 1024 + b'"}', 413, "too-large"),
]


@pytest.mark.parametrize(("body", "status", "code"), BODIES)
@pytest.mark.parametrize("path", [STARTS, f"{FIRST}/cancel"])
async def test_a_wrong_body_is_refused_before_anything_reads_it(path: str, body: bytes, status: int, code: str) -> None:
    operations = FakeOperations().with_rows(1)
    async with client(operations) as http:
        problem_of(await http.post(path, content=body, headers=KEYED), status, code)
    assert (operations.acts, len(operations.rows)) == ([], 1)


async def test_a_body_of_the_greatest_depth_and_size_is_read() -> None:
    pad = b"x" * (reading.MAX_REQUEST - 300)
    body = b'{"order_id": "1", "deep": ' + b'{"a": ' * 31 + b"1" + b"}" * 31 + b', "pad": "' + pad + b'"}'
    async with client(FakeOperations()) as http:
        assert (await http.post(STARTS, content=body, headers=KEYED)).status_code == 201


ACTS: list[tuple[str, dict[str, Any], str]] = [
    ("cancel", {}, "/reason"),
    ("cancel", {"reason": "  "}, "/reason"),
    ("cancel", {"reason": 7}, "/reason"),
    ("cancel", {"reason": "r" * 1001}, "/reason"),
    ("cancel", {"reason": "r", "force": True}, "/force"),
    ("cancel", {"reason": "r", "a/b~c": 1}, "/a~1b~0c"),
    ("skip", {"reason": "r"}, "/step"),
    ("skip", {"reason": "r", "step": "s", "even_if_forgotten": True}, "/even_if_forgotten"),
    ("retry", {"reason": "r", "step": ""}, "/step"),
    ("retry", {"reason": "r", "step": "s", "even_if_forgotten": "yes"}, "/even_if_forgotten"),
]


@pytest.mark.parametrize(("verb", "body", "pointer"), ACTS)
async def test_a_wrong_field_of_an_act_is_pointed_at(verb: str, body: dict[str, Any], pointer: str) -> None:
    operations = FakeOperations().with_rows(1)
    async with client(operations) as http:
        document = problem_of(await http.post(f"{FIRST}/{verb}", json=body), 422, "invalid-request")  # A3
    assert pointers(document) == [("body", pointer)]
    assert operations.acts == []


HEADERS = [
    ({"If-Match": 'W/"3"'}, 422, "If-Match"),
    ({"If-Match": "3"}, 422, "If-Match"),
    ({"If-Match": '"x"'}, 422, "If-Match"),
    ({"If-Match": f'"{"9" * 5000}"'}, 422, "If-Match"),
    ({"If-Match": '"1", "3"'}, 422, "If-Match"),
    ({"X-Actor": "a" * 201}, 422, "X-Actor"),
    ({"X-Actor": "ada\r\nlevel=error"}, 422, "X-Actor"),  # A11
    ({"X-Actor": ""}, 422, "X-Actor"),
    ({"X-Actor": "UTF-8''%FF"}, 422, "X-Actor"),
    ({"X-Actor": "UTF-8''ada%0D%0Aroot"}, 422, "X-Actor"),  # A11
    ({"X-Actor": "UTF-8''" + "%41" * 201}, 422, "X-Actor"),
    ({"Idempotency-Key": "k" * 201}, 422, "Idempotency-Key"),
    ({"Idempotency-Key": "\x00"}, 422, "Idempotency-Key"),
    ({"Content-Type": "text/plain"}, 415, "Content-Type"),
    ({"Content-Type": "application/json-seq"}, 415, "Content-Type"),
    ({"Content-Encoding": "gzip"}, 415, "Content-Encoding"),
]


@pytest.mark.parametrize(("headers", "status", "name"), HEADERS)
async def test_a_wrong_header_is_pointed_at(headers: dict[str, str], status: int, name: str) -> None:
    async with client(FakeOperations().with_rows(1)) as http:
        answer = await http.post(f"{FIRST}/cancel", content=b'{"reason": "r"}', headers={**JSON, **headers})
    code = "invalid-request" if status == 422 else "unsupported-media-type"
    assert pointers(problem_of(answer, status, code)) == [("header", name)]


@pytest.mark.parametrize("path", ["/", "/v2/sagas", "/v1/sagas/", "/docs", "/redoc", "/v1/%00", "//"])
async def test_a_path_that_is_not_served_is_a_404_problem(path: str) -> None:
    async with client(FakeOperations()) as http:
        problem_of(await http.get(f"http://test{path}"), 404, "not-found")


async def test_a_method_that_a_path_does_not_know_is_a_405_problem_that_names_those_it_knows() -> None:
    async with client(FakeOperations()) as http:
        answer = await http.delete("/v1/sagas")
    problem_of(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET"


async def test_a_body_longer_than_it_said_is_cut_off_while_it_comes() -> None:
    sent = 0

    async def flood() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 1
            yield b" " * 8192

    async with client(FakeOperations()) as http:
        problem_of(await http.post(STARTS, content=flood(), headers=KEYED), 413, "too-large")
    assert sent <= reading.MAX_REQUEST // 8192 + 2  # A4


async def test_a_body_that_never_ends_is_given_up() -> None:
    async def drip() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    async with client(FakeOperations(), read_within=0.05) as http:
        problem_of(await http.post(STARTS, content=drip(), headers=KEYED), 408, "too-slow")


async def test_every_answer_tells_browsers_to_guess_and_run_nothing() -> None:
    async with client(FakeOperations()) as http:
        for path in ("/livez", "/v1/sagas", "/nowhere"):
            headers = (await http.get(path)).headers
            assert headers["x-content-type-options"] == "nosniff"  # A8
            assert "access-control-allow-origin" not in headers


async def test_the_answer_to_a_bug_tells_browsers_the_same() -> None:
    async with client(FakeOperations(raises=RuntimeError("a bug"))) as http:
        answer = await http.get("/v1/sagas")
    assert answer.status_code == 500
    assert (answer.headers["x-content-type-options"], answer.headers["cache-control"]) == ("nosniff", "no-store")  # A8


TEXT = st.text(max_size=40)
NAME = st.sampled_from(["limit", "cursor", "status", "key", "definition", "started_after", "started_before", "at_version", "after", "x"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner)
)
FIELDS = st.dictionaries(st.sampled_from(["reason", "step", "branch", "even_if_forgotten", "x"]) | TEXT, VALUES, max_size=5)


@settings(max_examples=int(os.environ.get("SAGA_FUZZ_EXAMPLES", "12")), deadline=None)
@given(
    parameters=st.dictionaries(NAME, TEXT, max_size=4),
    saga_id=TEXT,
    raw=st.binary(max_size=60),
    fields=FIELDS,
    header=st.binary(max_size=30),
)
def test_no_request_gets_a_500(parameters: dict[str, str], saga_id: str, raw: bytes, fields: dict[str, Any], header: bytes) -> None:
    async def ask() -> None:
        names = ("If-Match", "X-Actor", "Idempotency-Key", "Content-Length")
        async with client(FakeOperations().with_rows(2)) as http:
            safe = {name: value.encode("utf-8", "replace") for name, value in parameters.items()}
            paths = ("/v1/sagas", FIRST, f"{FIRST}/events", "/v1/dead-letters", f"/v1/sagas/{quote(saga_id, errors='replace')}")
            answers = [await http.get(path, params=safe) for path in paths]
            for path in (STARTS, *(f"{FIRST}/{verb}" for verb in ("cancel", "retry", "skip"))):
                answers.append(await http.post(path, content=raw, headers=KEYED))
                answers.append(await http.post(path, content=_loose(fields), headers=KEYED))
                answers += [await http.post(path, content=b'{"reason": "r"}', headers={**JSON, name: header}) for name in names]
        assert [answer.text for answer in answers if answer.status_code >= 500] == []
        kinds = {answer.headers["content-type"] for answer in answers if answer.status_code >= 400}
        assert kinds <= {"application/problem+json"}

    asyncio.run(ask())


def _loose(fields: dict[str, Any]) -> bytes:
    """JSON as careless writers make it: NaN, huge integers and half surrogate pairs included."""
    return json.dumps(fields).encode()
