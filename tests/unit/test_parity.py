"""Every question and act of `Operations` has a route and a command, and says the same on the machine and over REST.

What is compared is generated from the Protocol, the command's own options and the OpenAPI document: a method without a door fails here.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
import typer.main

from saga.api.app import build_app
from saga.cli.app import app
from saga.config import Settings
from saga.errors import ContractError, Unavailable, UnknownOutcome
from saga.remote.routes import DIAGRAM, ROUTES
from saga.runtime.operations import Operations
from tests.unit.doors import URL, Recording, saga
from tests.unit.fake_operations import FakeOperations, letter

METHODS = sorted(name for base in Operations.__mro__ for name in vars(base) if not name.startswith("_") and callable(getattr(base, name)))
# Where the command is not called like the method: `pause_definition` is `pause-definition` without being told.
COMMANDS = {
    "list_sagas": "list",
    "find": "show",
    "definition_of": "show",
    "paused_definitions": "definitions",
    "audit": "audit list",
    "faults": "ready",
    "dead_letters": "dead-letters list",
    "dead_letter": "dead-letters show",
    "redrive": "dead-letters redrive",
    "redrive_many": "dead-letters redrive",
    "discard": "dead-letters discard",
    "held_records": "held list",
    "retry_held": "held retry",
}
# What a command needs to be told; an option that is new, required and not here fails the test, which then wants a sample.
SAMPLES = {
    "saga": str(UUID(int=1)),
    "step": "accept_order",
    "reason": "because",
    "actor": "ada",
    "evidence": "seen in the ledger",
    "definition": "fulfil-order",
    "name": "fulfil-order",
    "body": '{"order_id": "9"}',
    "key": "request-1",
    "if_version": "3",
    "letter": f"{2:064x}",
}
ASKED_WITH = {
    "find": {"saga": "fulfil-order:order-1"},
    "redrive": {"one": f"{2:064x}"},
    "redrive_many": {"dry_run": ""},  # a flag: nothing is told with it
    "retry_held": {"dry_run": ""},
}
CALLED = {"definition_of": "show"}
OPENED_BY_OTHERS = {
    *("live", "metrics"),  # of the process, no question to the desk
    *("followSaga", "followSagas"),  # events as they come; `saga watch` asks `show` and `list_sagas` again and again, by either door
}
Desk = Callable[[], FakeOperations]


def _full() -> FakeOperations:
    return FakeOperations(letters=[letter(2), letter(1)]).with_rows(3)


SITUATIONS: dict[str, Desk] = {
    "all is well": _full,
    "no saga": FakeOperations,
    "held": lambda: replace(_full(), held=True),
    "not ready": lambda: replace(_full(), wrong={"kafka": "away", "intake": "stuck"}),
    "the database is away": lambda: replace(_full(), raises=Unavailable("postgres", "try again")),
    "the outcome is not known": lambda: replace(_full(), raises=UnknownOutcome("cut")),
    "the request is wrong": lambda: replace(_full(), raises=ContractError("invalid-body", "total: Field required")),
    "nothing is found": lambda: replace(_full(), raises=LookupError("no saga has this id")),
}


def _commands(group: Any, before: str = "") -> Iterable[tuple[str, Any]]:
    for name, one in getattr(group, "commands", {}).items():
        yield f"{before}{name}", one
        yield from _commands(one, f"{before}{name} ")


BY_NAME = dict(_commands(typer.main.get_command(app)))


def _line(method: str, *, optional: bool = False) -> list[str]:
    """The command for a method, with a sample for everything that it must be told; `optional`: for what it may be told, too."""
    name = COMMANDS.get(method, method.replace("_", "-"))
    assert name in BY_NAME, f"{method} has no command: add one, or say in COMMANDS which it is"
    samples = SAMPLES | ASKED_WITH.get(method, {})
    words = name.split()
    for parameter in BY_NAME[name].params:
        assert not parameter.required or parameter.name in samples, f"say in SAMPLES what {name} takes as {parameter.name}"
        if (
            parameter.required
            or parameter.name in ASKED_WITH.get(method, {})
            or (optional and parameter.name in ("actor", "if_version", "key"))
        ):
            told = samples[str(parameter.name)]
            words += [told] if parameter.param_type_name == "argument" else [parameter.opts[0], *([told] if told else [])]
    return words


def _through(desk: FakeOperations, line: list[str], **environment: str) -> tuple[Any, list[str], Any]:
    recording = Recording(desk)
    said = saga(recording, *line, **environment)
    acts = [(verb, replace(act, input_id="")) for verb, act in desk.acts], [replace(act, input_id="") for act in desk.definition_acts]
    return (said.exit_code, said.stdout, said.stderr), recording.called, acts


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_both_doors_say_and_do_the_same(method: str, situation: str, form: tuple[str, ...]) -> None:
    line = [*_line(method, optional=True), *form]
    here, _, done = _through(SITUATIONS[situation](), line)
    there, _, done_there = _through(SITUATIONS[situation](), line, SAGA_URL=URL)
    assert here == there
    assert done == done_there
    assert here[0] in (0, 1, 3, 4)


@pytest.mark.parametrize("method", METHODS)
def test_the_command_of_a_method_calls_it_on_the_machine_and_behind_rest(method: str) -> None:
    _, called, _ = _through(_full(), _line(method))
    _, called_there, _ = _through(_full(), _line(method), SAGA_URL=URL)
    assert CALLED.get(method, method) in called
    assert {"find": "list_sagas"}.get(method, CALLED.get(method, method)) in called_there


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_a_route_that_the_application_serves(method: str) -> None:
    route = ROUTES[method]
    document = build_app(FakeOperations(), lambda: (b"", ""), Settings()).openapi()
    assert document["paths"][route.path][route.method.lower()]["operationId"] == route.operation_id


def test_every_operation_of_rest_is_reached_by_a_method() -> None:
    document = build_app(FakeOperations(), lambda: (b"", ""), Settings()).openapi()
    served = {operation["operationId"] for path in document["paths"].values() for operation in path.values()}
    assert served - OPENED_BY_OTHERS == {route.operation_id for route in (*ROUTES.values(), DIAGRAM)}


def test_no_route_is_left_over() -> None:
    assert set(ROUTES) == set(METHODS)


REFUSALS = [
    ("cancel", "--if-version", "2"),
    ("retry", "--step", "ship"),
    ("answer", "--step", "accept_order", "--evidence", "seen", "--reply", '{"order_id": "1"}', "--undo"),
    ("resume", "--even-if-forgotten"),
]


@pytest.mark.parametrize("form", [(), ("--json",)])
@pytest.mark.parametrize("line", REFUSALS, ids=lambda line: line[0])
def test_options_of_acts_arrive_through_both_doors(line: tuple[str, ...], form: tuple[str, ...]) -> None:
    words = [line[0], SAMPLES["saga"], "--reason", "r", "--actor", "ada", *line[1:], *form]
    here, _, done = _through(_full(), words)
    there, _, done_there = _through(_full(), words, SAGA_URL=URL)
    assert here == there
    assert done == done_there


QUESTIONS = [
    ("list", "--limit", "2"),
    ("list", "--after", str(UUID(int=3)), "--status", "running", "--key", "order-1", "--started-after", "2026-01-01"),
    ("show", SAMPLES["saga"], "--at", "2"),
    ("show", SAMPLES["saga"], "--at", "9"),
    ("events", SAMPLES["saga"], "--after", "1", "--limit", "1"),
    ("dead-letters", "list", "--all", "--limit", "1", "--definition", "fulfil-order", "--since", "2026-01-01"),
    ("dead-letters", "show", f"{1:064x}"),
    ("held", "retry", "--reason", "r", "--yes"),
    ("dead-letters", "list", "--after", f"{2:064x}"),
    ("audit", "list", "--limit", "1"),
    ("start", "nothing", "--body", "{}"),
    ("start", "fulfil-order", "--body", '{"order_id": 1}'),
    ("start", "fulfil-order", "--body", '{"order_id": "9"}', "--wait", "0.1"),
]


@pytest.mark.parametrize("line", QUESTIONS, ids=" ".join)
def test_options_of_questions_arrive_through_both_doors(line: tuple[str, ...]) -> None:
    here, _, _ = _through(_full(), [*line, "--json"])
    there, _, _ = _through(_full(), [*line, "--json"], SAGA_URL=URL)
    assert here == there
