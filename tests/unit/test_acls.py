"""The least rights, derived from who takes part."""

import json

from typer.testing import CliRunner

from saga.cli.app import app
from saga.transport.acls import Acl, Principals, acls

TABLE = acls(["payment", "inventory"], "coordinators", Principals())


def of(principal: str) -> set[tuple[str, str]]:
    return {(right.operation, right.name) for right in TABLE if right.principal == f"User:{principal}"}


def test_a_participant_reads_its_commands_and_writes_its_events_and_that_is_all() -> None:  # A10
    assert of("payment") == {("Read", "payment"), ("Read", "payment.commands"), ("Write", "payment.events")}


def test_the_coordinator_writes_commands_and_reads_events_and_never_the_other_way_round() -> None:  # A10
    ours = of("saga-coordinator")
    assert {name for operation, name in ours if operation == "Write"} == {"payment.commands", "inventory.commands", "saga.lifecycle"}
    assert {name for operation, name in ours if operation == "Read"} == {"payment.events", "inventory.events", "coordinators"}


def test_a_line_is_a_command_whatever_a_name_holds() -> None:
    right = Acl("User:CN=a b;rm", "Read", "topic", "payment.commands")
    assert "--allow-principal 'User:CN=a b;rm' --operation Read --topic payment.commands" in right.line("h:1", "admin.properties")


def test_the_command_prints_the_table_of_the_loaded_definitions() -> None:
    given = ["topics", "acls", "--definitions", "services.order.fulfilment", "--principal", "User:CN={name}", "--coordinator", "saga"]
    rows = json.loads(CliRunner().invoke(app, [*given, "--json"]).stdout)["acls"]
    assert {row["principal"] for row in rows} == {f"User:CN={name}" for name in ("saga", "order", "payment", "inventory", "shipping")}
    lines = CliRunner().invoke(app, given).stdout.splitlines()
    assert len(lines) == len(rows)
    assert all(line.startswith("kafka-acls.sh --bootstrap-server 127.0.0.1:9092 --command-config admin.properties --add") for line in lines)


def test_settings_are_shown_with_their_origin_and_without_secrets() -> None:  # A12
    canary = "canary-2b9e"
    environment = {
        "SAGA_POSTGRES_DSN": f"postgresql://saga:{canary}@db/saga",
        "SAGA_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "SAGA_KAFKA_USERNAME": "saga",
        "SAGA_KAFKA_PASSWORD": canary,
    }
    for arguments in (["settings"], ["settings", "--json"]):
        said = CliRunner().invoke(app, arguments, env=environment)
        assert said.exit_code == 0
        assert canary not in said.output
    rows = {row["variable"]: row for row in json.loads(said.stdout)["settings"]}
    assert rows["SAGA_KAFKA_PASSWORD"] == {"variable": "SAGA_KAFKA_PASSWORD", "value": "***", "from": "environment"}
    assert rows["SAGA_POSTGRES_DSN"]["value"] == "postgresql://saga:***@db/saga"
    assert (rows["SAGA_GROUP_ID"]["value"], rows["SAGA_GROUP_ID"]["from"]) == ("saga-coordinator", "default")
