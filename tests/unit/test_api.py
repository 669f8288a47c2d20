"""REST: starts, lists, one saga, acts."""

from uuid import UUID

import httpx2
import pytest

from saga.errors import Unavailable, UnknownOutcome
from saga.runtime.operations import HandAnswer
from tests.unit.api_client import METRICS, PROMETHEUS, client, pointers, problem_of
from tests.unit.fake_operations import FakeOperations, letter, row

STARTS = "/v1/definitions/fulfil-order/sagas"
FIRST = f"/v1/sagas/{UUID(int=1)}"
ORDER = {"order_id": "1042"}
KEY = {"Idempotency-Key": "request-1"}


async def test_a_start_answers_where_the_saga_is() -> None:
    async with client(FakeOperations()) as http:
        answer = await http.post(STARTS, json=ORDER, headers=KEY)
    assert answer.status_code == 201
    assert answer.json() == {"saga_id": str(UUID(int=1)), "href": FIRST}
    assert (answer.headers["location"], answer.headers["etag"]) == (FIRST, '"3"')


async def test_the_same_start_again_gets_the_same_answer_and_starts_nothing() -> None:
    operations = FakeOperations()
    async with client(operations) as http:
        first = await http.post(STARTS, json=ORDER, headers=KEY)
        again = await http.post(STARTS, json=ORDER, headers=KEY)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["location"] == FIRST
    assert len(operations.rows) == 1


async def test_the_same_key_with_another_body_is_a_conflicting_start() -> None:
    async with client(FakeOperations()) as http:
        await http.post(STARTS, json=ORDER, headers=KEY)
        document = problem_of(await http.post(STARTS, json={"order_id": "7"}, headers=KEY), 422, "conflicting-start")
    assert pointers(document) == [("body", "")]


async def test_a_start_without_a_key_is_a_400_that_names_the_header() -> None:
    async with client(FakeOperations()) as http:
        document = problem_of(await http.post(STARTS, json=ORDER), 400, "idempotency-key-missing")
    assert pointers(document) == [("header", "Idempotency-Key")]


async def test_a_body_that_does_not_fit_is_pointed_at_field_by_field() -> None:
    async with client(FakeOperations()) as http:
        document = problem_of(await http.post(STARTS, json={}, headers=KEY), 422, "invalid-body")
    assert pointers(document) == [("body", "/order_id"), ("body", "/lines/0/quantity")]
    assert document["errors"][0]["detail"] == "Field required"


async def test_a_start_that_cannot_be_read_back_is_still_a_start() -> None:
    class Forgetful(FakeOperations):
        async def show(self, *_: object) -> None:  # type: ignore[override]
            raise Unavailable("postgres", "gone again")

    async with client(Forgetful()) as http:
        answer = await http.post(STARTS, json=ORDER, headers=KEY)
    assert answer.status_code == 201
    assert "etag" not in answer.headers


async def test_an_unknown_definition_is_a_404() -> None:
    async with client(FakeOperations()) as http:
        problem_of(await http.post("/v1/definitions/nobody/sagas", json=ORDER, headers=KEY), 404, "unknown-definition")


async def _walk(http: httpx2.AsyncClient, path: str) -> tuple[list[dict[str, object]], int]:
    """All items of a list, page by page along the Link header, and how many pages there were."""
    items: list[dict[str, object]] = []
    for count in range(1, 20):
        answer = await http.get(path)
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        if answer.json()["next"] is None:
            assert "link" not in answer.headers
            return items, count
        path = answer.links["next"]["url"]
    raise AssertionError("the list never ends")


async def test_pages_of_the_list_hold_every_saga_once_newest_first_and_keep_the_filters() -> None:
    operations = FakeOperations().with_rows(7)
    operations.rows[UUID(int=4)] = row(4, status="parked")
    async with client(operations) as http:
        items, pages = await _walk(http, "/v1/sagas?limit=2&status=running")
    assert [item["saga_id"] for item in items] == [str(UUID(int=number)) for number in (7, 6, 5, 3, 2, 1)]
    assert pages == 3


async def test_the_list_finds_a_business_key() -> None:
    async with client(FakeOperations().with_rows(3)) as http:
        items, _ = await _walk(http, "/v1/sagas?definition=fulfil-order&key=order-2")
    assert [item["key"] for item in items] == ["order-2"]


