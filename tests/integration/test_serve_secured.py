"""`saga serve` and its secrets: what it says when it is not let in, what SIGHUP changes, and that no secret stands in any output."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from saga.embedded.broker import EmbeddedBroker
from saga.embedded.postgres import EmbeddedPostgres
from saga.embedded.processes import Child
from saga.transport.acls import Principals, acls
from tests.authority import Authority
from tests.secured_kafka import SecuredKafka
from tests.secured_postgres import execute

pytestmark = pytest.mark.integration
pytest_plugins = ["secured_fixtures", "kafka_fixtures"]

CANARY = "canary-3c8d"
PARTICIPANTS = ("order", "payment", "inventory", "shipping")
FAST = {
    "SAGA_CONNECT_TIMEOUT": "1",
    "SAGA_HEARTBEAT_EVERY": "0.5",
    "SAGA_FETCH_WAIT": "0.05",
    "SAGA_SESSION_TIMEOUT": "6",
    "SAGA_INSECURE_DEV": "true",
}


class Replica:
    """A process, its readiness, and everything it wrote."""

    def __init__(self, child: Child, port: int) -> None:
        self.child = child
        self._port = port

    def said(self) -> str:
        return self.child.log.read_text()

    def hang_up(self) -> None:
        assert self.child.process is not None
        self.child.process.send_signal(signal.SIGHUP)

    async def until(self, true: Callable[["Replica", dict[str, Any]], bool], seconds: float = 30) -> dict[str, Any]:
        """Wait until what it wrote and what /readyz says are so; the latter, with its status."""
        async with httpx2.AsyncClient(timeout=3) as client, asyncio.timeout(seconds):
            while True:
                answer: dict[str, Any] = {}
                try:
                    found = await client.get(f"http://127.0.0.1:{self._port}/readyz")
                    answer = {**found.json(), "status": found.status_code}
                except httpx2.HTTPError:
                    pass
                if true(self, answer):
                    return answer
                await asyncio.sleep(0.05)


@asynccontextmanager
async def serving(home: Path, **variables: str) -> AsyncIterator[Replica]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    given = {
        "SAGA_DEFINITIONS": "services.order.fulfilment",
        "SAGA_HTTP_PORT": str(port),
        "PYTHONPATH": os.getcwd(),
        **FAST,
        **variables,
    }
    child = Child("saga", ("-m", "saga", "serve"), given, home / "replica.log")
    await child.start()
    try:
        yield Replica(child, port)
    finally:
        await child.stop()


def fault(name: str, words: str) -> Callable[[Replica, dict[str, Any]], bool]:
    """Readiness names it."""
    return lambda _replica, answer: answer.get("status") == 503 and words in answer.get("faults", {}).get(name, "")


async def test_postgres_that_cannot_be_trusted_keeps_a_replica_unready_in_one_line(
    tls_postgres: EmbeddedPostgres, stranger: Authority, mock_broker: str, tmp_path: Path
) -> None:
    more = {"SAGA_POSTGRES_DSN": tls_postgres.dsn(), "SAGA_KAFKA_BOOTSTRAP": mock_broker, "SAGA_POSTGRES_CA_FILE": str(stranger.ca)}
    async with serving(tmp_path, **more) as replica:
        await replica.until(fault("postgres", "certificate is not trusted"))
    assert replica.said().count("not trusted") == 1
    assert "Traceback" not in replica.said()


@pytest.fixture
def kafka_variables(tls_kafka: SecuredKafka, stranger: Authority, request: pytest.FixtureRequest) -> dict[str, str]:
    """A way to reach Kafka that must not work."""
    ours, elsewhere = str(tls_kafka.authority.ca), tls_kafka.bootstrap.replace("127.0.0.1", "localhost")
    ways = {
        "plain": {"SAGA_KAFKA_BOOTSTRAP": tls_kafka.bootstrap},
        "stranger": {"SAGA_KAFKA_BOOTSTRAP": tls_kafka.bootstrap, "SAGA_KAFKA_CA_FILE": str(stranger.ca)},
        "name": {"SAGA_KAFKA_BOOTSTRAP": elsewhere, "SAGA_KAFKA_CA_FILE": ours},
    }
    return {"SAGA_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT" if request.param == "plain" else "SSL", **ways[request.param]}


@pytest.mark.parametrize(
    ("kafka_variables", "words"),
    [("plain", "speaks TLS"), ("stranger", "not trusted"), ("name", "Hostname mismatch")],
    indirect=["kafka_variables"],
)
async def test_kafka_that_cannot_be_trusted_or_spoken_to_keeps_a_replica_unready(
    kafka_variables: dict[str, str], words: str, migrated_dsn: str, tmp_path: Path
) -> None:
    async with serving(tmp_path, SAGA_POSTGRES_DSN=migrated_dsn, **kafka_variables) as replica:
        await replica.until(fault("records", words))
    assert "Traceback" not in replica.said()


async def test_a_refused_password_is_one_line_and_mended_by_a_signal(tls_kafka: SecuredKafka, migrated_dsn: str, tmp_path: Path) -> None:
    tls_kafka.add_login("mended", CANARY)
    tls_kafka.grant(acls(PARTICIPANTS, "saga-coordinator", Principals("mended")))
    tls_kafka.create_topics([f"{name}.{kind}" for name in PARTICIPANTS for kind in ("commands", "events")])
    (tmp_path / "saga_kafka_password").write_text("mistyped")
    more = {"SAGA_POSTGRES_DSN": migrated_dsn, "SAGA_KAFKA_BOOTSTRAP": tls_kafka.bootstrap, "SAGA_SECRETS_DIR": str(tmp_path)}
    more |= {"SAGA_KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "SAGA_KAFKA_USERNAME": "mended", "SAGA_KAFKA_CA_FILE": str(tls_kafka.authority.ca)}
    async with serving(tmp_path, **more) as replica:
        await replica.until(fault("records", "refuses the login of mended"))
        (tmp_path / "saga_kafka_password").write_text(CANARY)
        replica.hang_up()
        await replica.until(lambda _replica, answer: answer.get("ready") is True)
    assert "settings taken over" in replica.said()
    assert CANARY not in replica.said()


async def test_a_signal_changes_the_log_level_and_a_faulty_file_changes_nothing(
    migrated_dsn: str, mock_cluster: EmbeddedBroker, tmp_path: Path
) -> None:
    (tmp_path / "saga_log_level").write_text("warning")
    more = {"SAGA_POSTGRES_DSN": migrated_dsn, "SAGA_KAFKA_BOOTSTRAP": mock_cluster.bootstrap, "SAGA_SECRETS_DIR": str(tmp_path)}
    async with serving(tmp_path, **more) as replica:
        await replica.until(lambda _replica, answer: answer.get("ready") is True)
        assert '"level":"info"' not in replica.said().replace(" ", "")
        (tmp_path / "saga_log_level").write_text(CANARY)
        replica.hang_up()
        await replica.until(lambda replica, answer: "settings refused" in replica.said() and answer.get("ready") is True)
        (tmp_path / "saga_log_level").write_text("info")
        replica.hang_up()
        await replica.until(lambda replica, _answer: "settings taken over" in replica.said())
    assert CANARY not in replica.said()
    assert "SAGA_LOG_LEVEL" in replica.said()


def everywhere(home: Path, tls_kafka: SecuredKafka) -> dict[str, str]:
    """The canary as every secret there is."""
    _, key = tls_kafka.authority.issue("canary")
    return {
        "SAGA_LOG_LEVEL": "debug",
        "SAGA_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "SAGA_KAFKA_USERNAME": "canary",
        "SAGA_KAFKA_PASSWORD": CANARY,
        "SAGA_KAFKA_BOOTSTRAP": tls_kafka.bootstrap,
        "SAGA_KAFKA_CA_FILE": str(tls_kafka.authority.ca),
        "SAGA_KAFKA_CERT_FILE": str(key.with_suffix(".pem")),
        "SAGA_KAFKA_KEY_FILE": str(key),
        "SAGA_KAFKA_KEY_PASSWORD": CANARY,
    }


async def test_a_canary_in_every_secret_stands_in_no_output_of_failing_connections(
    tls_kafka: SecuredKafka, migrated_dsn: str, tmp_path: Path
) -> None:  # A12, I20
    nowhere = {"SAGA_POSTGRES_DSN": "postgresql://canary@127.0.0.1:1/saga", "SAGA_POSTGRES_PASSWORD": CANARY}
    refused = {"SAGA_POSTGRES_DSN": migrated_dsn.replace("postgres:", "nobody:").replace("@127", f"{CANARY}@127")}
    working = {"SAGA_POSTGRES_DSN": migrated_dsn}
    said = []
    for number, more in enumerate((nowhere, refused, working)):
        home = tmp_path / str(number)
        home.mkdir()
        async with serving(home, **everywhere(tmp_path, tls_kafka), **more) as replica:
            await replica.until(lambda replica, answer: answer.get("status") == 503 or "authentication failed" in replica.said())
            if more is working:
                said.append(str(await replica.until(fault("records", "refuses the login of canary"))))
        said.append(replica.said())
    assert all(said)
    assert CANARY not in "".join(said)


async def test_one_password_for_a_database_role_and_another_after_a_signal(
    migrated_dsn: str, postgres_server: EmbeddedPostgres, mock_cluster: EmbeddedBroker, tmp_path: Path
) -> None:
    await execute(postgres_server, "drop role if exists turning", "create role turning superuser login password 'one'")
    (tmp_path / "saga_postgres_password").write_text("one")
    place = migrated_dsn.rpartition("@")[2]
    more = {"SAGA_POSTGRES_DSN": f"postgresql://turning@{place}", "SAGA_KAFKA_BOOTSTRAP": mock_cluster.bootstrap}
    async with serving(tmp_path, SAGA_SECRETS_DIR=str(tmp_path), **more) as replica:
        await replica.until(lambda _replica, answer: answer.get("ready") is True)
        await execute(postgres_server, "alter role turning password 'two'")
        (tmp_path / "saga_postgres_password").write_text("two")
        replica.hang_up()
        await replica.until(lambda replica, _answer: "settings taken over" in replica.said())
        await execute(postgres_server, "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'turning'")
        await replica.until(lambda _replica, answer: answer.get("ready") is True)
    assert "ConfigurationError" not in replica.said()
