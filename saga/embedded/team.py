"""The children of `saga dev`: one coordinator and the author's services. They are replaced together, the old ones drain first."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2

from saga.embedded.kafka import free_ports
from saga.embedded.processes import Child, wait_until

START_WITHIN = 60.0
PARTITIONS = 6


@dataclass(frozen=True, slots=True)
class Place:
    """Where the servers are. `real_kafka`: the broker answers a fetch when there are records, and allows no short session."""

    coordinator_dsn: str
    services_dsn: str
    bootstrap: str
    http_port: int
    real_kafka: bool = False

    @property
    def url(self) -> str:
        """The coordinator's REST."""
        return f"http://127.0.0.1:{self.http_port}"

    def environment(self) -> Mapping[str, str]:
        """What a participant or a command in another terminal needs."""
        return {
            "SAGA_URL": self.url,
            "SAGA_POSTGRES_DSN": self.coordinator_dsn,
            "SAGA_KAFKA_BOOTSTRAP": self.bootstrap,
            "SERVICE_POSTGRES_DSN": self.services_dsn,
            "SERVICE_KAFKA_BOOTSTRAP": self.bootstrap,
            **self.pace("SERVICE"),
        }

    def pace(self, prefix: str) -> Mapping[str, str]:
        """How patient a client of this broker is (seconds)."""
        wait, session = ("0.5", "6.0") if self.real_kafka else ("0.02", "2.0")
        return {f"{prefix}_FETCH_WAIT": wait, f"{prefix}_SESSION_TIMEOUT": session}


class Team:
    """Start and replace them. `log` gives the file of a child by its name."""

    def __init__(self, place: Place, definitions: Sequence[str], services: Sequence[str], log: Callable[[str], Path]) -> None:
        self.place = place
        self._definitions = definitions
        self._services = services
        self._log = log
        self._children: list[Child] = []
        self._ready = False
        self._revived: set[str] = set()

    async def replace(self) -> None:
        """Drain and end what runs, start everything anew, wait until it is ready. Raises Unavailable with the last words of what ended
        meanwhile, and ends the others: half a team is no team."""
        await self.stop()
        ports = free_ports(len(self._services))
        self._children = [self._coordinator(), *map(self._service, self._services, ports)]
        urls = [self.place.url, *(f"http://127.0.0.1:{port}" for port in ports)]
        for child in self._children:
            child.log.unlink(missing_ok=True)
            await child.start()
        try:
            await wait_until(lambda: _all_ready(urls), "the coordinator and its services", START_WITHIN, self._children)
        except BaseException:
            await self.stop()
            raise
        self._ready = True

    async def revive(self) -> Sequence[tuple[str, str]]:
        """Start again what was ready once and ended by itself, once until the next change: name and last words of each."""
        dead = [child for child in self._children if self._ready and not child.alive and child.name not in self._revived]
        self._revived |= {child.name for child in dead}
        words = [(child.name, child.last_words()) for child in dead]
        for child in dead:
            await child.start()
        return words

    async def stop(self) -> None:
        """SIGTERM to all; each drains, and is gone within ten seconds."""
        self._ready, self._revived = False, set()
        children, self._children = self._children, []
        await asyncio.gather(*(child.stop() for child in children))

    def _coordinator(self) -> Child:
        environment = {
            "SAGA_INSTANCE_ID": "dev",
            "SAGA_POSTGRES_DSN": self.place.coordinator_dsn,
            "SAGA_KAFKA_BOOTSTRAP": self.place.bootstrap,
            "SAGA_DEFINITIONS": ",".join(self._definitions),
            "SAGA_HTTP_PORT": str(self.place.http_port),
            "SAGA_INSECURE_DEV": "true",
            "SAGA_TOPIC_PARTITIONS": str(PARTITIONS),
            "SAGA_CLAIM_FOR": "3",
            "SAGA_CLAIM_BACKOFF": "3",
            **self.place.pace("SAGA"),
        }
        return Child("coordinator", ("-m", "saga", "serve"), environment, self._log("coordinator"))

    def _service(self, module: str, port: int) -> Child:
        environment = {
            "SERVICE_INSTANCE_ID": module,
            "SERVICE_POSTGRES_DSN": self.place.services_dsn,
            "SERVICE_KAFKA_BOOTSTRAP": self.place.bootstrap,
            "SERVICE_HTTP_PORT": str(port),
            **self.place.pace("SERVICE"),
        }
        return Child(module, ("-m", module), environment, self._log(module))


async def _all_ready(urls: Sequence[str]) -> bool:
    async with httpx2.AsyncClient(timeout=2, trust_env=False) as client:
        for url in urls:
            try:
                if (await client.get(f"{url}/readyz")).status_code != httpx2.codes.OK:
                    return False
            except httpx2.HTTPError:
                return False
    return True