async def test_one_saga_says_what_it_waits_for_and_why() -> None:
    async with client(FakeOperations().with_rows(1)) as http:
        answer = await http.get(FIRST)
    seen = answer.json()
    assert answer.headers["etag"] == '"3"'
    assert seen["explanation"] == "the answer to accept_order from order (attempt 1)"
    assert (seen["steps"][0]["step"], seen["steps"][0]["status"], seen["trace_id"][:4]) == ("accept_order", "issued", "4bf9")
    assert "tenant" not in seen


async def test_a_saga_can_be_seen_as_of_a_version_that_it_had() -> None:
    async with client(FakeOperations().with_rows(1)) as http:
        assert (await http.get(f"{FIRST}?at_version=2")).json()["version"] == 2
        problem_of(await http.get(f"{FIRST}?at_version=4"), 404, "not-found")


async def test_events_go_by_pages_too() -> None:
    async with client(FakeOperations().with_rows(1)) as http:
        items, pages = await _walk(http, f"{FIRST}/events?limit=2")
    assert [item["version"] for item in items] == [1, 2, 3]
    assert pages == 2


async def test_cancel_says_what_it_did_and_who_did_it() -> None:
    operations = FakeOperations().with_rows(1)
    async with client(operations) as http:
        answer = await http.post(f"{FIRST}/cancel", json={"reason": "changed mind"}, headers={"X-Actor": "ada", "If-Match": '"3"'})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"4"')
    assert answer.json()["events"] == ["TurnedBack"]
    verb, act = operations.acts[0]
    assert (verb, act.actor, act.reason, act.expected_version) == ("cancel", "ada", "changed mind", 3)


async def test_if_match_of_another_version_is_a_412_and_nothing_happens() -> None:
    operations = FakeOperations().with_rows(1)
    async with client(operations) as http:
        answer = await http.post(f"{FIRST}/cancel", json={"reason": "late"}, headers={"If-Match": '"2"'})
    assert pointers(problem_of(answer, 412, "version-changed")) == [("header", "If-Match")]
    assert operations.acts == []


async def test_acts_with_one_key_have_one_input_id_each_and_others_a_new_one() -> None:
    operations = FakeOperations().with_rows(1)
    async with client(operations) as http:
        for headers in (KEY, KEY, {}, {}):
            await http.post(f"{FIRST}/retry", json={"reason": "again", "step": "accept_order", "even_if_forgotten": True}, headers=headers)
        await http.post(f"{FIRST}/skip", json={"reason": "again", "step": "accept_order"}, headers=KEY)
    ids = [act.input_id for _, act in operations.acts]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 4
    assert [act.even_if_forgotten for _, act in operations.acts] == [True] * 4 + [False]


async def test_a_refused_act_is_a_409_with_its_code() -> None:
    async with client(FakeOperations().with_rows(1)) as http:
        answer = await http.post(f"{FIRST}/skip", json={"reason": "stuck", "step": "ship"})
    assert problem_of(answer, 409, "not-issued")["detail"] == "ship has not been issued"


async def test_a_held_act_is_a_202() -> None:
    operations = FakeOperations(held=True).with_rows(1)
    async with client(operations) as http:
        answer = await http.post(f"{FIRST}/cancel", json={"reason": "stop"})
    assert (answer.status_code, answer.json()["held"]) == (202, True)


async def test_definitions_are_listed_with_their_diagrams() -> None:
    async with client(FakeOperations()) as http:
        listed = (await http.get("/v1/definitions")).json()["items"]
        diagram = await http.get(listed[0]["diagram_href"])
        problem_of(await http.get("/v1/definitions/fulfil-order/9/diagram"), 404, "not-found")
    assert listed[0]["starts_on"] == "com.example.order.OrderPlaced.v1"
    assert (diagram.text, diagram.headers["content-type"]) == ("flowchart TD\n", "text/plain; charset=utf-8")


async def test_dead_letters_go_by_pages_and_keep_their_bodies_to_themselves() -> None:
    operations = FakeOperations(letters=[letter(number) for number in (5, 4, 3, 2, 1)])
    async with client(operations) as http:
        items, pages = await _walk(http, "/v1/dead-letters?limit=2")
    assert [item["offset"] for item in items] == [5, 4, 3, 2, 1]
    assert pages == 3
    assert "secret-canary" not in str(items)  # A12


