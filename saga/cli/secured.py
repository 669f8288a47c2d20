"""Commands on what protects a deployment: the settings in force, and who may read and write which topic."""
# ruff: noqa: PLC0415 - heavy libraries are loaded by the command that needs them

import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from saga.cli.asked import OnDatabase, command
from saga.cli.doors import Doors
from saga.cli.shown import print_json, print_line, print_table

if TYPE_CHECKING:
    from saga.config import Settings

MASKED = "***"


@dataclass(frozen=True, kw_only=True)
class Acls(OnDatabase):
    """Who is who."""

    principal: Annotated[str, typer.Option(help="How a name becomes a principal, as in User:CN={name}.")] = "User:{name}"
    coordinator: Annotated[str, typer.Option(help="The coordinator's name; SAGA_KAFKA_USERNAME, else saga-coordinator.")] = ""
    config: Annotated[str, typer.Option(help="Properties file of the administrator, for the lines.")] = "admin.properties"


def add_to(app: typer.Typer) -> None:
    """Register the commands; `topics` is extended where it is there already."""
    command(app, "settings", OnDatabase)(settings)
    topics = next((group.typer_instance for group in app.registered_groups if group.name == "topics"), None)
    if topics is None:
        topics = typer.Typer(no_args_is_help=True, help="The Kafka topics that the loaded definitions need.")
        app.add_typer(topics, name="topics")
    command(topics, "acls", Acls)(acls)


def settings(asked: OnDatabase, _doors: Doors) -> None:
    """Show the settings in force and where each came from. Secrets are masked."""
    from saga.secrets.sources import origins, variables

    found = asked.settings()
    where = origins(found, os.environ, found.options)
    rows = [{"variable": variable, "value": shown(found, name), "from": where[name]} for name, variable in variables(type(found)).items()]
    if asked.as_json:
        print_json({"settings": rows})
    else:
        print_table(("variable", "value", "from"), [tuple(row.values()) for row in rows])


def shown(settings: "Settings", name: str) -> str:
    """The value of a field as anybody may read it."""
    from pydantic import SecretStr

    from saga.config import without_password

    value = getattr(settings, name)
    if name == "postgres_dsn":
        return without_password(value.get_secret_value())
    if isinstance(value, SecretStr):
        return MASKED if value.get_secret_value() else ""
    return ",".join(str(getattr(one, "name", one)) for one in value) if isinstance(value, tuple) else str(value)  # an issuer by its name


def acls(asked: Acls, _doors: Doors) -> None:
    """Print the least rights that the coordinator and each participant need, as lines for Kafka's own tool."""
    from saga.bootstrap import load_definitions
    from saga.transport.acls import Principals
    from saga.transport.acls import acls as table

    found = asked.settings()
    participants = {name for definition in load_definitions(found).all() for name in definition.participants()}
    coordinator = asked.coordinator or found.kafka_username or Principals().coordinator
    rights = table(participants, found.group_id, Principals(coordinator, asked.principal))
    if asked.as_json:
        print_json({"acls": [asdict(right) for right in rights]})
    else:
        for right in rights:
            print_line(right.line(found.kafka_bootstrap, asked.config))
