"""The reference application as processes, on servers that want passwords; each process reads its secrets from a directory."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx2

from saga.embedded.application import Place
from saga.embedded.postgres import EmbeddedPostgres
from saga.embedded.processes import Child, wait_until
from saga.transport.acls import Principals, acls
from services.demo.application import DemoApplication
from tests.secured_kafka import SecuredKafka
from tests.secured_postgres import execute, make_databases

COORDINATOR = "saga-coordinator"
START_WITHIN = 60.0
GROUPS = (COORDINATOR, "order", "payment", "inventory", "shipping")


class World:
    """Coordinator and services. `old` is every password at the start; `old` and what it is rotated to may stand in no log."""

    def __init__(self, application: DemoApplication, kafka: SecuredKafka, postgres: EmbeddedPostgres, home: Path) -> None:
        self.application = application
        self._kafka = kafka
        self._postgres = postgres
        self._home = home
        self._ports = {name: _free_port() for name in GROUPS}
        self.place = self._place()
        self.children: list[Child] = []

    async def start(self, secret: str) -> None:
        """Make databases, topics, users and rights; start all processes; wait until they are ready."""
        participants = self.application.participants
        await make_databases(self._postgres, secret)
        self._kafka.create_topics([f"{name}.{kind}" for name in participants for kind in ("commands", "events")])
        self._kafka.grant(acls(participants, COORDINATOR, Principals()))
        for name in GROUPS:
            self._kafka.add_login(name, secret)
            self._write(name, kafka_password=secret, postgres_password=secret, kafka_sasl_mechanism="SCRAM-SHA-512")
        services = [Child(name, words, self._service(name, more), self._log(name)) for name, words, more in self._processes()]
        self.children = [Child(COORDINATOR, ("-m", "saga", "serve"), self._coordinator(), self._log(COORDINATOR)), *services]
        for child in self.children:
            await child.start()
        await wait_until(self._ready, "the application", START_WITHIN, self.children)

    async def rotate(self, secret: str) -> None:
        """New passwords: valid beside the old where the server can do that; then SIGHUP, until every process says that it has them."""
        for name in GROUPS:
            self._kafka.add_login(name, secret, "SCRAM-SHA-256")
            self._write(name, kafka_password=secret, postgres_password=secret, kafka_sasl_mechanism="SCRAM-SHA-256")
        await execute(self._postgres, *(f"alter role {name} password '{secret}'" for name in ("coordinator", "services")))
        for child in self.children:
            assert child.process is not None
            child.process.send_signal(signal.SIGHUP)
        await self.until(lambda: all(child.log.read_text().count("settings taken over") == 2 for child in self.children))

    async def revoke(self) -> None:
        """The old passwords are worth nothing, and every connection to Postgres that is left is cut."""
        for name in GROUPS:
            self._kafka.remove_login(name, "SCRAM-SHA-512")
        await execute(self._postgres, "select pg_terminate_backend(pid) from pg_stat_activity where usename in ('coordinator', 'services')")

    def members(self) -> dict[str, frozenset[str]]:
        """Group → who is in it, by the ids that the broker gave them."""
        described = self._kafka.admin.describe_consumer_groups(list(GROUPS))
        return {name: frozenset(one.member_id for one in future.result(timeout=30).members) for name, future in described.items()}

    async def until(self, true: Callable[[], bool], seconds: float = 40) -> None:
        """Wait for something that other processes do."""

        async def asked() -> bool:
            return true()

        await wait_until(asked, "the condition", seconds, self.children)

    def logs(self) -> str:
        """Everything that the processes wrote."""
        return "\n".join(child.log.read_text() for child in self.children)

    async def stop(self) -> None:
        """End all processes."""
        await asyncio.gather(*(child.stop() for child in self.children))

    async def _ready(self) -> bool:
        async with httpx2.AsyncClient(timeout=2) as client:
            for port in self._ports.values():
                try:
                    if (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code != 200:
                        return False
                except httpx2.HTTPError:
                    return False
        return True

    def _write(self, name: str, **secrets: str) -> None:
        directory = self._home / name
        directory.mkdir(exist_ok=True)
        prefix = "saga" if name == COORDINATOR else "service"
        for key, text in secrets.items():
            (directory / f"{prefix}_{key}").write_text(f"{text}\n")

    def _place(self) -> Place:
        urls = {name: f"http://127.0.0.1:{port}" for name, port in self._ports.items()}
        coordinator, services = (f"postgresql://{name}@127.0.0.1:{self._postgres.port}/{name}" for name in ("coordinator", "services"))
        return Place(coordinator, services, self._kafka.bootstrap, urls[COORDINATOR], urls, 0.2, 6.0)

    def _processes(self) -> list[tuple[str, tuple[str, ...], Mapping[str, str]]]:
        return [(name, tuple(words), more) for name, words, more in self.application.processes(self.place)]

    def _service(self, name: str, more: Mapping[str, str]) -> dict[str, str]:
        return {**self._secured("SERVICE", name), **more}

    def _coordinator(self) -> dict[str, str]:
        return {
            **self._secured("SAGA", COORDINATOR),
            "SAGA_POSTGRES_DSN": self.place.coordinator_dsn,
            "SAGA_KAFKA_BOOTSTRAP": self.place.bootstrap,
            "SAGA_DEFINITIONS": self.application.definitions,
            "SAGA_HTTP_PORT": str(self._ports[COORDINATOR]),
            "SAGA_INSECURE_DEV": "true",
            "SAGA_FETCH_WAIT": "0.2",
            "SAGA_SESSION_TIMEOUT": "6",
            "SAGA_CLAIM_FOR": "3",
            "SAGA_CLAIM_BACKOFF": "3",
        }

    def _secured(self, prefix: str, name: str) -> dict[str, str]:
        ca = str(self._kafka.authority.ca)
        return {
            f"{prefix}_SECRETS_DIR": str(self._home / name),
            f"{prefix}_KAFKA_CA_FILE": ca,
            f"{prefix}_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            f"{prefix}_KAFKA_USERNAME": name,
            "PYTHONPATH": os.getcwd(),
        }

    def _log(self, name: str) -> Path:
        return self._home / f"{name}.log"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
