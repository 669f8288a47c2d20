"""`saga explain` and `saga watch`, with a desk in memory."""

import asyncio
import json
import os
import pty
import sys
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from saga.cli.watching import list_changes, saga_changes
from saga.ports.streams import SagaFilter
from tests.unit.fake_operations import FakeOperations, row
from tests.unit.test_cli import ABSENT, FIRST, saga

SENTENCE = "the answer to accept_order from order (attempt 1)"


def test_explain_is_one_sentence() -> None:
    result = saga(FakeOperations().with_rows(1), "explain", "fulfil-order:order-1")
    assert (result.exit_code, result.stdout) == (0, SENTENCE + "\n")
    said = json.loads(saga(FakeOperations().with_rows(1), "explain", FIRST, "--json").stdout)
    assert said == {"saga_id": FIRST, "version": 3, "status": "running", "ended": False, "explanation": SENTENCE}
    assert saga(FakeOperations(), "explain", ABSENT).exit_code == 4


def test_watching_a_saga_ends_with_it_and_is_a_line_for_each_event() -> None:
    desk = FakeOperations().with_rows(1)
    desk.rows[UUID(int=1)] = row(1, status="completed", ended=True, waits_for="Completed.")
    lines = saga(desk, "watch", FIRST).stdout.splitlines()
    assert [line.split()[2] for line in lines[:3]] == ["1", "2", "3"]
    assert lines[3:] == ["Completed."]
    documents = [json.loads(line) for line in saga(desk, "watch", FIRST, "--json").stdout.splitlines()]
    assert [document["version"] for document in documents] == [1, 2, 3]
    assert saga(FakeOperations(), "watch", ABSENT).exit_code == 4


def test_watching_all_is_a_line_for_each_saga_that_changes_oldest_first() -> None:
    desk = FakeOperations().with_rows(3)
    lines = saga(desk, "watch", "--rounds", "1", "--limit", "2").stdout.splitlines()
    assert [line.split()[2] for line in lines] == ["order-2", "order-3"]
    documents = [json.loads(line) for line in saga(desk, "watch", "--rounds", "1", "--json").stdout.splitlines()]
    assert [document["key"] for document in documents] == ["order-1", "order-2", "order-3"]


@pytest.mark.parametrize("arguments", [("watch", "x"), ("watch", "--every", "0"), ("watch", "--limit", "0"), ("watch", "--status", "lost")])
def test_wrong_usage_asks_nothing(arguments: tuple[str, ...]) -> None:
    assert saga(FakeOperations(raises=AssertionError("was asked")), *arguments).exit_code == 2


async def test_a_change_of_a_saga_brings_only_its_new_events() -> None:
    desk = FakeOperations().with_rows(1)
    changes = saga_changes(desk, "default", UUID(int=1), 0.001)
    versions = []
    async for view, new in changes:
        versions.append((view.row.version, [event.version for event in new]))
        desk.rows[UUID(int=1)] = replace(view.row, version=view.row.version + 2, ended=view.row.version > 3)
    assert versions == [(3, [1, 2, 3]), (5, [4, 5]), (7, [6, 7])]


async def test_a_list_brings_what_is_new_or_changed_and_all_that_is_there() -> None:
    desk = FakeOperations().with_rows(2)
    changes = list_changes(desk, SagaFilter(), 50, 0.001)
    first = await anext(changes)
    desk.rows[UUID(int=1)] = row(1, version=4)
    second = await anext(changes)
    assert [([one.key for one in rows], [one.key for one in new]) for rows, new in (first, second)] == [
        (["order-2", "order-1"], ["order-1", "order-2"]),
        (["order-2", "order-1"], ["order-1"]),
    ]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await anext(changes)


WATCHED = """
from contextlib import asynccontextmanager
from saga.cli.app import app
from saga.cli.doors import Doors
from tests.unit.fake_operations import FakeOperations
@asynccontextmanager
async def opened(_):
    yield FakeOperations().with_rows(2)
app(["watch", "--rounds", "1"], obj=Doors(operations=opened))
"""


async def test_in_a_terminal_it_is_a_table_that_stays() -> None:
    leader, follower = pty.openpty()
    environment: dict[str, Any] = {**os.environ, "COLUMNS": "160", "TERM": "xterm"}
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", WATCHED, stdout=follower, env=environment)
    assert await process.wait() == 0
    os.close(follower)
    shown = os.read(leader, 65_536).decode()
    os.close(leader)
    assert "waits for" in shown
    assert "order-1" in shown
    assert "2 sagas, newest first" in shown