async def test_metrics_are_the_page_that_was_given() -> None:
    async with client(FakeOperations()) as http:
        answer = await http.get("/metrics")
    assert (answer.content, answer.headers["content-type"]) == (METRICS, PROMETHEUS)


async def test_readiness_says_which_part_is_wrong_while_the_process_is_alive() -> None:
    operations = FakeOperations()
    async with client(operations) as http:
        assert (await http.get("/readyz")).status_code == 200
        operations.wrong = {"kafka": "no broker answers"}
        document = problem_of(await http.get("/readyz"), 503, "not-ready")
        assert (await http.get("/livez")).status_code == 200
    assert document["faults"] == {"kafka": "no broker answers"}


@pytest.mark.parametrize(
    ("error", "code"), [(Unavailable("postgres", "refused"), "unavailable"), (UnknownOutcome("commit"), "outcome-unknown")]
)
async def test_a_database_that_is_away_is_a_503_with_the_time_to_come_again(error: Exception, code: str) -> None:
    async with client(FakeOperations(raises=error)) as http:
        answer = await http.get("/v1/sagas")
    problem_of(answer, 503, code)
    assert int(answer.headers["retry-after"]) > 0  # P15


@pytest.mark.parametrize("error", [RuntimeError("secret-canary in a table"), KeyError("secret-canary")])
async def test_a_bug_is_a_500_that_tells_nothing_of_the_inside(error: Exception) -> None:
    async with client(FakeOperations(raises=error)) as http:
        answer = await http.get("/v1/sagas")
    problem_of(answer, 500, "internal")
    assert "canary" not in answer.text  # A8
    assert "Traceback" not in answer.text


async def test_pause_resume_doubt_answer_and_fence_hand_on_what_was_said() -> None:
    operations = FakeOperations().with_rows(1)
    why = {"reason": "they are down"}
    said = {"evidence": "statement 7", "reply_type": "com.example.payment.PaymentCaptured.v1", "reply": {"payment_id": "p"}}
    async with client(operations) as http:
        await http.post(f"{FIRST}/pause", json=why)
        await http.post(f"{FIRST}/resume", json={**why, "even_if_forgotten": True})
        await http.post(f"{FIRST}/doubt", json={**why, "step": "reserve"})
        await http.post(f"{FIRST}/answer", json={**why, **said, "step": "capture"})
        await http.post(f"{FIRST}/fence", json={**why, "step": "capture"})
    assert [(verb, act.step, act.even_if_forgotten) for verb, act in operations.acts] == [
        *[("pause", "", False), ("resume", "", True)],
        *[("doubt", "reserve", False), ("answer", "capture", False), ("fence", "capture", False)],
    ]
    assert operations.acts[3][1].answer == HandAnswer("statement 7", False, said["reply_type"], {"payment_id": "p"})


@pytest.mark.parametrize(
    "body", [{}, {"evidence": ""}, {"evidence": "e", "reply": []}, {"evidence": "e", "undo": "yes"}, {"evidence": "e", "x": 1}]
)
async def test_an_answer_by_hand_without_evidence_or_of_another_shape_is_a_422(body: dict[str, object]) -> None:  # A3
    operations = FakeOperations().with_rows(1)
    async with client(operations) as http:
        answer = await http.post(f"{FIRST}/answer", json={"reason": "r", "step": "s", **body})
    assert (answer.status_code, operations.acts) == (422, [])


async def test_all_sagas_of_a_definition_are_paused_and_the_list_says_by_whom() -> None:
    operations = FakeOperations().with_rows(2)
    async with client(operations) as http:
        done = await http.post("/v1/definitions/fulfil-order/pause", json={"reason": "fire"}, headers={"X-Actor": "ada", **KEY})
        (listed,) = (await http.get("/v1/definitions")).json()["items"]
        await http.post("/v1/definitions/fulfil-order/resume", json={"reason": "over", "even_if_forgotten": True})
        problem_of(await http.post("/v1/definitions/other/pause", json={"reason": "fire"}), 404, "not-found")
    assert done.json() == {"definition": "fulfil-order", "paused": True, "changed": 2, "refused": 0, "more": False}
    assert (listed["paused_by"], listed["paused_because"]) == ("ada", "fire")
    assert [act.even_if_forgotten for act in operations.definition_acts] == [False, True]
