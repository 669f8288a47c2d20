"""The `saga` command on sagas, with a desk in memory: what it prints, and how it ends."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from typer.testing import CliRunner, Result

from saga.cli.app import app
from saga.cli.doors import Doors
from saga.config import Settings
from saga.errors import Unavailable, UnknownOutcome
from saga.runtime.operations import HandAnswer
from tests.unit.fake_operations import FakeOperations, row

FIRST = str(UUID(int=1))
ABSENT = str(UUID(int=404))


def saga(operations: FakeOperations, *arguments: str) -> Result:
    """Run the command on this desk."""

    @asynccontextmanager
    async def opened(_: Settings) -> AsyncIterator[FakeOperations]:
        yield operations

    return CliRunner().invoke(app, [*arguments], obj=Doors(operations=opened))


def document(result: Result, code: int = 0) -> Any:
    """The JSON that the command printed: the whole of stdout."""
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def test_list_prints_a_page_with_where_the_next_one_begins() -> None:
    desk = FakeOperations().with_rows(3)
    first = document(saga(desk, "list", "--limit", "2", "--json"))
    assert [item["key"] for item in first["items"]] == ["order-3", "order-2"]
    second = document(saga(desk, "list", "--limit", "2", "--after", first["next"], "--json"))
    assert ([item["key"] for item in second["items"]], second["next"]) == (["order-1"], None)


def test_list_filters_by_status() -> None:
    desk = FakeOperations().with_rows(2)
    desk.rows[UUID(int=1)] = row(1, status="parked")
    assert [item["key"] for item in document(saga(desk, "list", "--status", "parked", "--json"))["items"]] == ["order-1"]


def test_list_is_a_table_for_people() -> None:
    result = saga(FakeOperations().with_rows(2), "list")
    assert result.stdout.splitlines()[0].split() == ["saga", "definition", "key", "status", "version", "started", "(UTC)", "waits", "for"]
    assert "order-2" in result.stdout


def test_text_of_strangers_moves_no_cursor_and_is_no_markup() -> None:
    desk = FakeOperations()
    desk.rows[UUID(int=1)] = row(1, key="\x1b[2J[red]order\r\nlevel=error")  # A11
    result = saga(desk, "list")
    assert "\\x1b[2J[red]order\\r\\nlevel=error" in result.stdout
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize("name", [FIRST, "fulfil-order:order-1"])
def test_show_takes_an_id_or_a_business_key(name: str) -> None:
    seen = document(saga(FakeOperations().with_rows(1), "show", name, "--json"))
    assert (seen["saga_id"], seen["explanation"]) == (FIRST, "the answer to accept_order from order (attempt 1)")
    assert seen["steps"][0]["status"] == "issued"


def test_show_at_a_version_shows_what_was_then() -> None:
    desk = FakeOperations().with_rows(1)
    assert document(saga(desk, "show", FIRST, "--at", "2", "--json"))["version"] == 2
    assert saga(desk, "show", FIRST, "--at", "9").exit_code == 4


def test_show_for_people_says_what_the_saga_waits_for() -> None:
    result = saga(FakeOperations().with_rows(1), "show", FIRST)
    assert "waits for        the answer to accept_order from order (attempt 1)" in result.stdout
    assert "2026-03-01 09:30:30" in result.stdout


def test_events_are_printed_in_order() -> None:
    desk = FakeOperations().with_rows(1)
    page = document(saga(desk, "events", FIRST, "--after", "1", "--limit", "1", "--json"))
    assert ([item["version"] for item in page["items"]], page["next"]) == ([2], 2)
    assert saga(desk, "events", FIRST).stdout.count("StepIssued") == 3


def test_cancel_says_what_happened_and_hands_on_who_and_why() -> None:
    desk = FakeOperations().with_rows(1)
    done = document(saga(desk, "cancel", FIRST, "--reason", "changed mind", "--actor", "ada", "--if-version", "3", "--json"))
    assert (done["status"], done["events"], done["held"]) == ("compensating", ["TurnedBack"], False)
    verb, act = desk.acts[0]
    assert (verb, act.actor, act.reason, act.expected_version) == ("cancel", "ada", "changed mind", 3)


def test_retry_and_skip_name_their_step_and_each_call_is_an_act_of_its_own() -> None:
    desk = FakeOperations().with_rows(1)
    for arguments in (("retry", "--even-if-forgotten"), ("retry",), ("skip",)):
        result = saga(desk, arguments[0], FIRST, "--step", "reserve", "--branch", "b", "--reason", "r", *arguments[1:])
        assert result.exit_code == 0, result.output
    assert [(verb, act.step, act.branch, act.even_if_forgotten) for verb, act in desk.acts] == [
        ("retry", "reserve", "b", True),
        ("retry", "reserve", "b", False),
        ("skip", "reserve", "b", False),
    ]
    assert len({act.input_id for _, act in desk.acts}) == 3


def test_pause_resume_doubt_answer_and_fence_hand_on_what_was_said() -> None:
    desk = FakeOperations().with_rows(1)
    for verb, *more in (
        ("pause",),
        ("resume", "--even-if-forgotten"),
        ("doubt", "--step", "reserve"),
        ("fence", "--step", "capture"),
        ("answer", "--step", "capture", "--evidence", "statement 7", "--reply", '{"payment_id": "p"}'),
    ):
        result = saga(desk, verb, FIRST, "--reason", "r", *more)
        assert result.exit_code == 0, result.output
    assert [(verb, act.step, act.even_if_forgotten) for verb, act in desk.acts] == [
        *[
            ("pause", "", False),
            ("resume", "", True),
            ("doubt", "reserve", False),
            ("fence", "capture", False),
            ("answer", "capture", False),
        ],
    ]
    assert desk.acts[-1][1].answer == HandAnswer("statement 7", reply={"payment_id": "p"})


def test_an_act_on_a_definition_is_asked_again_until_no_saga_is_left() -> None:
    desk = FakeOperations(calls=3).with_rows(2)
    done = document(saga(desk, "resume-definition", "fulfil-order", "--reason", "over", "--actor", "ada", "--json"))
    assert (done["paused"], done["changed"], done["more"]) == (False, 6, False)
    assert len({act.input_id for act in desk.definition_acts}) == 1
    assert "2 sagas changed" in saga(FakeOperations().with_rows(2), "pause-definition", "fulfil-order", "--reason", "fire").stdout
    assert saga(desk, "pause-definition", "other", "--reason", "fire").exit_code == 4


def test_definitions_are_listed_with_who_paused_them() -> None:
    desk = FakeOperations()
    saga(desk, "pause-definition", "fulfil-order", "--reason", "fire", "--actor", "ada")
    (listed,) = document(saga(desk, "definitions", "--json"))["items"]
    assert (listed["name"], listed["paused_by"], listed["paused_because"]) == ("fulfil-order", "ada", "fire")
    assert "fire" in saga(desk, "definitions").stdout


def test_an_act_of_which_nobody_says_who_is_the_one_who_is_logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "grace")
    desk = FakeOperations().with_rows(1)
    saga(desk, "cancel", FIRST, "--reason", "r")
    assert desk.acts[0][1].actor == "grace"


def test_a_held_act_says_that_a_replica_will_decide() -> None:
    result = saga(FakeOperations(held=True).with_rows(1), "cancel", FIRST, "--reason", "r")
    assert (result.exit_code, result.stdout.partition(":")[0]) == (0, "held")


def test_a_refused_act_is_exit_code_1_with_its_reason() -> None:
    result = saga(FakeOperations().with_rows(1), "skip", FIRST, "--step", "ship", "--reason", "r")
    assert (result.exit_code, result.stderr) == (1, "saga: refused (not-issued): ship has not been issued\n")


def test_a_fault_with_json_is_json_on_stderr_and_nothing_on_stdout() -> None:
    result = saga(FakeOperations(), "show", ABSENT, "--json")
    assert (result.exit_code, result.stdout) == (4, "")
    assert json.loads(result.stderr) == {"code": "not-found", "detail": "no saga has this id", "exit": 4}


@pytest.mark.parametrize("error", [Unavailable("postgres", "nobody there"), UnknownOutcome("commit")])
def test_a_missing_database_is_one_line_and_exit_code_3(error: Exception) -> None:
    result = saga(FakeOperations(raises=error), "list")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (3, "", 1)


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "order 1"),
        ("show", ":"),
        ("show", "fulfil-order:"),
        ("show", FIRST, "--at", "0"),
        ("list", "--limit", "201"),
        ("list", "--status", "lost"),
        ("list", "--after", "1"),
        ("cancel", FIRST),
        ("retry", FIRST, "--reason", "r"),
        ("answer", FIRST, "--reason", "r", "--step", "s"),
        ("answer", FIRST, "--reason", "r", "--step", "s", "--evidence", "e", "--reply", "[]"),
        ("nonsense",),
    ],
)
def test_wrong_usage_is_exit_code_2_and_asks_nothing(arguments: tuple[str, ...]) -> None:
    result = saga(FakeOperations(raises=AssertionError("was asked")), *arguments)
    assert (result.exit_code, result.stdout) == (2, "")


def test_a_bug_is_one_line_with_its_place_and_an_exit_code_of_its_own() -> None:
    result = saga(FakeOperations(raises=KeyError("secret-canary")), "list")
    assert result.exit_code == 70
    assert "unexpected KeyError (fake_operations.py:" in result.stderr
    assert "canary" not in result.output


WORDS = [
    ("cancel", FIRST, "--reason", ""),
    ("cancel", FIRST, "--reason", "  "),
    ("cancel", FIRST, "--reason", "r" * 1001),
    ("cancel", FIRST, "--reason", "half a pair \udcff"),  # P14: what a terminal sends that is no UTF-8
    ("cancel", FIRST, "--reason", "r", "--actor", "ada\r\nlevel=error"),  # A11
    ("cancel", FIRST, "--reason", "r", "--actor", "a" * 201),
    ("retry", FIRST, "--reason", "r", "--step", ""),
    ("skip", FIRST, "--reason", "r", "--step", "s\udcff"),
    ("skip", FIRST, "--reason", "r", "--step", "s", "--branch", "b" * 201),
    ("list", "--key", "\udcff"),
    ("list", "--definition", ""),
    ("show", "fulfil-order:\udcff"),
    ("show", f"fulfil-order:{'k' * 201}"),
]


@pytest.mark.parametrize("arguments", WORDS)
def test_what_rest_refuses_to_take_into_an_event_is_refused_here_too(arguments: tuple[str, ...]) -> None:
    desk = FakeOperations(raises=AssertionError("was asked")).with_rows(1)
    result = saga(desk, *arguments)
    assert (result.exit_code, result.stdout, desk.acts) == (2, "", [])


def test_a_reason_loses_the_blanks_around_it_and_keeps_its_letters() -> None:
    desk = FakeOperations().with_rows(1)
    saga(desk, "cancel", FIRST, "--reason", "  Kündigung — 客户  ", "--actor", "Ada Łoś")
    assert [(act.reason, act.actor) for _, act in desk.acts] == [("Kündigung — 客户", "Ada Łoś")]


def test_a_key_is_looked_up_as_it_was_given() -> None:
    desk = FakeOperations()
    desk.rows = {UUID(int=1): row(1, key=" order "), UUID(int=2): row(2, key="order")}
    assert [item["key"] for item in document(saga(desk, "list", "--key", " order ", "--json"))["items"]] == [" order "]
