"""Commands on what a replica stands on: topics as they should be, and a check of a whole deployment."""
# ruff: noqa: PLC0415 - heavy libraries are loaded by the command that needs them

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from saga.cli.answers import Exit
from saga.cli.asked import Asked, OnDatabase, command
from saga.cli.doors import Doors
from saga.cli.shown import print_json, print_line

if TYPE_CHECKING:
    from saga.config import Settings
    from saga.deployment.finding import Finding


@dataclass(frozen=True, kw_only=True)
class OnTopics(Asked):
    """Where, for which definitions, and how topics should be."""

    definitions: Annotated[str, typer.Option(help="Modules of definitions, comma-separated, instead of SAGA_DEFINITIONS.")] = ""
    kafka: Annotated[str, typer.Option(help="Bootstrap servers, instead of SAGA_KAFKA_BOOTSTRAP.")] = ""
    partitions: Annotated[int | None, typer.Option(min=1, help="Instead of SAGA_TOPIC_PARTITIONS.")] = None
    replication: Annotated[int | None, typer.Option(min=1, help="Instead of SAGA_TOPIC_REPLICATION.")] = None
    min_insync: Annotated[int | None, typer.Option(min=1, help="Instead of SAGA_TOPIC_MIN_INSYNC.")] = None
    retention_hours: Annotated[int | None, typer.Option(min=1, help="Instead of SAGA_TOPIC_RETENTION_HOURS.")] = None

    def settings(self) -> "Settings":
        """The settings of the environment with these options over them."""
        from saga.config import load_settings

        given = {
            "definitions": self.definitions,
            "kafka_bootstrap": self.kafka,
            "topic_partitions": self.partitions,
            "topic_replication": self.replication,
            "topic_min_insync": self.min_insync,
            "topic_retention_hours": self.retention_hours,
        }
        return load_settings(**{name: value for name, value in given.items() if value not in ("", None)})


@dataclass(frozen=True, kw_only=True)
class ApplyTopics(OnTopics):
    """Do it, or only say it."""

    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done and do nothing.")] = False


@dataclass(frozen=True, kw_only=True)
class Doctor(OnDatabase):
    """What to look at."""

    kafka: Annotated[str, typer.Option(help="Bootstrap servers, instead of SAGA_KAFKA_BOOTSTRAP.")] = ""


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    topics = typer.Typer(no_args_is_help=True, help="The Kafka topics that the loaded definitions need.")
    command(topics, "apply", ApplyTopics)(apply)
    command(topics, "check", OnTopics)(check)
    app.add_typer(topics, name="topics")
    command(app, "doctor", Doctor)(doctor)


def apply(asked: ApplyTopics, doors: Doors) -> None:
    """Make the topics that are missing and extend those that are too small. Deletes nothing, shrinks nothing."""
    done, left = asyncio.run(doors.apply_topics(asked.settings(), asked.dry_run))
    if asked.as_json:
        items = [{"topic": one.name, "create": one.create, "partitions": one.partitions, "settings": dict(one.settings)} for one in done]
        print_json({"dry_run": asked.dry_run, "changes": items, "left": [_document(one) for one in left]})
    else:
        for one in done:
            print_line(f"would be: {one}" if asked.dry_run else str(one))
        if not done:
            print_line("every topic is as it should be, or cannot be mended from here")
        for finding in left:
            print_line(f"{finding.level}: {finding}")
    raise typer.Exit(_code(left))


def check(asked: OnTopics, doors: Doors) -> None:
    """Compare the topics with what the loaded definitions need. Exit 1 if a topic is missing or unsafe."""
    _tell(asyncio.run(doors.check_topics(asked.settings())), as_json=asked.as_json)


def doctor(asked: Doctor, doors: Doors) -> None:
    """Check a deployment: servers, schema, privileges, topics, replicas, settings; say what to mend. Exit 1 if there is a fault."""
    more = {"kafka_bootstrap": asked.kafka}
    _tell(asyncio.run(doors.examine(asked.settings(**more))), as_json=asked.as_json)


def _tell(findings: "Sequence[Finding]", *, as_json: bool) -> None:
    code = _code(findings)
    if as_json:
        print_json({"ok": code is Exit.DONE, "findings": [_document(one) for one in findings]})
    else:
        for one in findings:
            print_line(f"{one.level:<8}{one}")
    raise typer.Exit(code)


def _code(findings: "Sequence[Finding]") -> Exit:
    return Exit.NO if any(one.level == "fault" for one in findings) else Exit.DONE


def _document(finding: "Finding") -> dict[str, str]:
    return {"level": str(finding.level), "subject": finding.subject, "what": finding.what, "mend": finding.mend}
